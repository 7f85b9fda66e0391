/** What retention removes, what it never removes, and what is left: over a real store, a real ledger and real marker files. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { auditSegment, isProven } from '../../src/audit/segment.ts';
import { openShipped } from '../../src/audit/shipped.ts';
import { createCommitStage } from '../../src/commit/commit-stage.ts';
import { recordedSegment } from '../../src/ledger/recorded.ts';
import { openSqliteLedger } from '../../src/ledger/sqlite/sqlite-ledger.ts';
import type { Output, OutputDeps } from '../../src/outputs/output.ts';
import { markersKind } from '../../src/outputs/markers/markers.ts';
import { startOutputs } from '../../src/outputs/outputs.ts';
import type { SegmentKey, VerifiedPack } from '../../src/pack/pack.ts';
import { showState } from '../../src/report/segment-text.ts';
import { retainOnce } from '../../src/seal/retention.ts';
import { createSealer } from '../../src/seal/sealer.ts';
import { openFileStore } from '../../src/stores/file/file-store.ts';
import { brief } from '../commit/rig.ts';
import { cutInto, KEY, logParts } from '../commit/packs.ts';

const DAY_MS = 86_400_000;
const START = Date.UTC(2026, 10, 25);

/** Takes packs, or fails as long as it is told to. */
const output = (isDead: () => boolean): Output => ({
  deliver: (item) =>
    isDead()
      ? Promise.reject(new Error('The destination is away.'))
      : Promise.resolve({ delivered: item.lines, dropped: 0, rejected: 0 }),
  status: () => ({ state: 'running' }),
  [Symbol.asyncDispose]: () => Promise.resolve(),
});

interface Settings {
  readonly compression?: 'none' | 'zstd';
  /** Beside the markers, an output of packs. */
  readonly isDead?: () => boolean;
}

