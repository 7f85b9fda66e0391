/** The store read as a table, by the query that the README shows, and stores from before its paths were such. */
import assert from 'node:assert/strict';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { it } from 'node:test';
import { EARLIER_LAYOUT } from '../../../src/stores/file/layout.ts';
import { fileStore, openFileStore } from '../../../src/stores/file/file-store.ts';
import { cutInto, KEY, logParts } from '../../commit/packs.ts';
import { packsOf, logLines, Recorder, storePacks } from '../../contract/recorder.ts';
import { scratch } from '../../contract/store.ts';
import { notTested } from '../../house/needs.ts';
import { startSinkNode } from '../../roles/sink-node.ts';

const root = join(import.meta.dirname, '..', '..', '..');

/** The SQL block of a document, about another directory. */
const queryOf = async (document: string, dir: string): Promise<string> => {
  const text = await readFile(join(root, document), 'utf8');
  const blocks = [...text.matchAll(/```sql\n(.*?)```/gs)].map(([, block]) => block ?? '');
  assert.equal(blocks.length, 1, `${document} has one query`);
  assert.ok(blocks[0]!.includes("'/srv/logd/store/"));
  return blocks[0]!.replaceAll('/srv/logd/store', dir);
};

const duckdb = () => import('@duckdb/node-api').catch(() => undefined);

it('DuckDB finds stream, day, hour and host, and as many lines as the seals say, by the query of the README', async (test) => {
  const engine = await duckdb();
  if (engine === undefined) return notTested(test, 'the optional package @duckdb/node-api');
  await using node = await startSinkNode({ compression: 'zstd' });
  const expected: unknown[] = [];
  for (const hour of ['16', '17'])
    for (const host of ['web1', 'web2']) {
      const key = { ...KEY, host, hour: `20261122${hour}` };
      await node.send(await cutInto(logParts(host === 'web1' ? 3 : 1), { key }));
      const { lines } = await node.reaches(key, 'sealed');
      assert.ok(lines > 0);
      expected.push([key.stream, '2026-11-22', hour, host, String(lines)]);
    }
  const connection = await (await engine.DuckDBInstance.create()).connect();
  for (const document of ['README.md', 'docs/reading.md']) {
    const query = await queryOf(document, join(node.dir, 'stored'));
    const result = await connection.runAndReadAll(
      document === 'README.md'
        ? query
        : `SELECT stream, dt, hour, host, count(*) FROM (${query.replace(/;\s*$/, '')}) GROUP BY ALL ORDER BY ALL`,
    );
    assert.deepEqual(result.columnNames().slice(0, 4), ['stream', 'dt', 'hour', 'host']);
    assert.deepEqual(
      result.getRowsJson().map((row) => row.map(String)),
      expected,
      document,
    );
  }
  connection.closeSync();
});

it('a store whose files have the earlier paths goes on with them, whatever is the default', async () => {
  await using node = await startSinkNode({ store: `layout: '${EARLIER_LAYOUT}'` });
  const packs = await cutInto(logParts(4));
  await node.send(packs.slice(0, 2));
  await node.restart('');
  await node.send(packs.slice(2));
  await node.reaches(KEY, 'sealed');
  const later = { ...KEY, hour: '2026112223' };
  await node.send(await cutInto(logParts(2), { key: later }));
  await node.reaches(later, 'sealed');
  const paths = (await node.files()).filter((path) => path.endsWith('.log'));
  assert.deepEqual(
    paths.map((path) => path.slice(path.indexOf('/hour='))).toSorted(),
    ['/hour=16/host=web1.log', '/hour=23/host=web1.log'].toSorted(),
  );
  // Until it is told to: what has begun stays where it is.
  await node.restart(`layout: 'stream={stream}/dt={date}/hour={hour}/host={host}/{stream}.log'`);
  const last = { ...KEY, hour: '2026112300' };
  await node.send(await cutInto(logParts(2), { key: last }));
  await node.reaches(last, 'sealed');
  const added = (await node.files()).filter((path) => path.endsWith('.log') && !paths.includes(path));
  assert.deepEqual(
    added.map((path) => path.slice(path.indexOf('/hour='))),
    ['/hour=00/host=web1/access.log'],
  );
});

it('a store from before there were records of layouts is known by its files', async (test) => {
  const dir = await scratch(test);
  const options = { dir, compression: 'none', layout: undefined } as const;
  {
    await using store = await openFileStore({ ...options, layout: EARLIER_LAYOUT });
    await storePacks(store, new Recorder(), await packsOf([logLines(10, 1)]));
  }
  await rm(join(dir, '.logd-store'));
  assert.ok((await fileStore.view({ ...options, retain: 'forever' })).locate(KEY).endsWith('/host=web1.log'));
  await using store = await openFileStore(options);
  const tomorrow = { ...KEY, hour: '2026112316' };
  assert.ok(store.locate(tomorrow).endsWith('/hour=16/host=web1.log'));
});
