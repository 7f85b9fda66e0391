/** Where a stream begins, in which order and at whose cost its hours are worked through, and when they are forgotten. */
import assert from 'node:assert/strict';
import { rm, stat } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { lines, openWorld, until } from './world.ts';

const [H14, H15, H16] = ['2026112214', '2026112215', '2026112216'];
const log = (hour: string): string => `access.log.${hour}`;

describe('where a stream begins', () => {
  const older = async (world: Awaited<ReturnType<typeof openWorld>>, more: object): Promise<void> => {
    await world.stop();
    await world.write(log('2026112213'), 'appears later\n');
    world.start(undefined, more);
    await world.pass(8000);
  };

  it('beginning: with the oldest file', async (context) => {
    const world = await openWorld(context);
    for (const hour of [H14, H15, H16]) await world.write(log(hour), `${hour}\n`);
    world.start();
    await world.pass(8000);
    for (const hour of [H14, H15]) world.sink.equals(hour, Buffer.from(`${hour}\n`));
    await older(world, { start: 'end' });
    world.sink.equals('2026112213', Buffer.from('appears later\n'));
  });
  it('end: behind the last whole line of the newest file, for good', async (context) => {
    const world = await openWorld(context, { start: 'end' });
    for (const hour of [H14, H15]) await world.write(log(hour), `${hour}\n`);
    await world.write(log(H16), 'old\nnew li');
    world.start();
    await world.still();
    await world.write(log(H16), 'ne\n');
    await world.write(log('2026112217'), '');
    await world.pass(8000);
    assert.deepEqual([...world.sink.hours.keys()], [`access/${H16}`]);
    world.sink.equals(H16, Buffer.from('new line\n'));
    await older(world, { start: 'beginning' });
    assert.equal(world.sink.hours.has('access/2026112213'), false);
  });
  it('an hour: from its file on, for good', async (context) => {
    const world = await openWorld(context, { start: H15 });
    for (const hour of [H14, H15, H16]) await world.write(log(hour), `${hour}\n`);
    world.start();
    await world.pass(8000);
    assert.deepEqual([...world.sink.hours.keys()].sort(), [`access/${H15}`, `access/${H16}`]);
    await older(world, { start: 'beginning' });
    assert.equal(world.sink.hours.size, 2);
  });
  it('a crash at the first steps of end does not change where it begins', async (context) => {
    for (let after = 1; after <= 5; after++)
      for (const done of [false, true]) {
        const world = await openWorld(context, { start: 'end' });
        await world.write(log(H15), 'old hour\n');
        await world.write(log(H16), 'old\n');
        world.start({ after, done });
        await world.still();
        await world.crash();
        world.start();
        await world.still();
        await world.write(log(H16), 'new\n');
        await world.pass(2000);
        const bytes = Buffer.concat(world.sink.packs(H16).map(({ body }) => body));
        assert.equal(bytes.toString(), 'new\n', `crash at step ${after}, ${done ? 'done' : 'not done'}`);
      }
  });
});

describe('backlog', () => {
  const order = async (context: Parameters<typeof openWorld>[0], backlog: 'before' | 'beside') => {
    const world = await openWorld(context, { backlog, window: 1 });
    for (const hour of [H14, H15, H16]) await world.write(log(hour), `${'x'.repeat(63)}\n`.repeat(6));
    world.start();
    await world.still();
    return world.sink.sent.map(({ header }) => header.hour);
  };

  it('before: earlier hours first', async (context) => {
    assert.deepEqual(
      await order(context, 'before'),
      [H14, H15, H16].flatMap((hour) => Array<string>(6).fill(hour)),
    );
  });
  it('beside: every other pack is of the newest', async (context) => {
    const hours = await order(context, 'beside');
    assert.equal(hours.slice(0, 12).filter((hour) => hour === H16).length, 6);
    assert.equal(hours.slice(0, 12).filter((hour) => hour === H14).length, 6);
  });
});

