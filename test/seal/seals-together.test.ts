/** Hours that end together share what makes them durable: over a real store and a real ledger. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createCommitStage } from '../../src/commit/commit-stage.ts';
import { openSqliteLedger } from '../../src/ledger/sqlite/sqlite-ledger.ts';
import type { SegmentKey } from '../../src/pack/pack.ts';
import { createSealer } from '../../src/seal/sealer.ts';
import { sealGroups } from '../../src/seal/seal-groups.ts';
import { openFileStore } from '../../src/stores/file/file-store.ts';
import type { Seal } from '../../src/ledger/ledger.ts';
import { cutInto, KEY, logParts } from '../commit/packs.ts';
import { CLOCK, sealRig } from './rig.ts';

const HOURS = 200;
const keyOf = (n: number): SegmentKey => ({ ...KEY, host: `web${n}` });

test('hours that are complete together are sealed in few transactions, each with its own bytes', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'logd-seals-'));
  try {
    await using ledger = await openSqliteLedger({ path: join(dir, 'ledger.db') });
    await using store = await openFileStore({ dir: join(dir, 'stored'), compression: 'none' });
    const said: string[] = [];
    const deps = { store, ledger, clock: CLOCK, emit: (name: string) => void said.push(name) };
    const complete: SegmentKey[] = [];
    const commit = createCommitStage({
      ...{ ...deps, onComplete: (key) => void complete.push(key), onReopened: () => Promise.resolve() },
    });
    await using sealer = createSealer({ ...{ ...deps, commit, onSealed: () => undefined } });
    const segments = await Promise.all(
      Array.from({ length: HOURS }, (_, n) => cutInto(logParts(2, n), { key: keyOf(n) })),
    );
    for (const { header, ...pack } of segments.flat())
      await commit.put({
        header,
        verified: Promise.resolve({ header, ...pack }),
        release: () => undefined,
      });
    assert.equal(complete.length, HOURS);
    const before = ledger.counters().transactions;
    for (const key of complete) sealer.request(key);
    await sealer.idle();
    assert.deepEqual(new Set(said), new Set(['seal.sealed']));
    assert.ok(ledger.counters().transactions - before <= HOURS / 4);
    for (const [n, packs] of segments.entries())
      assert.equal((await ledger.seals(keyOf(n)))[0]?.sha256, packs.at(-1)!.header.sha256);
  } finally {
    await rm(dir, { recursive: true });
  }
});

test('many segments are given their final form at a time, and no more than are allowed open files', async () => {
  await using rig = await sealRig();
  const segments = await Promise.all(
    Array.from({ length: HOURS }, (_, n) => cutInto(logParts(1), { key: keyOf(n) })),
  );
  let [now, most] = [0, 0];
  rig.store.pause = async (call) => {
    if (call !== 'seal') return;
    most = Math.max(most, ++now);
    await new Promise((resolve) => void setTimeout(resolve, 1));
    now--;
  };
  await rig.put(...segments.flat());
  assert.equal(rig.said('seal.sealed').length, HOURS);
  assert.ok(most > 1 && most <= 64, `${most} at a time`);
});

const SEAL: Seal = {
  ...{ ...KEY, packs: 1, lines: 1, bytes: 1, sha256: '', generation: 1 },
  ...{ firstArrival: 0, lastArrival: 0, sealedAt: 0 },
};

test('a seal that comes alone does not wait for others; several that are at work go together', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const recorded: string[] = [];
  let atWork = 1;
  const record = sealGroups(
    {
      seal: ({ host }) => {
        recorded.push(host);
        return host === 'bad' ? Promise.reject(new Error('no')) : Promise.resolve({ day: undefined });
      },
    },
    () => atWork,
  );
  await record({ ...SEAL, host: 'alone' });
  atWork = 4;
  const group = Promise.allSettled(['a', 'bad', 'c'].map((host) => record({ ...SEAL, host })));
  assert.deepEqual(recorded, ['alone']);
  t.mock.timers.tick(25);
  assert.deepEqual(
    (await group).map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  );
  assert.deepEqual(recorded, ['alone', 'a', 'bad', 'c']);
});

test('the marker of all hosts is looked for a few times, however many hosts end the hour together', async () => {
  await using rig = await sealRig();
  const segments = await Promise.all(
    Array.from({ length: 100 }, (_, n) => cutInto(logParts(2), { key: keyOf(n), ends: [1, 2] })),
  );
  let looks = 0;
  const { presence } = rig.ledger;
  rig.ledger.presence = (...args) => {
    looks++;
    return presence(...args);
  };
  await rig.put(...segments.map(([first]) => first!));
  assert.deepEqual(await rig.streamMarkers(), ['_access_2026112216']);
  assert.ok(looks < 100, `${looks} looks`);
  // Late lines of one of them take it away, and it comes back with their seal.
  const late = segments[7]![1]!;
  const { done: _, ...header } = late.header;
  await rig.put({ ...late, header: { ...header, id: 3, offset: late.header.offset + late.header.bytes } });
  assert.deepEqual(await rig.streamMarkers(), []);
});
