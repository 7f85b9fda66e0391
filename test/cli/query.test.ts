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