const openRig = async ({ compression = 'none', isDead }: Settings = {}) => {
  const dir = await mkdtemp(join(tmpdir(), 'logd-retention-'));
  const ledger = await openSqliteLedger({ path: join(dir, 'ledger.db') });
  const store = await openFileStore({ dir: join(dir, 'stored'), compression });
  const said: string[] = [];
  let now = START;
  const clock = { now: () => now, monotonic: () => now };
  const deps = { store, ledger, clock, emit: (name: string) => void said.push(name) };
  const outputs = await startOutputs({
    outputs: [
      {
        ...{ name: 'markers', unit: 'hour', start: 'beginning', parallel: 4 },
        open: (with_: OutputDeps) => markersKind.open({ dir: join(dir, 'received') }, with_),
      },
      ...(isDead
        ? [
            {
              ...{ name: 'packs', unit: 'pack' as const, start: 'beginning', parallel: 4 },
              open: () => Promise.resolve(output(isDead)),
            },
          ]
        : []),
    ],
    ...{ stateDir: join(dir, 'state'), ...deps },
  });
  const commit = createCommitStage({
    ...deps,
    onComplete: (key) => sealer.request(key),
    onRecorded: () => outputs.wake(),
    onReopened: (key) => outputs.reopened(key),
  });
  const sealer = createSealer({ commit, ...deps, onSealed: () => outputs.wake() });
  const put = async (...packs: readonly VerifiedPack[]): Promise<string[]> => {
    const answers: string[] = [];
    for (const pack of packs)
      answers.push(
        brief(
          await commit.put({
            header: pack.header,
            verified: Promise.resolve(pack),
            release: () => undefined,
          }),
        ),
      );
    await sealer.idle();
    await outputs.idle();
    return answers;
  };
  return {
    ...{ dir, ledger, store, said, outputs, commit, put },
    later: (days: number) => (now += days * DAY_MS),
    retain: (retain: 'forever' | 'delivered' | number, keepPacks = Infinity) =>
      retainOnce({ ...deps, commit, outputs, retain, keepPacks }),
    markers: async () => (await readdir(join(dir, 'received'))).toSorted(),
    stored: async () => (await readdir(join(dir, 'stored'))).filter((name) => !name.startsWith('.')),
    read: async (key: SegmentKey = KEY): Promise<Buffer> => {
      const parts: Buffer[] = [];
      for await (const part of store.read(recordedSegment(ledger, (await ledger.segment(key))!)))
        parts.push(Buffer.from(part));
      return Buffer.concat(parts);
    },
    audit: async (key: SegmentKey = KEY) =>
      auditSegment(
        {
          ...{ ledger, sink: store, storesFiles: true, sources: new Map(), shipped: openShipped(ledger) },
          onBytes: () => undefined,
        },
        (await ledger.segment(key))!,
      ),
    async [Symbol.asyncDispose]() {
      await sealer[Symbol.asyncDispose]();
      await outputs[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
      await ledger[Symbol.asyncDispose]();
      await rm(dir, { recursive: true });
    },
  };
};

test('an hour that is old enough is removed: its file and markers go, its seal stays, and nobody calls it missing', async () => {
  await using rig = await openRig();
  const packs = await cutInto(logParts(3));
  await rig.put(...packs);
  const [seal] = await rig.ledger.seals(KEY);
  const path = rig.store.locate(KEY);
  rig.later(89);
  await rig.retain(90 * DAY_MS);
  assert.ok(existsSync(path));
  rig.later(2);
  await rig.retain(90 * DAY_MS);
  assert.deepEqual([existsSync(path), await rig.markers()], [false, []]);
  assert.deepEqual(await rig.stored(), []);
  assert.deepEqual(await rig.ledger.seals(KEY), [seal]);
  const segment = (await rig.ledger.segment(KEY))!;
  assert.deepEqual([segment.state, showState(segment)], ['sealed', 'removed (retention)']);
  const audit = await rig.audit();
  assert.deepEqual([audit.stored, audit.notes, isProven(audit)], ['removed (retention)', [], true]);
  await assert.rejects(rig.read(), /was removed by retention on 2027-02-24.*The hour was sealed/);
  assert.deepEqual(
    rig.said.filter((name) => name.startsWith('retain.')),
    ['retain.removed'],
  );
  await rig.retain(90 * DAY_MS);
  assert.equal(rig.said.filter((name) => name.startsWith('retain.')).length, 1);
});

test('packs that come again for a removed hour are acked, late lines are refused, and nothing of them is stored', async () => {
  await using rig = await openRig();
  const packs = await cutInto(logParts(4), { ends: [3, 4] });
  await rig.put(...packs.slice(0, 3));
  rig.later(1);
  await rig.retain('delivered');
  assert.deepEqual(await rig.put(...packs), ['ack', 'ack', 'ack', 'conflict']);
  assert.deepEqual(
    rig.said.filter((name) => name.startsWith('store.')),
    ['store.late-refused'],
  );
  const segment = (await rig.ledger.segment(KEY))!;
  assert.deepEqual([segment.state, segment.generation, segment.packs], ['sealed', 1, 3]);
  assert.ok(!existsSync(rig.store.locate(KEY)));
  await assert.rejects(rig.ledger.reopen(KEY, 2), /retention has removed/);
  const [result] = await rig.ledger.commit([
    { header: packs[3]!.header, place: { at: 0, length: 9 }, arrivedAt: 1 },
  ]);
  assert.equal(result?.outcome, 'conflict');
});

test('what is not sealed, and what an output still needs, stays however old it is', async () => {
  let isDead = true;
  await using rig = await openRig({ isDead: () => isDead });
  const open = { ...KEY, hour: '2026112215' };
  const [first] = await cutInto(logParts(2), { key: open });
  await rig.put(first!, ...(await cutInto(logParts(2))));
  rig.later(400);
  for (const retain of ['delivered', DAY_MS] as const) await rig.retain(retain, DAY_MS);
  for (const key of [open, KEY]) {
    assert.ok(existsSync(rig.store.locate(key)));
    assert.ok((await rig.ledger.packs(key, 0, 9)).length > 0);
    assert.equal((await rig.ledger.segment(key))?.removed, undefined);
  }
  isDead = false;
  // The next try is due.
  await rig.ledger.replay('packs', '2026', '2027');
  rig.outputs.wake();
  while ((await rig.ledger.delivery('packs', KEY))?.nextId !== 3)
    await new Promise((resolve) => void setTimeout(resolve, 20));
  await rig.retain('delivered', DAY_MS);
  assert.deepEqual(
    [open, KEY].map((key) => existsSync(rig.store.locate(key))),
    [true, false],
  );
});

test('an output that is set back between the look and the removal keeps its hour; one that is forgotten does not', async () => {
  await using rig = await openRig({ isDead: () => false });
  await rig.put(...(await cutInto(logParts(2))));
  const segment = (await rig.ledger.segment(KEY))!;
  const settled = (await rig.outputs.settled(segment))!;
  await rig.ledger.addOutput('new', 'beginning', START);
  assert.equal(await rig.ledger.beginRemoval(KEY, 1, settled, START), false);
  assert.equal(await rig.outputs.settled(segment), undefined);
  await rig.ledger.forgetOutput('new');
  await rig.ledger.replay('packs', '2026', '2027');
  assert.equal(await rig.ledger.beginRemoval(KEY, 1, settled, START), false);
  assert.equal(await rig.ledger.archive(KEY, 1, settled), false);
  await rig.ledger.requestRepull(KEY, [], START);
  await rig.outputs.idle();
  assert.equal(await rig.ledger.beginRemoval(KEY, 2, settled, START), false);
  assert.ok(existsSync(rig.store.locate(KEY)));
});

test('a removal that a crash has ended half-way is ended by the next look, whatever is kept by then', async () => {
  await using rig = await openRig();
  await rig.put(...(await cutInto(logParts(2))));
  const segment = (await rig.ledger.segment(KEY))!;
  const settled = (await rig.outputs.settled(segment))!;
  assert.ok(await rig.ledger.beginRemoval(KEY, 1, settled, START));
  assert.ok(existsSync(rig.store.locate(KEY)));
  await rig.retain('forever');
  assert.ok(!existsSync(rig.store.locate(KEY)));
  assert.deepEqual([await rig.ledger.removing(9), await rig.markers()], [[], []]);
  assert.equal((await rig.ledger.segment(KEY))?.removed, START);
});

for (const compression of ['none', 'zstd'] as const)
  test(`an hour whose packs are forgotten keeps its seal and its file, stored as ${compression}`, async () => {
    await using rig = await openRig({ compression, isDead: () => false });
    const packs = await cutInto(logParts(4), { ends: [2, 3, 4], codec: compression });
    await rig.put(packs[1]!, packs[0]!, packs[2]!);
    const whole = Buffer.concat(packs.slice(0, 3).map(({ raw }) => raw));
    const seals = await rig.ledger.seals(KEY);
    assert.deepEqual([seals.length, await rig.read()], [2, whole]);
    rig.later(36);
    await rig.retain('forever', 35 * DAY_MS);
    assert.deepEqual([await rig.ledger.packs(KEY, 0, 9), await rig.markers()], [[], []]);
    assert.deepEqual(await rig.ledger.deliveries('packs', {}, { limit: 9 }), []);
    assert.deepEqual([await rig.ledger.seals(KEY), await rig.read()], [seals, whole]);
    const audit = await rig.audit();
    assert.deepEqual([audit.stored, audit.notes], ['identical', []]);
    // Late lines, and packs of which nobody knows any more whether they are what they were.
    assert.deepEqual(await rig.put(packs[3]!, packs[0]!), ['conflict', 'conflict']);
    assert.deepEqual([(await rig.ledger.segment(KEY))?.generation, await rig.read()], [2, whole]);
    // The end of its keeping comes later; the seals stay.
    rig.later(60);
    await rig.retain(90 * DAY_MS, 35 * DAY_MS);
    assert.deepEqual(
      [(await rig.audit()).stored, await rig.ledger.seals(KEY)],
      ['removed (retention)', seals],
    );
    assert.ok(!existsSync(rig.store.locate(KEY)));
    assert.equal((await rig.ledger.changes(0, 9)).length, 0);
  });

test('a byte that changes in the file of an hour whose packs are forgotten is found by the audit', async () => {
  await using rig = await openRig();
  await rig.put(...(await cutInto(logParts(3))));
  rig.later(36);
  await rig.retain('forever', DAY_MS);
  const path = rig.store.locate(KEY);
  await chmod(path, 0o644);
  const bytes = await readFile(path);
  bytes[3]! ^= 1;
  await writeFile(path, bytes);
  assert.equal((await rig.audit()).stored, 'differs');
  await rm(path);
  assert.equal((await rig.audit()).stored, 'missing');
});

test('many hosts and hours are walked through, and what is done is not looked at again', async () => {
  await using rig = await openRig();
  const hours = Array.from({ length: 130 }, (_, n) => ({
    ...{ host: `web${n % 3}`, stream: 'access' },
    hour: `202610${String(1 + Math.floor(n / 24)).padStart(2, '0')}${String(n % 24).padStart(2, '0')}`,
  }));
  const segments = await Promise.all(hours.map((key) => cutInto(logParts(1), { key, hoursInDay: 0 })));
  await Promise.all(segments.map((packs) => rig.put(...packs)));
  rig.later(100);
  await rig.retain(90 * DAY_MS, 95 * DAY_MS);
  for (const key of hours) {
    const { removed, archived } = (await rig.ledger.segment(key))!;
    assert.ok(removed !== undefined && archived === true);
  }
  assert.deepEqual(await rig.stored(), []);
});

test('an hour whose file cannot be removed stays in the ledger as it is, is tried again, and holds up no other', async () => {
  await using rig = await openRig();
  const other = { ...KEY, hour: '2026112215' };
  await rig.put(...(await cutInto(logParts(2))), ...(await cutInto(logParts(2), { key: other })));
  const path = rig.store.locate(KEY);
  await rename(path, `${path}.kept`);
  await mkdir(path);
  rig.later(1);
  await rig.retain('delivered');
  assert.deepEqual(
    rig.said.filter((name) => name.startsWith('retain.')),
    ['retain.removed', 'retain.failed'],
  );
  assert.ok(!existsSync(rig.store.locate(other)));
  await rmdir(path);
  await rename(`${path}.kept`, path);
  await rig.retain('delivered');
  assert.deepEqual([existsSync(path), await rig.ledger.removing(9)], [false, []]);
});
