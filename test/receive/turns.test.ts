/** Connections take turns, and the hosts behind each: one who sends much delays nobody who sends little. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as tick } from 'node:timers/promises';
import fc from 'fast-check';
import { createTurns, type Turn } from '../../src/receive/turns.ts';
import { KEY } from '../commit/packs.ts';

const MIB = 1 << 20;

const rig = (memory = 8 * MIB, work = 64 * MIB) => {
  const turns = createTurns({ memory, work });
  const got: string[] = [];
  const held: Turn[] = [];
  let hours = 0;
  /** Each its own segment, unless told. */
  const take = (
    connection: object,
    name: string,
    bytes: number,
    host = 'web1',
    hour = `${++hours}`,
  ): void => {
    void turns.take(connection, { ...KEY, host, hour }, bytes).then((turn) => {
      got.push(name);
      held.push(turn);
    });
  };
  /** The oldest is answered. */
  const answer = async (): Promise<void> => {
    held.shift()?.done();
    await tick();
  };
  return { take, got, held, answer };
};

test('a pack is next beside 640 large ones of 40 connections, whatever its size', async () => {
  for (const bytes of [2, 100_000, 32 * MIB]) {
    const { take, got, answer } = rig();
    for (let n = 0; n < 40; n++) {
      const connection = {};
      for (let pack = 0; pack < 16; pack++) take(connection, 'hostile', 32 * MIB);
    }
    // Each of them has had something by now.
    for (let n = 0; n < 50; n++) await answer();
    const before = got.length;
    take({}, 'honest', bytes);
    await answer();
    await answer();
    assert.ok(got.indexOf('honest') - before <= 1, `after ${got.indexOf('honest') - before} others`);
  }
});

test('hosts behind a relay take turns, and a relay has no more than any connection', async () => {
  const { take, got, answer } = rig(MIB);
  const [relay, agent] = [{}, {}];
  for (let pack = 0; pack < 30; pack++) take(relay, 'loud', MIB, 'loud');
  for (let pack = 0; pack < 5; pack++) take(relay, 'quiet', MIB, 'quiet');
  for (let pack = 0; pack < 10; pack++) take(agent, 'agent', MIB);
  for (let n = 0; n < 20; n++) await answer();
  const count = (name: string): number => got.slice(0, 20).filter((one) => one === name).length;
  assert.deepEqual(
    [count('agent'), count('quiet'), count('loud')].map((n) => Math.round(n / 5)),
    [2, 1, 1],
  );
});

test('what many small packs have had counts as that of few large ones', async () => {
  const { take, got, answer } = rig(MIB, 2 * MIB);
  const [many, few] = [{}, {}];
  for (let pack = 0; pack < 400; pack++) take(many, 'many', 128 << 10);
  for (let pack = 0; pack < 50; pack++) take(few, 'few', MIB);
  for (let n = 0; n < 180; n++) await answer();
  const [a, b] = ['many', 'few'].map((name) => got.filter((one) => one === name).length);
  assert.ok(Math.abs(a! / 8 - b!) <= 3, `${a} of 128 KiB, ${b} of 1 MiB`);
});

test('packs of a segment get their turns in order, over connections and sizes', async () => {
  const { take, got, answer } = rig();
  take({}, 'other', 8 * MIB, 'web9');
  take({}, 'first', 32 * MIB, 'web1', 'hour');
  take({}, 'second', 2, 'web1', 'hour');
  take({}, 'third', 32 * MIB, 'web1', 'hour');
  await tick();
  assert.deepEqual(got, ['other'], 'the small one waits for the one before it');
  for (let n = 0; n < 4; n++) await answer();
  assert.deepEqual(got, ['other', 'first', 'second', 'third']);
});

test('whatever comes in whatever order: memory and work hold, and everybody gets a turn', async () => {
  const sizes = fc.oneof(fc.nat(64 << 10), fc.nat(4 * MIB));
  const pack = fc.record({ connection: fc.nat(5), host: fc.nat(3), hour: fc.nat(3), bytes: sizes });
  await fc.assert(
    fc.asyncProperty(fc.array(pack, { maxLength: 80 }), fc.nat(3), async (packs, frees) => {
      const turns = createTurns({ memory: 4 * MIB, work: 6 * MIB });
      const connections = Array.from({ length: 6 }, () => ({}));
      const out: { readonly turn: Turn; readonly bytes: number; isFreed: boolean }[] = [];
      let got = 0;
      for (const { connection, host, hour, bytes } of packs)
        void turns
          .take(connections[connection]!, { ...KEY, host: `web${host}`, hour: `${hour}` }, bytes)
          .then((turn) => {
            got++;
            out.push({ turn, bytes, isFreed: false });
          });
      for (let n = 0; got < packs.length || out.length > 0; n++) {
        await tick();
        for (const [few, isLane] of [
          [1 / 4, (bytes: number) => bytes <= 64 << 10],
          [1, (bytes: number) => bytes > 64 << 10],
        ] as const) {
          const lane = out.filter(({ bytes }) => isLane(bytes));
          const sum = (of: typeof lane): number => of.reduce((all, { bytes }) => all + bytes, 0);
          assert.ok(lane.length === 1 || sum(lane) <= 6 * MIB * few);
          assert.ok(lane.length === 1 || sum(lane.filter(({ isFreed }) => !isFreed)) <= 4 * MIB * few);
        }
        const one = out[n % Math.max(1, out.length)];
        assert.ok(one !== undefined || got === packs.length, 'somebody never gets a turn');
        if (one === undefined) continue;
        one.turn.freed();
        one.isFreed = true;
        if (n % 4 >= frees) {
          one.turn.done();
          out.splice(out.indexOf(one), 1);
        }
      }
    }),
    { numRuns: 200 },
  );
});
