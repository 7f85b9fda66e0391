/**
 * Days on which the clock is changed. The files' own times are real: years long past and far ahead stand for a file that was
 * copied after both, and born before the second occurrence.
 */
import assert from 'node:assert/strict';
import { utimes } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { lines, openWorld } from '../cut/world.ts';

const MINUTE = 60_000;
const BERLIN = 'Europe/Berlin';

describe('the repeated hour of autumn', () => {
  it('a file that is watched is split where it stands when the hour begins again', async (context) => {
    for (const { zone, at, label } of [
      { zone: BERLIN, at: '2026-10-25T00:59:30Z', label: '2026102502' },
      { zone: 'America/New_York', at: '2026-11-01T05:59:30Z', label: '2026110101' },
    ]) {
      const file = `access.log.${label}`;
      const world = await openWorld(context, { zone, at, grace: 10_000 });
      const first = await world.write(file, `${lines(20)}half a li`);
      world.start();
      await world.pass(25_000, 5000);
      const both = await world.write(file, 'ne\nnext');
      await utimes(world.path(file), world.clock.now() / 1000, world.clock.now() / 1000);
      await world.pass(6000);
      const all = await world.write(file, ` line\n${lines(5, 900)}`);
      await world.pass(30_000, 5000);
      // "half a line" was being written when the hour was set back, "next line" was not whole.
      const stop = both.indexOf('next');
      assert.ok(stop > first.length);
      world.sink.equals(label, all.subarray(0, stop), { hoursInDay: 25 });
      assert.equal(world.sink.hasEnded(`${label}b`), false, 'the first occurrence ends by itself');
      await world.write(file, 'last');
      await world.pass(60 * MINUTE, 10 * MINUTE);
      world.sink.equals(`${label}b`, Buffer.concat([all.subarray(stop), Buffer.from('last')]), {
        hoursInDay: 25,
      });
      assert.equal(world.named('tail.hour-repeated').length, 0);
      assert.deepEqual(await world.held(), [], 'the link goes with the second occurrence');
      await world.stop();
    }
  });
  it('a deleted file is kept for its second occurrence when the first is acked', async (context) => {
    const world = await openWorld(context, { zone: BERLIN, at: '2026-10-25T00:59:30Z', grace: 10_000 });
    await world.write('access.log.2026102502', 'first\n');
    world.start();
    await world.pass(60_000, 5000);
    await world.pass(10_000, 5000);
    world.sink.equals('2026102502', Buffer.from('first\n'), { hoursInDay: 25 });
    assert.equal((await world.held()).length, 1);
  });
  it('a restart in the middle knows where it was split', async (context) => {
    const world = await openWorld(context, { zone: BERLIN, at: '2026-10-25T00:59:50Z', grace: 10_000 });
    const file = 'access.log.2026102502';
    const first = await world.write(file, lines(20));
    world.start();
    await world.still();
    await world.pass(11_000, 11_000);
    await world.write(file, lines(10, 500));
    await world.still();
    await world.crash();
    const all = await world.write(file, lines(10, 700));
    await utimes(world.path(file), world.clock.now() / 1000, world.clock.now() / 1000);
    world.start();
    await world.pass(70 * MINUTE, 10 * MINUTE);
    world.sink.equals('2026102502', first, { hoursInDay: 25 });
    world.sink.equals('2026102502b', all.subarray(first.length), { hoursInDay: 25 });
  });
  it('nobody watched, and it was not written since: all is of the first, the second is empty', async (context) => {
    const world = await openWorld(context, { zone: BERLIN, at: '2026-10-25T08:00Z' });
    const bytes = await world.write('access.log.2026102502', 'a\nno newline');
    const before = Date.parse('2026-10-25T00:30Z') / 1000;
    await utimes(world.path('access.log.2026102502'), before, before);
    await world.write('access.log.2026102504', 'b\n');
    world.start();
    await world.pass(8000);
    world.sink.equals('2026102502', bytes, { hoursInDay: 25 });
    world.sink.equals('2026102502b', Buffer.alloc(0), { hoursInDay: 25 });
    world.sink.equals('2026102503', Buffer.alloc(0), { hoursInDay: 25 });
  });
  it('it was copied after both: all counts as the first, with a warning', async (context) => {
    const world = await openWorld(context, { zone: BERLIN, at: '2020-10-25T08:00Z' });
    await world.write('access.log.2020102501', 'a\n');
    const bytes = await world.write('access.log.2020102502', lines(9));
    await world.write('access.log.2020102504', 'b\n');
    world.start();
    await world.pass(8000);
    world.sink.equals('2020102502', bytes, { hoursInDay: 25 });
    world.sink.equals('2020102502b', Buffer.alloc(0), { hoursInDay: 25 });
    assert.equal(world.named('tail.hour-repeated').length, 1);
  });
  it('nobody watched while it was written in both: all counts as the first, with a warning', async (context) => {
    const world = await openWorld(context, { zone: BERLIN, at: '2090-10-29T08:00Z' });
    const bytes = await world.write('access.log.2090102902', lines(9));
    const within = Date.parse('2090-10-29T01:30Z') / 1000;
    await utimes(world.path('access.log.2090102902'), within, within);
    await world.write('access.log.2090102904', 'b\n');
    world.start();
    await world.pass(8000);
    world.sink.equals('2090102902', bytes, { hoursInDay: 25 });
    world.sink.equals('2090102902b', Buffer.alloc(0), { hoursInDay: 25 });
    assert.equal(world.named('tail.hour-repeated').length, 1);
  });
  it('a whole day has 25 segments', async (context) => {
    const world = await openWorld(context, { zone: BERLIN, at: '2026-10-26T12:00Z' });
    await world.write('access.log.2026102423', 'a\n');
    await world.write('access.log.2026102600', 'b\n');
    world.start();
    await world.pass(8000);
    const day = [...world.sink.hours.keys()].filter((key) => key.startsWith('access/20261025'));
    assert.equal(day.length, 25);
    for (const key of day)
      world.sink.equals(key.slice('access/'.length), Buffer.alloc(0), { hoursInDay: 25 });
  });
});

describe('the missing hour of spring', () => {
  it('has no segment; a day has 23', async (context) => {
    const world = await openWorld(context, { zone: BERLIN, at: '2026-03-30T12:00Z' });
    await world.write('access.log.2026032900', 'a\n');
    await world.write('access.log.2026033000', 'b\n');
    world.start();
    await world.pass(8000);
    world.sink.equals('2026032900', Buffer.from('a\n'), { hoursInDay: 23 });
    const day = [...world.sink.hours.keys()].filter((key) => key.startsWith('access/20260329'));
    assert.deepEqual([day.length, day.includes('access/2026032902')], [23, false]);
  });
  it('a file that names it is shipped, counted towards no day, with a warning', async (context) => {
    const world = await openWorld(context, { zone: BERLIN, at: '2026-03-29T12:00Z' });
    const bytes = await world.write('access.log.2026032902', 'a\n');
    await world.write('access.log.2026032903', 'b\n');
    world.start();
    await world.pass(8000);
    world.sink.equals('2026032902', bytes, { hoursInDay: 0 });
    world.sink.equals('2026032903', Buffer.from('b\n'), { hoursInDay: 23 });
    assert.equal(world.named('tail.hour-missing').length, 1);
  });
});
