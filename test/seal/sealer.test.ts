import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { LogdError } from '../../src/error.ts';
import type { SegmentKey, VerifiedPack } from '../../src/pack/pack.ts';
import { cutInto, KEY, logParts } from '../commit/packs.ts';
import { type SealRig, sealRig } from './rig.ts';

const hourKey = (hour: number): SegmentKey => ({ ...KEY, hour: `20261122${String(hour).padStart(2, '0')}` });

/** Until it holds; the test's own timeout ends a waiting in vain. */
const until = async (holds: () => Promise<boolean> | boolean): Promise<void> => {
  while (!(await holds())) await turn();
};

test('a complete segment is sealed with what its agent said, and marked', async () => {
  await using rig = await sealRig();
  const packs = await cutInto(logParts(4));
  await rig.put(...packs);
  const { packs: count, lines, bytes, sha256 } = packs[3]!.header.done!;
  const [seal] = await rig.ledger.seals(KEY);
  assert.deepEqual(
    [seal?.packs, seal?.lines, seal?.bytes, seal?.sha256, seal?.generation],
    [count, lines, bytes, sha256, 1],
  );
  assert.deepEqual(await rig.markerFiles(), [`web1_access_2026112216_${lines}`]);
  assert.equal(rig.said('seal.sealed').length, 1);
});

test('an empty segment is sealed as empty', async () => {
  await using rig = await sealRig();
  await rig.put(...(await cutInto([Buffer.alloc(0)])));
  assert.deepEqual(await rig.markerFiles(), ['web1_access_2026112216_0']);
});

test('a segment that does not add up is refused, with the reason, and asking again changes nothing', async () => {
  await using rig = await sealRig();
  const packs = await cutInto(logParts(3));
  const { done } = packs[2]!.header;
  const lying = { ...packs[2]!, header: { ...packs[2]!.header, done: { ...done!, lines: done!.lines + 1 } } };
  // In order it would be refused by itself.
  for (const pack of [lying, packs[1]!, packs[0]!]) assert.deepEqual(await rig.put(pack), ['ack']);
  assert.equal(await rig.state(KEY), 'refused');
  rig.sealer.request(KEY);
  await rig.sealer.idle();
  const reason = `It has ${done!.lines} lines, its agent read ${done!.lines + 1}.`;
  assert.deepEqual(rig.said('seal.refused'), [{ ...KEY, reason }]);
  assert.equal((await rig.ledger.segment(KEY))?.reason, reason);
  assert.deepEqual([await rig.ledger.seals(KEY), await rig.markerFiles()], [[], []]);
});

test('a byte that changed in the store refuses the seal and names the pack', async () => {
  await using rig = await sealRig();
  const packs = await cutInto(logParts(4));
  for (const pack of packs.slice(1).toReversed()) await rig.put(pack);
  const { offset, bytes } = packs[2]!.header;
  rig.store.bytesOf(KEY)[offset + 1]! ^= 1;
  await rig.put(packs[0]!);
  assert.equal(await rig.state(KEY), 'refused');
  assert.match(
    String((await rig.ledger.segment(KEY))?.reason),
    new RegExp(`pack 3 \\(bytes ${offset} to ${offset + bytes}\\)`),
  );
});

test('stored bytes that cannot be read for good refuse the seal', async () => {
  await using rig = await sealRig();
  const packs = await cutInto(logParts(2));
  await rig.put(packs[1]!);
  rig.store.fails = (call) => {
    if (call === 'read') throw new LogdError('corrupt', 'Pack 2 of it is damaged.');
    return false;
  };
  await rig.put(packs[0]!);
  assert.equal(await rig.state(KEY), 'refused');
  assert.deepEqual(rig.said('seal.refused'), [{ ...KEY, reason: 'Pack 2 of it is damaged.' }]);
});

