/** Markers of whole streams, on a real ledger: who must have an hour is asked before one is written. */
import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ExpectRules } from '../../../src/ledger/expected-set.ts';
import { openSqliteLedger } from '../../../src/ledger/sqlite/sqlite-ledger.ts';
import type { Output } from '../../../src/outputs/output.ts';
import { openMarkerFiles } from '../../../src/outputs/markers/marker-files.ts';
import { openMarkers } from '../../../src/outputs/markers/markers.ts';
import { end, lastPack, sealOf } from '../../ledger/packs.ts';

const NOW = Date.UTC(2026, 10, 22, 18);
const WEEK: ExpectRules = { within: 7 * 86_400_000 };

const createRoom = async () => {
  const dir = await mkdtemp(join(tmpdir(), 'logd-markers-'));
  const ledger = await openSqliteLedger({ path: join(dir, 'ledger.db') });
  const received = join(dir, 'received');
  const removed: string[] = [];
  const deps = {
    ...{ name: 'markers', stateDir: dir, ledger, clock: { now: () => NOW, monotonic: () => 0 } },
    emit: (_: string, fields: object) =>
      void removed.push(String((fields as { examples?: string }).examples)),
  };
  const keyOf = (host: string, hour: string) => ({ host, stream: 'access', hour });
  return {
    ledger,
    received,
    removed,
    open: async (rules = WEEK): Promise<Output> => openMarkers(await openMarkerFiles(received), deps, rules),
    async seal(output: Output, host: string, hour: string, hoursInDay = 24) {
      const key = keyOf(host, hour);
      await ledger.commit([lastPack(1, { ...key, done: end(1, { hoursInDay }) })]);
      const seal = sealOf((await ledger.segment(key))!);
      await ledger.seal(seal);
      const item = { unit: 'hour', key, seal, lines: seal.lines, read: () => Readable() } as const;
      await output.deliver(item, new AbortController().signal);
    },
    async reopen(output: Output, host: string, hour: string) {
      await ledger.reopen(keyOf(host, hour), 2);
      await output.withdraw?.(keyOf(host, hour));
    },
    markers: async () => (await readdir(received)).filter((name) => name.startsWith('_')).sort(),
    async [Symbol.asyncDispose]() {
      await ledger[Symbol.asyncDispose]();
      await rm(dir, { recursive: true, force: true });
    },
  };
};

async function* Readable(): AsyncGenerator<Buffer> {}

test('an hour has the marker of all hosts once the last of them is sealed', async () => {
  await using room = await createRoom();
  await using output = await room.open();
  await room.seal(output, 'web1', '2026112214');
  await room.seal(output, 'web2', '2026112214');
  assert.deepEqual(await room.markers(), ['_access_2026112214']);
  await room.seal(output, 'web1', '2026112215');
  assert.deepEqual(await room.markers(), ['_access_2026112214'], 'web2 is absent');
  await room.seal(output, 'web2', '2026112215');
  assert.deepEqual(await room.markers(), ['_access_2026112214', '_access_2026112215']);
  await room.reopen(output, 'web1', '2026112214');
  assert.deepEqual(await room.markers(), ['_access_2026112215']);
});

test('a day has one once all hours of all hosts are sealed', async () => {
  await using room = await createRoom();
  await using output = await room.open();
  for (const hour of ['2026112214', '2026112215'])
    for (const host of ['web1', 'web2']) {
      assert.equal((await room.markers()).includes('_access_20261122'), false);
      await room.seal(output, host, hour, 2);
    }
  assert.ok((await room.markers()).includes('_access_20261122'));
});

test('a fixed set, and who was retired, count as everywhere', async () => {
  await using room = await createRoom();
  const fixed = [{ host: 'web1' }, { host: 'web9' }];
  await using output = await room.open({ ...WEEK, fixed });
  await room.seal(output, 'web1', '2026112214');
  await room.seal(output, 'web2', '2026112214');
  assert.deepEqual(await room.markers(), []);
  await using other = await room.open();
  await room.ledger.expect({ stream: 'access', host: 'web2', retired: '2026112215' });
  await room.seal(other, 'web1', '2026112215');
  assert.deepEqual(await room.markers(), ['_access_2026112215']);
});

test('at the start, markers of all hosts that the ledger does not back are removed', async () => {
  await using room = await createRoom();
  {
    await using output = await room.open();
    await room.seal(output, 'web1', '2026112214');
    await room.seal(output, 'web2', '2026112214');
    await room.seal(output, 'web1', '2026112215');
  }
  for (const hour of ['2026112215', '2026112217'])
    await writeFile(join(room.received, `_access_${hour}`), '');
  await using _ = await room.open();
  assert.deepEqual(await room.markers(), ['_access_2026112214']);
  assert.equal(room.removed.length, 1);
});
