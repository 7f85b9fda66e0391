import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { explainNoMatch } from '../../src/tail/no-match.ts';
import { parsePattern } from '../../src/tail/pattern.ts';

test('a pattern that matches nothing is explained by what is there', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'logd-no-match-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  const explain = (path: string): Promise<string> => explainNoMatch(parsePattern(join(dir, path)));
  assert.equal(await explain('a.<%Y%m%d%H>'), `${dir} is empty.`);
  for (const name of ['access.log.2026112517', 'zzz', 'error.log']) await writeFile(join(dir, name), '');
  assert.equal(await explain('acess.log.<%Y%m%d%H>'), `${dir} has access.log.2026112517.`);
  assert.equal(await explain('logs/a.<%Y%m%d%H>'), `${dir}/logs does not exist; ${dir} does.`);
  await mkdir(join(dir, 'logs'));
  assert.equal(await explain('logs/a.<%Y%m%d%H>'), `${dir}/logs is empty.`);
  assert.equal(await explain('zzz/a.<%Y%m%d%H>'), `${dir}/zzz is no directory.`);
});