test(
  'whatever step fails, it is tried again until the segment is sealed and marked',
  { timeout: 30_000 },
  async (t) => {
    const steps: [string, (rig: SealRig, fail: () => boolean) => void][] = [
      ['read', (rig, fail) => (rig.store.fails = (call) => call === 'read' && fail())],
      ['seal', (rig, fail) => (rig.store.fails = (call) => call === 'seal' && fail())],
      ['ledger', (rig, fail) => (rig.ledger.fails = (call) => call === 'seal' && fail())],
      ['packs', (rig, fail) => (rig.ledger.fails = (call) => call === 'packs' && fail())],
    ];
    for (const [what, arrange] of steps) {
      t.mock.timers.enable({ apis: ['setTimeout'] });
      await using rig = await sealRig();
      let failures = 2;
      arrange(rig, () => failures-- > 0);
      const packs = await cutInto(logParts(3));
      for (const pack of packs.toReversed()) assert.deepEqual(await rig.put(pack), ['ack']);
      for (let n = 1; n <= 2; n++) {
        assert.equal(rig.said('seal.failed').length, n, what);
        t.mock.timers.tick(2_000 * n);
        await rig.sealer.idle();
      }
      assert.equal(await rig.state(KEY), 'sealed', what);
      await rig.outputs.idle();
      assert.deepEqual(
        await rig.markerFiles(),
        [`web1_access_2026112216_${packs[2]!.header.done!.lines}`],
        what,
      );
      assert.equal(rig.said('seal.sealed').length, 1, what);
      t.mock.timers.reset();
    }
  },
);

test('a seal that cannot be made is tried again at growing intervals', { timeout: 30_000 }, async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  await using rig = await sealRig();
  rig.store.fails = (call) => call === 'seal';
  await rig.put(...(await cutInto(logParts(1))));
  let waited = 0;
  const tries: number[] = [];
  while (waited < 3_600_000) {
    t.mock.timers.tick(1_000);
    waited += 1_000;
    await rig.sealer.idle();
    if (rig.said('seal.failed').length > tries.length + 1) tries.push(waited / 1_000);
  }
  assert.deepEqual(tries.slice(0, 9), [2, 6, 14, 30, 62, 126, 254, 510, 810]);
  rig.store.fails = () => false;
  t.mock.timers.tick(300_000);
  await rig.sealer.idle();
  assert.equal(await rig.state(KEY), 'sealed');
});

test('stored bytes that are missing hold up the seal until they are back, and are read then', async (t) => {
  for (const isBack of [true, false]) {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    await using rig = await sealRig();
    rig.store.fails = (call) => {
      if (call === 'seal') throw new LogdError('corrupt', 'The file is gone.', { retryable: true });
      return false;
    };
    await rig.put(...(await cutInto(logParts(3))));
    assert.deepEqual(rig.said('seal.failed'), [{ ...KEY, reason: 'The file is gone.' }]);
    assert.equal(await rig.state(KEY), 'complete');
    // What arrived was right: only reading can tell that something else was put in its place.
    if (!isBack) rig.store.bytesOf(KEY)[3]! ^= 1;
    rig.store.fails = () => false;
    t.mock.timers.tick(2_000);
    await rig.sealer.idle();
    assert.equal(await rig.state(KEY), isBack ? 'sealed' : 'refused');
    assert.equal((await rig.ledger.seals(KEY)).length, isBack ? 1 : 0);
    t.mock.timers.reset();
  }
});

test('what waits to be tried again does not hold up the end', { timeout: 30_000 }, async () => {
  const rig = await sealRig();
  rig.store.fails = (call) => call === 'seal';
  await rig.put(...(await cutInto(logParts(1))));
  await rig[Symbol.asyncDispose]();
  const { length } = rig.events;
  rig.sealer.request(KEY);
  await rig.sealer.idle();
  assert.equal(rig.events.length, length);
});

test('late lines reopen the segment, take its markers away, and end in a seal of generation 2', async () => {
  await using rig = await sealRig();
  const packs = await cutInto(logParts(5), { ends: [3, 5] });
  await rig.put(...packs.slice(0, 3));
  const [first] = await rig.ledger.seals(KEY);
  await rig.put(packs[3]!);
  assert.deepEqual([await rig.state(KEY), await rig.markerFiles()], ['open', []]);
  await rig.put(packs[4]!);
  const seals = await rig.ledger.seals(KEY);
  assert.deepEqual(
    seals.map(({ generation, sha256 }) => [generation, sha256]),
    [
      [1, packs[2]!.header.sha256],
      [2, packs[4]!.header.sha256],
    ],
  );
  assert.deepEqual(seals[0], first);
  assert.deepEqual(await rig.markerFiles(), [`web1_access_2026112216_${packs[4]!.header.done!.lines}`]);
});

