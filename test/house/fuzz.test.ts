/** `npm run fuzz` for a few seconds with each run of the tests; longer by hand. `LOGD_SEED` gives the seed of a run that failed. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { it } from 'node:test';

const SECONDS = 3;
const FUZZ = join(import.meta.dirname, '..', '..', 'scripts', 'fuzz.ts');

it('changed and invented bytes do no harm to the decoders of both wires', (t) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [FUZZ, String(SECONDS)], {
    encoding: 'utf8',
  });
  t.diagnostic(stdout);
  assert.equal(status, 0, `${stdout}${stderr}`);
  assert.match(stdout, /[1-9]\d* rounds without a fault/);
});