describe('the memory that streams share', () => {
  it('is taken in turn: a stream with a backlog does not starve another', async (context) => {
    const world = await openWorld(context, { window: 64 });
    await world.write(`busy/${log(H15)}`, `${'x'.repeat(63)}\n`.repeat(60));
    world.sink.mode = 'hold';
    world.start(undefined, {}, ['busy', 'calm']);
    await until(() => world.sink.sent.length > 0, 'the first pack of the busy stream');
    await world.write(`calm/${log(H15)}`, `${'y'.repeat(63)}\n`.repeat(5));
    await world.still();
    world.sink.release();
    await until(() => world.sink.hours.get(`calm/${H15}`)?.size === 5, 'the calm stream is delivered');
    const busy = world.sink.hours.get(`busy/${H15}`)!.size;
    assert.ok(busy < 30, `${busy} packs of the busy stream went before the last of 5`);
    await world.stop();
  });
  it('bounds what is read: nothing more while nothing is acked, and new files are still found and held', async (context) => {
    for (const codec of ['none', 'zstd'] as const) {
      const world = await openWorld(context, { window: 640, codec });
      await world.write(log(H15), lines(500));
      world.sink.mode = 'hold';
      world.start();
      await world.still();
      const held = world.sink.sent.reduce((sum, { body }) => sum + body.length, 0);
      assert.ok(held > 0 && held <= 640, `${held} bytes are on their way`);
      await world.write(log(H16), 'found\n');
      await world.still();
      assert.equal((await world.held()).length, 2);
      world.sink.release();
      await world.stop();
    }
  });
});

describe('many old hours', () => {
  it('cost nothing at a look while nothing happens', async (context) => {
    const world = await openWorld(context);
    const count = 400;
    const start = Date.UTC(2026, 6, 1);
    const labels = Array.from({ length: count }, (_, n) =>
      new Date(start + n * 3_600_000).toISOString().replace(/\D/g, '').slice(0, 10),
    );
    // As an agent leaves them that has shipped them all: ended, acked, their files still there.
    await world.marks.write('begin', 'access', '', EMPTY, []);
    for (const label of labels) await world.write(log(label), '');
    const done = { lines: 0, hoursInDay: 24 };
    await Promise.all(
      labels.map(async (label) => {
        const { dev, ino } = await stat(world.path(log(label)), { bigint: true });
        const segment = await world.marks.write('addSegment', 'access', label, EMPTY);
        const ids = { dev: String(dev), ino: String(ino), fingerprint: '0:', position: 0, stop: undefined };
        await world.marks.write('addSource', segment, { path: world.path(log(label)), ...ids });
        const nothing = {
          id: 1,
          generation: 1,
          source: undefined,
          position: 0,
          offset: 0,
          bytes: 0,
          lines: 0,
        };
        await world.marks.write('record', {
          ...{ segment, ...nothing, checksum: 0, sha256: EMPTY, time: 0, done, lost: undefined },
        });
        await world.marks.write('acked', segment, 1);
      }),
    );
    const calls: string[] = [];
    const counted = <T extends object>(what: T): T =>
      new Proxy(what, {
        get(target, name) {
          const value: unknown = Reflect.get(target, name);
          if (typeof value !== 'function' || typeof name !== 'string') return value;
          calls.push(name);
          return value.bind(target) as unknown;
        },
      });
    const { writes } = world.marks.counters();
    world.start(undefined, { wrap: { files: counted, holds: counted } });
    await world.still();
    assert.deepEqual(calls, []);
    assert.equal(world.marks.counters().writes, writes);
    const late = await world.write(log(labels[7]!), 'late\n');
    await until(() => world.named('cut.late').length === 1, 'the late line is found');
    await world.pass(2000, 2000);
    assert.ok(world.sink.sent.some(({ body }) => body.equals(late)));
    assert.ok(calls.length < 20, calls.join());
  });
  it('are forgotten after 35 days, the oldest first, once their files are gone', async (context) => {
    const world = await openWorld(context, { at: '2026-10-01T20:00Z' });
    const hours = ['2026100110', '2026100111', '2026100112', '2026100113'];
    for (const hour of hours) await world.write(log(hour), `${hour}\n`);
    world.start();
    await world.pass(8000);
    for (const hour of [hours[0]!, hours[2]!]) await rm(world.path(log(hour)));
    const remembered = async () => (await world.marks.read('segments', 'access')).map(({ hour }) => hour);
    await world.pass(34 * DAY, 34 * DAY);
    assert.deepEqual(await remembered(), hours);
    await world.pass(3 * DAY, 3 * DAY);
    await world.pass(60_000, 10_000);
    assert.deepEqual(await remembered(), hours.slice(1), 'a hole would be taken for an hour without a file');
    await rm(world.path(log(hours[1]!)));
    // A look at old hours is due by the clock, which stands still otherwise.
    await world.pass(60_000, 10_000);
    assert.deepEqual(await remembered(), hours.slice(3));
    const news = await world.write(log('2026110800'), 'much later\n');
    await world.pass(8000, 4000);
    assert.equal(world.sink.packs('2026110800')[0]!.header.bytes, news.length);
    assert.deepEqual(world.fatal, []);
  });
});

const DAY = 24 * 3_600_000;
const EMPTY = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
