/** `logd cat` prints an hour whole, where Node's own zstd stops after the first frame. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { zstdDecompressSync } from 'node:zlib';
import { stringify } from 'yaml';
import { key, type StoredHours, storedHours } from './stored-hours.ts';

const MAIN = join(import.meta.dirname, '../../src/cli/main.ts');
const TEXTS = ['one\ntwo\n', 'three\n', 'four\nfive\n'];

const cat = async (hours: StoredHours, compression: string, ...args: string[]) => {
  const file = join(hours.dir, 'sink.yaml');
  const store = {
    ...{ kind: 'file', dir: join(hours.dir, 'stored'), compression },
    layout: '{stream}/{date}/{hour}/{host}.log',
  };
  const sink = { listen: '127.0.0.1:0', store, ledger: { path: join(hours.dir, 'ledger.db') } };
  await writeFile(file, stringify({ node: 'sink1', state_dir: hours.dir, sink }));
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, 'cat', ...args, '-c', file], {
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
};

for (const compression of ['none', 'zstd'] as const)
  test(`${compression}: an hour, and all hours of a day, in order`, async () => {
    await using hours = await storedHours(compression);
    await hours.store(key('web1', '2026112216'), TEXTS);
    await hours.store(key('web1', '2026112217'), ['next\n']);
    await hours.store(key('web2', '2026112216'), ['other\n']);
    const hour = await cat(hours, compression, 'web1', 'access', '2026112216');
    assert.deepEqual(hour, { status: 0, stdout: TEXTS.join(''), stderr: '' });
    const day = await cat(hours, compression, 'web1', 'access', '20261122');
    assert.deepEqual(day, { status: 0, stdout: `${TEXTS.join('')}next\n`, stderr: '' });
    if (compression === 'none') return;
    const stored = await readFile(hours.sink.locate(key('web1', '2026112216')));
    assert.equal(zstdDecompressSync(stored).toString(), TEXTS[0], 'as docs/reading.md says of Node');
  });

test('an hour that is not there, or not sealed, is exit code 1; --open prints what is here', async () => {
  await using hours = await storedHours('zstd');
  await hours.store(key('web1', '2026112216'), TEXTS, { ended: false });
  assert.match(
    (await cat(hours, 'zstd', 'web1', 'access', '2026112211')).stderr,
    /has no web1\/access\/2026112211/,
  );
  const closed = await cat(hours, 'zstd', 'web1', 'access', '2026112216');
  assert.deepEqual([closed.status, closed.stdout], [1, '']);
  assert.match(closed.stderr.replaceAll(/\s+/g, ' '), /is not sealed: it is open/);
  const open = await cat(hours, 'zstd', 'web1', 'access', '2026112216', '--open');
  assert.deepEqual([open.status, open.stdout], [1, TEXTS.join('')]);
  assert.match(open.stderr, /may be a part of it/);
});