for (const [hours, day] of [
  [23, '20260329'],
  [24, '20261122'],
  [25, '20261025'],
] as const)
  test(`a day of ${hours} hours is complete with the last of them, whatever their order`, async () => {
    await using rig = await sealRig();
    const numbers = Array.from({ length: 24 }, (_, hour) => String(hour).padStart(2, '0'));
    const ofDay = hours === 23 ? numbers.filter((hour) => hour !== '02') : numbers;
    const labels = [...ofDay, ...(hours === 25 ? ['02b'] : [])].map((hour) => ({ ...KEY, hour: day + hour }));
    const segments = await Promise.all(labels.map((key) => cutInto(logParts(1), { key, hoursInDay: hours })));
    const last = segments.splice(7, 1)[0]!;
    for (const packs of segments.toReversed()) await rig.put(...packs);
    assert.equal((await rig.markerFiles()).length, hours - 1);
    assert.deepEqual(rig.said('seal.day-complete'), []);
    await rig.put(...last);
    assert.ok((await rig.markerFiles()).includes(`web1_access_${day}`));
    assert.deepEqual(rig.said('seal.day-complete'), [{ host: 'web1', stream: 'access', day, hours }]);
  });

test('a day is no longer complete when one of its hours is reopened, and again when that is sealed', async () => {
  await using rig = await sealRig();
  const hours: VerifiedPack[][] = [];
  for (let hour = 0; hour < 24; hour++)
    hours.push(await cutInto(logParts(2), { key: hourKey(hour), ends: [1, 2] }));
  for (const [first] of hours) await rig.put(first!);
  assert.ok((await rig.markerFiles()).includes('web1_access_20261122'));
  await rig.put(hours[5]![1]!);
  assert.equal(await rig.state(hourKey(5)), 'sealed');
  const files = await rig.markerFiles();
  assert.ok(files.includes('web1_access_20261122'));
  assert.equal(files.length, 25);
  const { done: _, ...header } = hours[6]![1]!.header;
  await rig.put({ ...hours[6]![1]!, header });
  assert.equal((await rig.markerFiles()).length, 23);
  assert.ok(!(await rig.markerFiles()).includes('web1_access_20261122'));
});

test("an hour that is reopened while the day's last one is marked leaves no marker of the day", async () => {
  await using rig = await sealRig();
  const hours: VerifiedPack[][] = [];
  for (let hour = 0; hour < 24; hour++)
    hours.push(await cutInto(logParts(3), { key: hourKey(hour), ends: [1, 3] }));
  for (const [first] of hours.slice(1)) await rig.put(first!);
  let reopened: Promise<unknown> | undefined;
  // The last hour is sealed in the ledger; before its markers are written a late pack reopens another.
  rig.markerFails = (call) => {
    const late = hours[9]![1]!;
    if (call === 'sealed' && reopened === undefined)
      reopened = rig.commit.put({
        header: late.header,
        verified: Promise.resolve(late),
        release: () => undefined,
      });
    return false;
  };
  await rig.put(hours[0]![0]!);
  await reopened;
  await until(async () => (await rig.state(hourKey(9))) === 'open');
  await rig.sealer.idle();
  const files = await rig.markerFiles();
  assert.ok(!files.includes('web1_access_20261122'), files.join());
  assert.equal(files.length, 23);
});

test('a stop waits for seals that are begun only: the others are sealed after the next start', async () => {
  await using rig = await sealRig();
  const gate = Promise.withResolvers<void>();
  const { seal } = rig.store;
  let begun = 0;
  rig.store.seal = async (segment) => {
    begun++;
    await gate.promise;
    await seal.call(rig.store, segment);
  };
  const hours = Array.from({ length: 400 }, (_, n) => ({ ...KEY, host: `web${n}` }));
  const packs = await Promise.all(hours.map((key) => cutInto(logParts(1), { key })));
  const answers = packs.flat().map(({ header, ...pack }) =>
    rig.commit.put({
      header,
      verified: Promise.resolve({ header, ...pack }),
      release: () => undefined,
    }),
  );
  assert.ok((await Promise.all(answers)).every(({ kind }) => kind === 'ack'));
  while (begun === 0) await turn();
  const stopped = rig.sealer[Symbol.asyncDispose]();
  gate.resolve();
  await stopped;
  const atStop = begun;
  for (let turns = 0; turns < 50; turns++) await turn();
  assert.equal(begun, atStop, 'a seal was begun after the stop');
  const states = await Promise.all(hours.map(rig.state));
  assert.ok(states.includes('complete'), 'the stop waited for all seals');
  assert.ok(states.includes('sealed'), 'a seal that was begun was given up');
  assert.deepEqual(rig.said('seal.failed'), []);
  await rig.restart();
  assert.ok((await Promise.all(hours.map(rig.state))).every((state) => state === 'sealed'));
});
