/** `logd query` over stored hours, whatever the form of their paths. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { stringify } from 'yaml';
import { EARLIER_LAYOUT } from '../../src/stores/file/layout.ts';
import { cutInto, KEY, logParts } from '../commit/packs.ts';
import { notTested } from '../house/needs.ts';
import { startSinkNode } from '../roles/sink-node.ts';
import { key, storedHours } from './stored-hours.ts';

const MAIN = join(import.meta.dirname, '../../src/cli/main.ts');

test('the host is a column of stored hours with earlier paths, with new ones, and of both together', async (context) => {
  if ((await import('@duckdb/node-api').catch(() => undefined)) === undefined)
    return notTested(context, 'the optional package @duckdb/node-api');
  await using node = await startSinkNode({ compression: 'zstd', store: `layout: '${EARLIER_LAYOUT}'` });
  const store = async (host: string, hour: string): Promise<unknown> => {
    const key = { ...KEY, host, hour };
    await node.send(await cutInto(logParts(2), { key }));
    const { lines } = await node.reaches(key, 'sealed');
    return { host, dt: '2026-11-22', hour: hour.slice(8), lines: String(lines) };
  };
  const expected = [await store('web1', '2026112216'), await store('web2', '2026112216')];
  const config = join(node.dir, 'sink.yaml');
  const query = (): unknown => {
    const sql =
      'select host, dt, hour, count(*) as lines from stored group by all order by hour, host -- all days';
    const { stdout, stderr, status } = spawnSync(
      process.execPath,
      [MAIN, 'query', '-c', config, '--format', 'json', sql],
      { encoding: 'utf8' },
    );
    assert.equal(status, 0, stderr);
    return (JSON.parse(stdout) as Record<string, unknown>[]).map((row) => ({
      ...row,
      lines: String(row['lines']),
    }));
  };
  await writeFile(
    config,
    stringify({
      ...{ node: 'sink1', state_dir: join(node.dir, 'state') },
      sink: { listen: '127.0.0.1:0', store: { kind: 'file', dir: join(node.dir, 'stored') } },
    }),
  );
  assert.deepEqual(query(), expected);
  await node.restart(`layout: 'v2/stream={stream}/dt={date}/hour={hour}/host={host}/{stream}.log'`);
  expected.push(await store('web1', '2026112217'));
  // What logd keeps for itself is no stored hour.
  await mkdir(join(node.dir, 'stored', '.logd-aside'), { recursive: true });
  await writeFile(join(node.dir, 'stored', '.logd-aside', 'host=web9.log'), 'a line\n');
  assert.deepEqual(query(), expected);
});

test('no stored line is left out: neither one that is not UTF-8, nor one with quotes or odd bytes', async (context) => {
  if ((await import('@duckdb/node-api').catch(() => undefined)) === undefined)
    return notTested(context, 'the optional package @duckdb/node-api');
  await using hours = await storedHours('zstd');
  const config = join(hours.dir, 'sink.yaml');
  const layout = '{stream}/{date}/{hour}/{host}.log';
  const store = { kind: 'file', dir: join(hours.dir, 'stored'), layout };
  const sink = { listen: '127.0.0.1:0', ledger: { path: join(hours.dir, 'ledger.db') }, store };
  await writeFile(config, stringify({ node: 'sink1', state_dir: hours.dir, sink }));
  const query = () => {
    const sql = 'select line from stored';
    const { stdout, stderr, status } = spawnSync(
      process.execPath,
      [MAIN, 'query', '-c', config, '--format', 'json', sql],
      { encoding: 'utf8' },
    );
    assert.equal(status, 0, stderr);
    const lines = (JSON.parse(stdout) as { line: string | null }[]).map(({ line }) => line ?? '');
    return { lines, stderr };
  };
  const text = 'plain\n"half a quote\n\na\tb\u0001c,d;e|"f""g"\nümlaut\n';
  await hours.store(key('web1', '2026112216'), [text, 'next pack\n']);
  assert.deepEqual(query(), { lines: [...text.split('\n').slice(0, -1), 'next pack'], stderr: '' });
  await hours.store(key('web2', '2026112216'), [Buffer.from('caf\xe9\n', 'latin1')]);
  const { lines, stderr } = query();
  assert.match(stderr, /read as Latin-1/);
  assert.equal(lines.length, text.split('\n').length + 1);
  assert.ok(lines.includes('café'));
});
