/** Sources that are cut short, replaced, deleted, or cannot be read: what is lost is counted and named, all else is delivered. */
import assert from 'node:assert/strict';
import { appendFile, copyFile, open, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { describe, it, type TestContext } from 'node:test';
import type { SourceFiles } from '../../src/track/source-files.ts';
import { LogdError } from '../../src/error.ts';
import type { Holds } from '../../src/tail/hold.ts';
import { lines, openWorld, type World, type WorldOptions } from './world.ts';

const H15 = '2026112215';
const LOG = `access.log.${H15}`;

const bytesOf = (world: World, hour = H15): string =>
  Buffer.concat(world.sink.packs(hour).map(({ body }) => body)).toString();

const lostIn = (world: World, hour = H15) =>
  world.sink.packs(hour).flatMap(({ header }) => (header.lost === undefined ? [] : [header.lost]));

/** Every loss that travels is told here too, with the same number. */
const assertTold = (world: World): void =>
  assert.deepEqual(
    world
      .named('tail.lost')
      .map(({ fields }) => `${fields['reason']} ${fields['bytes']}`)
      .sort(),
    lostIn(world)
      .map(({ reason, bytes }) => `${reason} ${bytes}`)
      .sort(),
  );

/** A world whose agent has cut 640 bytes of a file of 1000, with no room for more. */
const midway = async (context: TestContext, options: WorldOptions = {}) => {
  const world = await openWorld(context, { window: 640, ...options });
  world.sink.mode = 'hold';
  const text = `${'0123456'.repeat(9)}\n`.repeat(15) + `${'y'.repeat(39)}\n`;
  assert.equal(text.length, 1000);
  await world.write(LOG, text);
  world.start();
  await world.still();
  assert.equal(world.sink.sent.length, 10);
  return { world, text };
};

const finish = async (world: World): Promise<void> => {
  world.sink.release();
  await world.still();
  await world.pass(8000);
  assert.deepEqual(world.fatal, []);
  assert.ok([1, 2].some((generation) => world.sink.hasEnded(H15, generation)));
};

const noLinks: WorldOptions['wrap'] = {
  holds: (holds: Holds) => ({ ...holds, hold: async () => 'unlinked' }),
};

describe('a source that is cut short', () => {
  it('to nothing: what was not read is lost, what is written then is delivered', async (context) => {
    const { world, text } = await midway(context);
    await truncate(world.path(LOG), 0);
    await world.still();
    await writeFile(world.path(LOG), 'after\n');
    await finish(world);
    assert.equal(bytesOf(world), `${text.slice(0, 640)}after\n`);
    assert.deepEqual(lostIn(world), [{ reason: 'source-truncated', bytes: 360 }]);
    assertTold(world);
  });
  it('in the part that was not read: only what was cut off is lost', async (context) => {
    const { world, text } = await midway(context);
    await truncate(world.path(LOG), 704);
    await finish(world);
    assert.equal(bytesOf(world), text.slice(0, 704));
    assert.deepEqual(lostIn(world), [{ reason: 'source-truncated', bytes: 296 }]);
    assertTold(world);
  });
  it('when all of it was read: nothing is lost', async (context) => {
    const world = await openWorld(context);
    await world.write(LOG, 'a\nb\n');
    world.start();
    await world.pass(2000);
    await truncate(world.path(LOG), 0);
    await world.still();
    await writeFile(world.path(LOG), 'c\n');
    await world.pass(8000);
    world.sink.equals(H15, Buffer.from('a\nb\nc\n'));
    assert.equal(world.named('tail.lost').length, 0);
  });
  it('after its hour has ended and was acked: nothing happens', async (context) => {
    const world = await openWorld(context);
    await world.write(LOG, lines(10));
    world.start();
    await world.pass(7000);
    await truncate(world.path(LOG), 0);
    await world.pass(8000);
    await world.stop();
    world.start();
    await world.pass(8000);
    world.sink.equals(H15, Buffer.from(lines(10)));
    assert.equal(world.named('cut.late').length, 0);
  });
  it('while the agent was away: packs on their way are lost, and it is told though nobody can count the rest', async (context) => {
    const { world } = await midway(context);
    await world.crash();
    await writeFile(world.path(LOG), 'all new\n');
    world.sink.hours.clear();
    world.sink.mode = 'ack';
    world.start();
    await finish(world);
    assert.equal(bytesOf(world), 'all new\n');
    assert.deepEqual(
      lostIn(world).map(({ bytes }) => bytes),
      [...Array<number>(10).fill(64), 0],
    );
    assertTold(world);
  });
});

describe('a source that is replaced', () => {
  it('by another file: the old one is read to its end, then the new one', async (context) => {
    for (const wrap of [undefined, noLinks]) {
      const { world, text } = await midway(context, wrap && { wrap });
      await rename(world.path(LOG), world.path('moved-away'));
      await writeFile(world.path(LOG), lines(3));
      await world.still();
      await writeFile(world.path('moved-away'), `${text}written after the rename\n`);
      await finish(world);
      assert.equal(bytesOf(world), `${text}written after the rename\n${lines(3)}`);
      assert.deepEqual(lostIn(world), []);
    }
  });
  it('by another file while it was still empty: nothing of either is lost', async (context) => {
    const world = await openWorld(context);
    await world.write(LOG, '');
    world.start();
    await world.still();
    await rename(world.path(LOG), world.path('moved-away'));
    await writeFile(world.path('moved-away'), 'old\n');
    await writeFile(world.path(LOG), 'new\n');
    await finish(world);
    assert.equal(bytesOf(world), 'old\nnew\n');
  });
  it('by a copy of itself that goes on: read on where it was', async (context) => {
    const { world, text } = await midway(context);
    await copyFile(world.path(LOG), world.path('copy'));
    await writeFile(world.path('copy'), `${text}more\n`);
    await rename(world.path('copy'), world.path(LOG));
    await finish(world);
    assert.equal(bytesOf(world), `${text}more\n`);
    assert.deepEqual([lostIn(world), await world.held()], [[], []]);
  });
  it('in place, by other bytes that are longer, before its beginning was known well', async (context) => {
    const world = await openWorld(context);
    await world.write(LOG, 'first\n');
    world.start();
    await world.pass(2000);
    await using file = await open(world.path(LOG), 'r+');
    await file.write('other content\nof more bytes\n', 0);
    await finish(world);
    assert.equal(bytesOf(world), 'first\nother content\nof more bytes\n');
    assert.equal(
      lostIn(world).length,
      1,
      'how much was lost between cannot be known; that it may have been, must be',
    );
    assertTold(world);
  });
});

describe('a source that is deleted', () => {
  it('is read to its end through its link, also after a crash', async (context) => {
    const { world, text } = await midway(context);
    await rm(world.path(LOG));
    await world.still();
    await world.crash();
    world.sink.mode = 'ack';
    world.start();
    await finish(world);
    assert.equal(bytesOf(world), text);
    assert.deepEqual([lostIn(world), await world.held()], [[], []]);
  });
  it('and cannot be linked: is read to its end by the open file', async (context) => {
    const { world, text } = await midway(context, { wrap: noLinks });
    await rm(world.path(LOG));
    await finish(world);
    assert.equal(bytesOf(world), text);
  });
  it('and cannot be linked, and the agent was away: all that was not acked is lost', async (context) => {
    const { world } = await midway(context, { wrap: noLinks });
    await world.crash();
    await rm(world.path(LOG));
    world.sink.hours.clear();
    world.sink.mode = 'ack';
    world.start(undefined, { wrap: noLinks });
    await finish(world);
    assert.equal(bytesOf(world), '');
    assert.ok(lostIn(world).every(({ reason }) => reason === 'source-vanished'));
    assert.equal(
      lostIn(world).reduce((sum, { bytes }) => sum + bytes, 0),
      640,
    );
    assertTold(world);
  });
  it('after the scan that found it, before it could be opened: lost, not sealed as an empty hour', async (context) => {
    let isFirst = true;
    const vanishing = (files: SourceFiles): SourceFiles => ({
      ...files,
      async fingerprintAt(path, id) {
        if (isFirst) await rm(path);
        isFirst = false;
        return files.fingerprintAt(path, id);
      },
    });
    const world = await openWorld(context, { wrap: { files: vanishing } });
    await world.write(LOG, 'never read\n');
    world.start();
    await finish(world);
    assert.deepEqual(lostIn(world), [{ reason: 'source-vanished', bytes: 11 }]);
    assertTold(world);
  });
});

describe('a source that cannot be read for a while', () => {
  const broken = (): LogdError =>
    new LogdError('source', 'EMFILE: too many open files.', { retryable: true });
  const trouble = { open: false, read: false };
  const wrap: WorldOptions['wrap'] = {
    files: (files) => ({
      ...files,
      fingerprintAt: (path, id) => (trouble.open ? Promise.reject(broken()) : files.fingerprintAt(path, id)),
      read: (source, work) => (trouble.read ? Promise.reject(broken()) : files.read(source, work)),
    }),
  };

  it('when it is found: its hour stays open, others go on', async (context) => {
    trouble.open = true;
    const world = await openWorld(context, { wrap });
    await world.write(LOG, 'a\n');
    world.start();
    await world.pass(20_000, 5000);
    assert.deepEqual([world.sink.sent.length, world.named('tail.unreadable').length], [0, 1]);
    trouble.open = false;
    await finish(world);
    world.sink.equals(H15, Buffer.from('a\n'));
  });
  it('between two packs: nothing is lost, and the agent goes on', async (context) => {
    const { world, text } = await midway(context, { wrap });
    trouble.read = true;
    world.sink.release();
    await world.pass(20_000, 5000);
    assert.deepEqual([bytesOf(world).length, world.named('tail.unreadable').length], [640, 1]);
    trouble.read = false;
    await finish(world);
    assert.deepEqual([bytesOf(world), lostIn(world)], [text, []]);
  });
  it('after a restart: packs on their way wait for it, as does the digest of their hour', async (context) => {
    const { world, text } = await midway(context, { wrap });
    await world.crash();
    world.sink.mode = 'ack';
    trouble.read = true;
    world.start();
    await world.pass(5000);
    assert.equal(world.sink.sent.length, 10);
    trouble.read = false;
    await finish(world);
    world.sink.equals(H15, Buffer.from(text));
  });
});

describe('after a restart', () => {
  it('bytes that are not what they were under a pack on its way are lost; the rest follows', async (context) => {
    const world = await openWorld(context, { window: 1920 });
    world.sink.mode = 'hold';
    const text = lines(300);
    await world.write(LOG, text);
    world.start();
    await world.still();
    const packs = world.sink.packs(H15);
    const damaged = packs.find(({ header }) => header.offset > 1100)!.header;
    await world.crash();
    await using file = await open(world.path(LOG), 'r+');
    await file.write('!', damaged.offset + 5);
    world.sink.hours.clear();
    world.sink.mode = 'ack';
    world.start();
    await finish(world);
    assert.deepEqual(lostIn(world), [
      { reason: 'source-changed', bytes: damaged.bytes },
      { reason: 'source-changed', bytes: 0 },
    ]);
    assert.equal(bytesOf(world), text.slice(0, damaged.offset) + text.slice(damaged.offset + damaged.bytes));
    assertTold(world);
  });
  it('with smaller packs than before, those on their way are as large as they were', async (context) => {
    const { world, text } = await midway(context);
    await world.crash();
    world.sink.mode = 'ack';
    world.start(undefined, { size: 16, maxLine: 32 });
    await finish(world);
    world.sink.equals(H15, Buffer.from(text));
    assert.equal(world.sink.packs(H15)[0]!.header.bytes, 64);
  });
});

describe('a file that is more than it seems', () => {
  it('cut short and written anew past its old size between two looks: all of what is new is delivered', async (context) => {
    const world = await openWorld(context, { size: 4096 });
    await world.write(LOG, lines(100));
    world.start();
    await world.pass(2000);
    const anew = lines(400, 5000);
    assert.ok(anew.length > 2 * lines(100).length);
    // In one step, where truncating and writing would be two.
    await using file = await open(world.path(LOG), 'r+');
    await file.write(anew, 0);
    await world.pass(9000);
    assert.equal(bytesOf(world), lines(100) + anew);
    assert.deepEqual(lostIn(world), [{ reason: 'source-truncated', bytes: 0 }]);
    assertTold(world);
  });
  it('cut short to a part of what was read: the part is not sent again, and it is told', async (context) => {
    const world = await openWorld(context);
    await world.write(LOG, lines(100));
    world.start();
    await world.pass(2000);
    await truncate(world.path(LOG), 1100);
    await world.pass(1000);
    await world.write(LOG, 'after\n');
    await world.pass(9000);
    assert.equal(bytesOf(world), `${lines(100)}after\n`);
    assert.deepEqual(lostIn(world), [{ reason: 'source-truncated', bytes: 0 }]);
    assertTold(world);
  });
  it('given up as vanished, and there again: what it has more is delivered', async (context) => {
    const world = await openWorld(context, { wrap: noLinks });
    await world.write(LOG, 'a\n');
    world.start();
    await world.pass(2000);
    await world.stop();
    await rename(world.path(LOG), world.path('elsewhere'));
    world.start();
    await world.pass(1000);
    assert.deepEqual(lostIn(world), [{ reason: 'source-vanished', bytes: 0 }]);
    await rename(world.path('elsewhere'), world.path(LOG));
    await world.write(LOG, 'b\n');
    await world.pass(9000);
    assert.equal(bytesOf(world), 'a\nb\n');
    await world.stop();
    world.start();
    await world.write(LOG, 'c\n');
    await world.pass(9000);
    assert.equal(bytesOf(world), 'a\nb\nc\n');
    assert.deepEqual(world.fatal, []);
  });
  it('given up as vanished, and another file has its inode: all of that is delivered', async (context) => {
    for (const text of ['new\n', 'new, and longer than the old one was\n']) {
      const world = await openWorld(context, { wrap: noLinks });
      await world.write(LOG, 'the old one\n');
      world.start();
      await world.pass(2000);
      await world.stop();
      await rename(world.path(LOG), world.path('elsewhere'));
      world.start();
      await world.pass(1000);
      assert.equal(lostIn(world).length, 1);
      await writeFile(world.path('elsewhere'), text);
      await rename(world.path('elsewhere'), world.path(LOG));
      await world.pass(9000);
      assert.equal(bytesOf(world), `the old one\n${text}`);
    }
  });
  it('its directory is away: its hour waits until it is there again', async (context) => {
    const world = await openWorld(context);
    await world.write(LOG, 'a\n');
    world.start();
    await world.pass(2000);
    await rename(world.logs, `${world.logs}-away`);
    await world.pass(9000);
    assert.equal(world.sink.hasEnded(H15), false);
    await appendFile(`${world.logs}-away/${LOG}`, 'b\n');
    await rename(`${world.logs}-away`, world.logs);
    await world.pass(9000);
    world.sink.equals(H15, Buffer.from('a\nb\n'));
  });
  it('deleted once its hour was over: late lines of another file of the hour are a generation like any other', async (context) => {
    const world = await openWorld(context, { pattern: 'access.*.<%Y%m%d%H>' });
    const [one, two] = [`access.1.${H15}`, `access.2.${H15}`];
    await world.write(one, 'one\n');
    await world.write(two, 'two\n');
    world.start();
    await world.pass(9000);
    assert.ok(world.sink.hasEnded(H15));
    await rm(world.path(one));
    await world.pass(2000);
    await world.write(two, 'late\n');
    await world.pass(9000);
    world.sink.equals(H15, Buffer.from('one\ntwo\nlate\n'), { generation: 2 });
    assert.equal(world.named('tail.lost').length, 0);
  });
});
