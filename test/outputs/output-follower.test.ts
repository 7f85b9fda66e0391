import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LogdError } from '../../src/error.ts';
import type { Delivery } from '../../src/ledger/delivery.ts';
import { followOutput } from '../../src/outputs/output-follower.ts';
import type { Output } from '../../src/outputs/output.ts';
import type { SegmentKey } from '../../src/pack/pack.ts';
import { cutInto, KEY, logParts } from '../commit/packs.ts';
import { type FollowerRig, followerRig, until } from './rig.ts';

const text = (count: number, seed = 1): string => Buffer.concat(logParts(count, seed)).toString();
const TIMEOUT = { timeout: 30_000 };

const deliveryOf = async ({ ledger }: FollowerRig, key: SegmentKey = KEY): Promise<Delivery> =>
  (await ledger.delivery('out', key))!;

test('packs are delivered in order, with position and counts in the ledger', TIMEOUT, async () => {
  await using rig = await followerRig();
  const packs = await cutInto(logParts(9));
  const ids: number[] = [];
  rig.output.before = (_name, id) => void ids.push(id);
  // Out of order, and each alone.
  for (const n of [2, 0, 4, 1, 3, 8, 7, 6, 5]) await rig.put(packs[n]!);
  await rig.follower.idle();
  assert.deepEqual(ids, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert.equal(await rig.appended(KEY), text(9));
  const { nextId, delivered, dropped, rejected, attempts } = await deliveryOf(rig);
  const lines = packs.at(-1)!.header.done!.lines;
  assert.deepEqual([nextId, delivered, dropped, rejected, attempts], [10, lines, 0, 0, 0]);
  assert.equal(rig.follower.status().lines, lines);
});

test('an output of hours is not looked after with each pack of an open hour', TIMEOUT, async () => {
  await using rig = await followerRig();
  const asked: string[] = [];
  const ledger: typeof rig.ledger = {
    ...rig.ledger,
    delivery: (name, key) => (asked.push('delivery'), rig.ledger.delivery(name, key)),
    sawChanges: (name, seen) => (asked.push('sawChanges'), rig.ledger.sawChanges(name, seen)),
  };
  const hours: string[] = [];
  const output: Output = {
    deliver: (item) => {
      hours.push(item.key.hour);
      return Promise.resolve({ delivered: item.lines, dropped: 0, rejected: 0 });
    },
    status: () => ({ state: 'running' }),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  const clock = { now: () => 1_795_400_000_000, monotonic: () => 0 };
  await using follower = await followOutput({
    ...{ name: 'hours', unit: 'hour', output, start: 'beginning', parallel: 2, ledger, clock },
    ...{ store: { read: () => assert.fail('nothing is read') }, emit: () => undefined },
  });
  const packs = await cutInto(logParts(9));
  for (const pack of packs) {
    await rig.put(pack);
    follower.wake();
    await follower.idle();
  }
  assert.deepEqual(asked, []);
  const segment = (await ledger.segment(KEY))!;
  const { packs: count, lines, bytes, sha256 } = segment.expected!;
  const { firstArrival, lastArrival } = segment;
  await ledger.seal({
    ...{ ...KEY, generation: 1, packs: count, lines, bytes, sha256 },
    ...{ firstArrival, lastArrival, sealedAt: clock.now() },
  });
  follower.wake();
  await follower.idle();
  assert.deepEqual(hours, [KEY.hour]);
  assert.equal((await rig.ledger.delivery('hours', KEY))?.generation, 1);
});

test('a pack behind a missing one waits for it, unless the hour is closed without it', TIMEOUT, async () => {
  await using rig = await followerRig();
  const packs = await cutInto(logParts(3));
  await rig.put(packs[0]!, packs[2]!);
  await rig.follower.idle();
  assert.equal((await deliveryOf(rig)).nextId, 2);
  await rig.ledger.close(KEY, 'incomplete', 'No pack came.');
  rig.follower.wake();
  await rig.follower.idle();
  assert.equal((await deliveryOf(rig)).nextId, 4);
  assert.equal(await rig.appended(KEY), packs[0]!.raw.toString() + packs[2]!.raw.toString());
});

test('a failure is recorded, told once, tried again, and holds up no other hour', TIMEOUT, async () => {
  await using rig = await followerRig();
  const other = { ...KEY, host: 'web2' };
  let fails = true;
  rig.output.before = (name) => {
    if (fails && name.startsWith('web1')) throw new Error('The destination is away.');
  };
  await rig.put(...(await cutInto(logParts(3))), ...(await cutInto(logParts(4, 7), { key: other })));
  await rig.follower.idle();
  assert.equal(await rig.appended(other), text(4, 7));
  for (let n = 1; n <= 3; n++) {
    const { attempts, error } = await deliveryOf(rig);
    assert.deepEqual([attempts, error], [n, 'The destination is away.']);
    rig.pass(60_000);
    rig.follower.wake();
    await until(async () => (await deliveryOf(rig)).attempts > n);
  }
  assert.equal(rig.follower.status().failing, 1);
  assert.equal((await rig.ledger.failing('out', 9)).length, 1);
  fails = false;
  rig.pass(600_000);
  rig.follower.wake();
  await until(async () => (await deliveryOf(rig)).nextId === 4);
  assert.equal(await rig.appended(KEY), text(3));
  await rig.follower.idle();
  const names = rig.events.map(({ name }) => name).filter((name) => name.startsWith('output.'));
  assert.deepEqual(names, ['output.failed', 'output.delivering']);
});

test('an error that trying again cannot mend waits for a person, also after a restart', TIMEOUT, async () => {
  await using rig = await followerRig();
  let fails = true;
  rig.output.before = () => {
    if (fails) throw new LogdError('config', 'The table has another column.');
  };
  await rig.put(...(await cutInto(logParts(2))));
  await rig.follower.idle();
  assert.deepEqual([(await deliveryOf(rig)).stuck, (await deliveryOf(rig)).attempts], [true, 1]);
  assert.equal(rig.events.at(-1)?.name, 'output.stuck');
  rig.pass(3_600_000);
  rig.follower.wake();
  await rig.follower.idle();
  assert.equal((await deliveryOf(rig)).attempts, 1);
  fails = false;
  assert.equal(await rig.ledger.retryStuck('out'), 1);
  await until(async () => (await deliveryOf(rig)).nextId === 3);
  assert.equal(await rig.appended(KEY), text(2));
});

test('counts that do not add up fail the item', TIMEOUT, async () => {
  await using rig = await followerRig();
  const { deliver } = rig.output;
  rig.output.deliver = async (item, signal) => ({
    ...(await deliver(item, signal)),
    delivered: item.lines - 1,
  });
  await rig.put(...(await cutInto(logParts(1))));
  await rig.follower.idle();
  const { error, nextId } = await deliveryOf(rig);
  assert.match(String(error), /accounts for \d+ lines/);
  assert.equal(nextId, 1);
});

test('a paused output delivers nothing until it is resumed, by whatever process', TIMEOUT, async () => {
  await using rig = await followerRig();
  await rig.ledger.pauseOutput('out', true);
  await until(() => rig.follower.status().paused);
  await rig.put(...(await cutInto(logParts(3))));
  await rig.follower.idle();
  assert.equal(await rig.ledger.delivery('out', KEY), undefined);
  await rig.ledger.pauseOutput('out', false);
  await until(async () => (await rig.ledger.delivery('out', KEY))?.nextId === 4);
  assert.equal(await rig.appended(KEY), text(3));
});

test('a replay delivers a range of hours again, and counts them once', TIMEOUT, async () => {
  await using rig = await followerRig();
  const keys = ['2026112215', '2026112216', '2026112217'].map((hour) => ({ ...KEY, hour }));
  for (const key of keys) await rig.put(...(await cutInto(logParts(3), { key })));
  await rig.follower.idle();
  const before = await rig.ledger.deliveries('out', {}, { limit: 9 });
  const again: string[] = [];
  rig.output.before = (name, id) => void again.push(`${name} ${id}`);
  assert.equal(await rig.ledger.replay('out', '2026112216', '2026112217'), 2);
  await until(() => again.length === 6);
  await rig.follower.idle();
  assert.ok(again.every((each) => !each.includes('2026112215')));
  assert.deepEqual(await rig.ledger.deliveries('out', {}, { limit: 9 }), before);
});

test('a replay in the middle of a delivery is not written over', TIMEOUT, async () => {
  await using rig = await followerRig();
  await rig.put(...(await cutInto(logParts(3))));
  const ids: number[] = [];
  let asked: Promise<number> | undefined;
  const { deliver } = rig.output;
  rig.output.deliver = async (item, signal) => {
    if (item.unit === 'pack') ids.push(item.header.id);
    if (ids.length === 2) await (asked ??= rig.ledger.replay('out', '2026112216', '2026112216'));
    return deliver(item, signal);
  };
  await until(async () => ids.length === 5 && (await deliveryOf(rig)).nextId === 4);
  await rig.follower.idle();
  assert.deepEqual(ids, [1, 2, 1, 2, 3]);
  assert.equal((await deliveryOf(rig)).delivered, logParts(3).join('').split('\n').length - 1);
});

test('an output that is added later begins with what it is told to', TIMEOUT, async () => {
  for (const [start, expected] of [
    ['beginning', ['2026112215', '2026112216', '2026112217']],
    ['2026112216', ['2026112216', '2026112217']],
    ['now', ['2026112217']],
  ] as const) {
    await using rig = await followerRig('beginning');
    await rig.follower[Symbol.asyncDispose]();
    await rig.ledger.forgetOutput('out');
    for (const hour of ['2026112215', '2026112216'])
      await rig.put(...(await cutInto(logParts(2), { key: { ...KEY, hour } })));
    rig.pass(1);
    await rig.restart(start);
    rig.pass(1);
    await rig.put(...(await cutInto(logParts(2), { key: { ...KEY, hour: '2026112217' } })));
    await rig.follower.idle();
    const hours = (await rig.ledger.deliveries('out', {}, { limit: 9 })).map(({ hour }) => hour);
    assert.deepEqual(hours, expected, start);
  }
});

test('after a restart it goes on where it was, and looks at nothing that was done', TIMEOUT, async () => {
  await using rig = await followerRig();
  for (let n = 0; n < 300; n++)
    await rig.put(...(await cutInto(logParts(1), { key: { ...KEY, host: `web${n}` } })));
  await rig.follower.idle();
  await rig.restart();
  const asked: number[] = [];
  const { changes } = rig.ledger;
  rig.ledger.changes = (after, limit) => {
    asked.push(after);
    return changes(after, limit);
  };
  const again: number[] = [];
  rig.output.before = (_name, id) => void again.push(id);
  rig.follower.wake();
  await rig.follower.idle();
  assert.ok(
    asked.every((after) => after >= 300),
    asked.join(),
  );
  assert.deepEqual(again, []);
});

test('more hours than it looks ahead are all delivered, though the first ones fail', TIMEOUT, async () => {
  await using rig = await followerRig('beginning', 8);
  let fails = true;
  rig.output.before = (name) => {
    if (fails && /^web[0-9]\//.test(name)) throw new Error('Not this one.');
  };
  const hosts = Array.from({ length: 1_300 }, (_, n) => `web${n}`);
  for (const host of hosts) await rig.put(...(await cutInto(logParts(1), { key: { ...KEY, host } })));
  await until(async () => {
    await rig.follower.idle();
    return (
      (await rig.ledger.deliveries('out', {}, { limit: 2_000 })).filter(({ nextId }) => nextId === 2)
        .length === 1_290
    );
  });
  assert.equal(rig.follower.status().failing, 10);
  fails = false;
  rig.pass(600_000);
  rig.follower.wake();
  await until(async () => {
    await rig.follower.idle();
    return (await rig.ledger.failing('out', 99)).length === 0;
  });
  assert.equal((await rig.ledger.deliveries('out', {}, { limit: 2_000 })).length, 1_300);
});

test('an output of hours asks the ledger nothing of hours that are not sealed', TIMEOUT, async () => {
  await using rig = await followerRig('beginning', 2, 'hour');
  const delivery = rig.ledger.delivery.bind(rig.ledger);
  let asked = 0;
  Object.assign(rig.ledger, {
    delivery: (...args: Parameters<typeof delivery>) => {
      asked++;
      return delivery(...args);
    },
  });
  for (const pack of (await cutInto(logParts(4))).slice(0, 3)) await rig.put(pack);
  await rig.follower.idle();
  assert.equal(rig.follower.status().pending, 0);
  assert.equal(asked, 0);
});
