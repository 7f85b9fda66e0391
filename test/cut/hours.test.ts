import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { lines, openWorld } from './world.ts';

const [H15, H16, H17, H18] = ['2026112215', '2026112216', '2026112217', '2026112218'];
const file = (hour: string): string => `access.log.${hour}`;

describe('hours, from files to packs', () => {
  it('hours of no, one and many lines, of exactly a multiple of a pack, and without a last newline', async (context) => {
    const world = await openWorld(context);
    const texts = ['', 'one\n', lines(100), `${'a'.repeat(63)}\n`.repeat(4), 'one\ntwo, and no newline', 'x'];
    const files = texts.map((text, n) => ({ hour: `20261122${String(n).padStart(2, '0')}`, text }));
    for (const { hour, text } of files) await world.write(file(hour), text);
    world.start();
    await world.still();
    await world.pass(7000);
    for (const { hour, text } of files) world.sink.equals(hour, Buffer.from(text));
    const multiple = world.sink.packs('2026112203');
    assert.deepEqual(
      multiple.map(({ header }) => header.bytes),
      [64, 64, 64, 64, 0],
    );
    assert.equal(world.sink.packs('2026112204').at(-1)!.header.bytes, 'two, and no newline'.length);
    assert.deepEqual(await world.held(), [], 'no file is held after its last ack');
    assert.deepEqual(world.fatal, []);
  });
  it('the same, compressed', async (context) => {
    const world = await openWorld(context, { codec: 'zstd', size: 4096, maxLine: 4096 });
    const text = lines(1000);
    await world.write(file(H15), text);
    world.start();
    await world.still();
    await world.pass(7000);
    const packs = world.sink.packs(H15);
    assert.ok(packs.length > 3 && packs.every(({ header }) => header.bytes <= 4096));
    assert.equal(packs.at(-1)!.header.done?.bytes, text.length);
  });
  it('a later file ends an hour, once it has been quiet', async (context) => {
    const world = await openWorld(context, { quiet: 5000, grace: 3_600_000 });
    await world.write(file(H16), 'a\n');
    world.start();
    await world.pass(10_000);
    assert.equal(world.sink.hasEnded(H16), false, 'nothing says that the hour is over');
    await world.write(file(H16), 'c\n');
    await world.write(file(H17), 'b\n');
    await world.pass(3000);
    await world.write(file(H16), 'd\n');
    await world.pass(4000);
    assert.equal(world.sink.hasEnded(H16), false, 'it was not quiet long enough');
    await world.pass(2000);
    world.sink.equals(H16, Buffer.from('a\nc\nd\n'));
    assert.equal(world.sink.hasEnded(H17), false);
  });
  it('the clock ends an hour after its grace', async (context) => {
    const world = await openWorld(context, { at: '2026-11-22T16:59:00Z', grace: 30_000, quiet: 5000 });
    await world.write(file(H16), 'a\nlast');
    world.start();
    await world.pass(85_000, 5000);
    assert.equal(world.sink.hasEnded(H16), false);
    assert.equal(world.sink.packs(H16).at(-1)!.header.bytes, 2, 'half a line waits for its end');
    await world.pass(10_000, 5000);
    world.sink.equals(H16, Buffer.from('a\nlast'));
  });
  it('whatever has gathered leaves after max_delay, a full pack at once', async (context) => {
    const world = await openWorld(context, { size: 64, maxDelay: 1000 });
    await world.write(file(H16), 'a\n');
    world.start();
    await world.still();
    assert.equal(world.sink.sent.length, 0);
    await world.pass(1000);
    assert.equal(world.sink.sent.length, 1);
    await world.write(file(H16), 'b\n'.repeat(40));
    await world.still();
    assert.deepEqual(
      world.sink.sent.map(({ header }) => header.bytes),
      [2, 64],
    );
    await world.pass(1000);
    assert.equal(world.sink.sent.length, 3);
  });
  it('what is left behind a full pack waits no longer for having been seen with it', async (context) => {
    const world = await openWorld(context, { size: 64, maxDelay: 1000 });
    await world.write(file(H16), 'a\n');
    world.start();
    await world.still();
    await world.pass(600);
    await world.write(file(H16), 'b\n'.repeat(40));
    await world.still();
    assert.deepEqual(
      world.sink.sent.map(({ header }) => header.bytes),
      [64],
    );
    await world.pass(400);
    assert.deepEqual(
      world.sink.sent.map(({ header }) => header.bytes),
      [64, 18],
    );
    // A line that is being written does not make the others hurry.
    await world.write(file(H16), 'c\nhalf');
    await world.pass(1000);
    assert.equal(world.sink.sent.length, 3);
    await world.write(file(H16), ' a line\n');
    await world.pass(600);
    assert.equal(world.sink.sent.length, 3);
    await world.pass(400);
    assert.equal(world.sink.sent.length, 4);
  });
  it('late lines make a second and a third generation, each with totals of everything', async (context) => {
    const world = await openWorld(context);
    await world.write(file(H15), lines(10));
    world.start();
    await world.pass(7000);
    assert.ok(world.sink.hasEnded(H15));
    assert.equal((await world.held()).length, 0);
    for (const generation of [2, 3]) {
      const all = await world.write(file(H15), lines(20, 100 * generation));
      await world.pass(8000);
      world.sink.equals(H15, all, { generation });
      const ends = world.sink.packs(H15).filter(({ header }) => header.done !== undefined);
      assert.deepEqual(
        ends.map(({ header }) => header.generation),
        [1, 2, 3].slice(0, generation),
      );
      assert.equal(world.named('cut.late').length, generation - 1);
    }
    // Late lines after a restart go on with the same numbers.
    await world.stop();
    const all = await world.write(file(H15), 'half');
    world.start();
    await world.pass(8000);
    world.sink.equals(H15, all, { generation: 4 });
    assert.deepEqual(world.fatal, []);
  });
  it('hours without a file between hours with one are empty; none behind the last, none over more than 31 days', async (context) => {
    const world = await openWorld(context);
    await world.write(file('2026010100'), 'old\n');
    await world.write(file(H15), 'a\n');
    await world.write(file(H18), 'b\n');
    world.start();
    await world.pass(7000);
    for (const hour of [H16, H17]) world.sink.equals(hour, Buffer.alloc(0));
    assert.deepEqual([...world.sink.hours.keys()].sort(), [
      'access/2026010100',
      `access/${H15}`,
      `access/${H16}`,
      `access/${H17}`,
      `access/${H18}`,
    ]);
    // A file that comes after all reopens the hour that was empty.
    const late = await world.write(file(H16), 'late\n');
    await world.pass(8000);
    world.sink.equals(H16, late, { generation: 2 });
  });
  it('a crash between a new hour and the empty ones before it leaves no hole', async (context) => {
    const world = await openWorld(context);
    await world.write(file(H15), 'a\n');
    world.start();
    await world.pass(7000);
    await world.crash();
    await world.write(file(H18), 'b\n');
    // What the crash left: the row of the new hour, and nothing else of it.
    await world.marks.write('addSegment', 'access', H18, EMPTY);
    world.start();
    await world.pass(7000);
    for (const hour of [H16, H17]) world.sink.equals(hour, Buffer.alloc(0));
  });
  it('files of an hour are read in the order of their minutes, each to its end', async (context) => {
    const world = await openWorld(context, { pattern: 'access.<%Y%m%d%H-%M>' });
    const texts = { '00': 'a\nb, no newline', '10': 'c\n', '20': `d\n${lines(20)}` };
    await world.write(`access.${H16}-00`, texts['00']);
    await world.write(`access.${H16}-10`, texts['10']);
    world.start();
    await world.pass(2000);
    assert.ok(
      !Buffer.concat(world.sink.packs(H16).map(({ body }) => body)).includes('c\n'),
      'its turn has not come',
    );
    await world.pass(6000);
    await world.write(`access.${H16}-20`, texts['20']);
    await world.write(`access.${H17}-00`, 'next hour\n');
    await world.pass(8000);
    world.sink.equals(H16, Buffer.from(texts['00'] + texts['10'] + texts['20']));
  });
  it('a file of an hour far ahead ends no other, and makes none up', async (context) => {
    const [ahead, later] = ['2026112418', '2026112217'];
    const world = await openWorld(context, { at: '2026-11-22T16:10:00Z', grace: 60_000, quiet: 5000 });
    await world.write(file(H16), 'a\n');
    await world.write(file(ahead), 'oops\n');
    world.start();
    await world.pass(20_000);
    await world.stop();
    world.start();
    await world.pass(20_000);
    assert.equal(world.sink.hasEnded(H16), false);
    assert.deepEqual(
      world.sink.sent.map(({ header }) => header.hour).filter((hour) => hour !== H16 && hour !== ahead),
      [],
    );
    assert.equal(world.named('tail.hour-ahead').length, 2);
    // The clock ends it, as any hour, and what is between comes when it is over.
    await world.pass(3_600_000, 1_800_000);
    await world.pass(10_000);
    world.sink.equals(H16, Buffer.from('a\n'));
    assert.equal(world.sink.hasEnded(later), false);
    await world.pass(26 * 3_600_000, 13 * 3_600_000);
    await world.pass(10_000);
    assert.ok(world.sink.hasEnded(later));
    assert.equal(world.sink.hasEnded('2026112323'), false, 'it has not begun');
    assert.equal(world.sink.hasEnded(ahead), false);
  });
  it('a line that is too long is split and counted, and no byte of it is lost', async (context) => {
    const world = await openWorld(context, { size: 64, maxLine: 100 });
    const text = `short\n${'y'.repeat(90)}\n${'z'.repeat(250)}\nend\n`;
    await world.write(file(H15), text);
    world.start();
    await world.pass(7000);
    world.sink.equals(H15, Buffer.from(text));
    assert.deepEqual(
      world.named('cut.line-split').map(({ fields }) => fields['offset']),
      [text.indexOf('z')],
      'once a line, however many packs it takes',
    );
    assert.equal(world.named('cut.hour-ended')[0]!.fields['split_lines'], 1);
  });
});

const EMPTY = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
