/** Memory for bodies: bounded, shared, and taken back from those who stall. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type BodyMemory, createBodyShares } from '../../src/transport/body-shares.ts';
import { encodeFrame } from '../../src/transport/tcp/frame.ts';
import { OPENING, packFrame, packOf, startRig } from './tcp/rig.ts';

const MIB = 1 << 20;
const never = (): void => assert.fail('nobody is slow');
const poolOf = (total: number, body: number, connections: number) => {
  const ticker = { now: 0 };
  return { ticker, shares: createBodyShares({ total, body, connections, patience: 30_000, ticker }) };
};

/** Numbers that only look like chance. */
const chance =
  (seed: number) =>
  (below: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return seed % below;
  };

test('whatever is asked in whatever order: the total holds, and every body becomes whole', () => {
  const asked = fc.array(fc.record({ connection: fc.nat(11), bytes: fc.nat(8 * MIB) }), {
    ...{ minLength: 1, maxLength: 60 },
  });
  const model = (bodies: { connection: number; bytes: number }[], mib: number, seed: number): void => {
    const { shares } = poolOf(mib * MIB, 8 * MIB, 12);
    const random = chance(seed);
    const connections = Array.from({ length: 12 }, () => shares.share());
    const left = [...bodies];
    /** By connection: one body arrives at a time. */
    const arriving = new Map<number, { memory: BodyMemory; bytes: number }>();
    const whole: BodyMemory[] = [];
    while (left.length + arriving.size > 0) {
      const next = left.findIndex(({ connection }) => !arriving.has(connection));
      const able = [...arriving].filter(([, { memory }]) => !memory.waits);
      if (next >= 0 && (able.length === 0 || random(2) === 0)) {
        const [{ connection, bytes }] = left.splice(next, 1) as [{ connection: number; bytes: number }];
        const memory = connections[connection]!.begin(bytes, () => undefined, never);
        arriving.set(connection, { memory, bytes });
      } else if (able.length > 0) {
        const [connection, { memory, bytes }] = able[random(able.length)]!;
        if (memory.room < bytes) memory.grow();
        else if (arriving.delete(connection)) whole.push(memory);
      } else {
        assert.ok(whole.length > 0, 'half bodies block each other');
        whole.splice(random(whole.length), 1)[0]!.release();
      }
      assert.ok(shares.used <= mib * MIB);
    }
    for (const memory of whole) memory.release();
    assert.equal(shares.used, 0);
  };
  fc.assert(fc.property(asked, fc.integer({ min: 8, max: 24 }), fc.nat(), model), { numRuns: 500 });
});

test('what fits into its own share never waits for others', () => {
  const { shares } = poolOf(64 * MIB, 32 * MIB, 256);
  const greedy = Array.from({ length: 255 }, () => shares.share());
  for (const share of greedy) {
    const memory = share.begin(32 * MIB, () => undefined, never);
    while (memory.room < 32 * MIB && memory.grow());
  }
  const share = shares.share();
  assert.equal(share.begin(64 << 10, never, never).waits, false);
  assert.equal(share.begin(64 << 10, never, never).waits, false);
  assert.equal(share.begin(32 << 10, never, never).waits, true, 'its share is used up');
});

test('a body of usual length has its memory at once, while most of the total is free', () => {
  const { shares } = poolOf(64 * MIB, 32 * MIB, 256);
  const begin = (bytes: number): BodyMemory => shares.share().begin(bytes, () => undefined, never);
  assert.equal(begin(200 << 10).room, 200 << 10);
  assert.equal(begin(32 * MIB).room, 64 << 10, 'what may never come is not charged');
  while (shares.used + (512 << 10) <= 16 * MIB) assert.equal(begin(512 << 10).room, 512 << 10);
  const later = begin(512 << 10);
  assert.equal(later.room, 64 << 10, 'others have a quarter');
  assert.equal(later.grow(), true);
  assert.equal(later.room, 128 << 10);
});

test('whoever stalls gives its memory back once somebody waits, and not before', () => {
  const { shares, ticker } = poolOf(64 * MIB, 32 * MIB, 256);
  const taken: string[] = [];
  const begin = (name: string): BodyMemory => {
    const memory = shares.share().begin(
      32 * MIB,
      () => undefined,
      () => {
        taken.push(name);
        memory.release();
      },
    );
    return memory;
  };
  const pass = (ms: number): void => {
    ticker.now += ms;
    shares.look();
  };
  const stalled = begin('stalled');
  while (stalled.room < 32 * MIB) stalled.grow();
  const half = shares.share().begin(32 * MIB, () => undefined, never);
  assert.equal(half.grow(), true, 'from its own share');
  pass(10_000);
  pass(10_000);
  assert.deepEqual(taken, []);
  stalled.release();
  const first = begin('first');
  while (first.room < 32 * MIB) first.grow();
  first.arrived = 16 * MIB;
  while (half.grow());
  pass(1000);
  assert.deepEqual(taken, [], 'its bytes have come within that time');
  first.arrived += 2 * MIB;
  pass(1000);
  assert.deepEqual(taken, [], 'at this pace it comes in time');
  pass(500);
  first.arrived += 1000;
  pass(500);
  assert.deepEqual(taken, ['first']);
  assert.equal(half.waits, false);
});

test('connections that claim much and stall do not delay a pack of two bytes', async () => {
  await using rig = await startRig({
    limits: { bodyBytes: 32 * MIB, rawBytes: 32 * MIB, inFlightBytes: 64 * MIB, windowBytes: 64 * MIB },
  });
  const large = packFrame(1, packOf(1, Buffer.alloc(32 * MIB)));
  using first = await rig.raw();
  using second = await rig.raw();
  for (const client of [first, second]) {
    client.send(OPENING, large.subarray(0, 2000));
    assert.equal((await client.next())?.type, 'WELCOME');
  }
  using honest = await rig.raw();
  honest.send(OPENING, packFrame(1, packOf(2, Buffer.from('x\n'))), encodeFrame('BYE', {}));
  assert.deepEqual(
    (await honest.rest()).map(({ type }) => type),
    ['WELCOME', 'ACK'],
  );
  assert.ok(rig.server.inFlightBytes < MIB, 'what has not come is not charged');
});

test('a large pack gets in beside large packs that stall', async () => {
  await using rig = await startRig({
    limits: {
      ...{ bodyBytes: 4 * MIB, rawBytes: 4 * MIB, inFlightBytes: 4 * MIB, windowBytes: 4 * MIB },
      frameTimeout: 10_000,
    },
    pingInterval: 100,
  });
  const large = packFrame(1, packOf(1, Buffer.alloc(4 * MIB)));
  using stalled = await rig.raw();
  stalled.send(OPENING, large.subarray(0, 3 * MIB));
  while (rig.server.inFlightBytes < 3 * MIB) await new Promise((resolve) => setTimeout(resolve, 5));
  using honest = await rig.raw();
  honest.send(OPENING, large, encodeFrame('BYE', {}));
  assert.deepEqual(
    (await honest.rest()).map(({ type }) => type).filter((type) => type !== 'PING'),
    ['WELCOME', 'ACK'],
  );
  const last = (await stalled.rest()).at(-1);
  assert.deepEqual([last?.type, (last?.header as { code: string }).code], ['REFUSE', 'timeout']);
});
