/** What becomes of files that are cut to a part, or written anew, when the next look finds them so. */
import assert from 'node:assert/strict';
import { rename, rm, truncate, writeFile } from 'node:fs/promises';
import { describe, it, type TestContext } from 'node:test';
import { lines, openWorld, type World } from '../cut/world.ts';

const H15 = '2026112215';
const LOG = `access.log.${H15}`;

const bytesOf = (world: World): string =>
  Buffer.concat(world.sink.packs(H15).map(({ body }) => body)).toString();

const told = (world: World): unknown[] =>
  world.named('tail.lost').map(({ fields }) => `${fields['reason']} ${fields['bytes']}`);

describe('a file that is cut to a part of what was read', () => {
  for (const [what, count, part] of [
    ['of less than a KiB', 10, 100],
    ['of less than a KiB, within its first line', 10, 3],
    ['of more, to less than a KiB', 200, 500],
  ] as const)
    for (const restart of [false, true])
      it(`${what}${restart ? ', after a restart' : ''}: it is told, and nothing is sent again`, async (context) => {
        const world = await openWorld(context);
        await world.write(LOG, lines(count));
        world.start();
        await world.pass(2000);
        if (restart) {
          await world.stop();
          world.start();
          await world.still();
        }
        await truncate(world.path(LOG), part);
        await world.pass(1000);
        await world.write(LOG, 'after\n');
        await world.pass(9000);
        assert.equal(bytesOf(world), `${lines(count)}after\n`);
        assert.deepEqual(told(world), ['source-truncated 0']);
        assert.deepEqual(world.fatal, []);
      });
  it('twice: both are told', async (context) => {
    const world = await openWorld(context);
    await world.write(LOG, lines(10));
    world.start();
    await world.pass(2000);
    for (const part of [100, 50]) {
      await truncate(world.path(LOG), part);
      await world.pass(1000);
    }
    await world.pass(9000);
    assert.equal(bytesOf(world), lines(10));
    assert.deepEqual(told(world), ['source-truncated 0', 'source-truncated 0']);
  });
  it('and was written anew instead: all that is new is sent', async (context) => {
    const world = await openWorld(context);
    await world.write(LOG, lines(10));
    world.start();
    await world.pass(2000);
    const anew = `${lines(3).slice(0, -2)}!\n`;
    await writeFile(world.path(LOG), anew);
    await world.pass(9000);
    assert.equal(bytesOf(world), lines(10) + anew);
  });
});

/** As an editor, or `sed -i`, does. */
const rewrite = async (world: World, name: string, text: string): Promise<void> => {
  await writeFile(world.path('temporary'), text);
  await rename(world.path('temporary'), world.path(name));
};

/** A world whose hour has ended and is acked. */
const shipped = async (context: TestContext, text: string, name = LOG): Promise<World> => {
  const world = await openWorld(context, { pattern: 'access.*<%Y%m%d%H>' });
  await world.write(name, text);
  world.start();
  await world.pass(9000);
  assert.ok(world.sink.hasEnded(H15));
  assert.deepEqual(await world.held(), []);
  return world;
};

describe('a file that is written anew after its hour was shipped', () => {
  const text = lines(200);
  for (const [what, anew] of [
    ['shorter', text.replace(/^line 190 .*\n/m, '')],
    ['shorter, and another from the first byte on', text.slice(9)],
    ['longer, and the same only in its beginning', text.replace('line 150 ', 'the line 150 ')],
  ] as const)
    it(`${what}: all of it is late, and that is told once`, async (context) => {
      const world = await shipped(context, text);
      await rewrite(world, LOG, anew);
      await world.pass(12_000);
      world.sink.equals(H15, Buffer.from(text + anew), { generation: 2 });
      assert.deepEqual(
        world.named('tail.replaced').map(({ fields }) => fields),
        [{ path: world.path(LOG), hour: H15 }],
      );
    });
  it('in place, and shorter: that is told, too', async (context) => {
    const world = await shipped(context, text);
    await writeFile(world.path(LOG), text.slice(9));
    await world.pass(12_000);
    assert.equal(world.named('tail.replaced').length, 1);
    world.sink.equals(H15, Buffer.from(text + text.slice(9)), { generation: 2 });
  });
  it('in place, and seen empty meanwhile: that is told once, too', async (context) => {
    const world = await shipped(context, text);
    await truncate(world.path(LOG), 0);
    await world.pass(12_000);
    await writeFile(world.path(LOG), text.slice(9), { flag: 'a' });
    await world.pass(12_000);
    assert.equal(world.named('tail.replaced').length, 1);
    world.sink.equals(H15, Buffer.from(text + text.slice(9)), { generation: 2 });
  });
  it('with all its bytes, and more behind them: only what is more is late', async (context) => {
    const world = await shipped(context, text);
    await rewrite(world, LOG, `${text}more\n`);
    await world.pass(12_000);
    world.sink.equals(H15, Buffer.from(`${text}more\n`), { generation: 2 });
    assert.equal(world.named('tail.replaced').length, 0);
  });
  it('with all its bytes and no more: nothing happens', async (context) => {
    const world = await shipped(context, text);
    await rewrite(world, LOG, text);
    await world.pass(12_000);
    world.sink.equals(H15, Buffer.from(text));
    assert.deepEqual([world.named('tail.replaced').length, world.named('cut.late').length], [0, 0]);
  });
});

describe('late lines after a restart, in one of several files of their hour', () => {
  const [one, two] = [`access.1.${H15}`, `access.2.${H15}`];
  const begin = async (context: TestContext): Promise<World> => {
    const world = await openWorld(context, { pattern: 'access.*.<%Y%m%d%H>' });
    await world.write(one, 'one\n');
    await world.write(two, 'two\n');
    world.start();
    await world.pass(9000);
    assert.ok(world.sink.hasEnded(H15));
    await world.stop();
    return world;
  };
  it('and all are there: the hour is sealed with them', async (context) => {
    const world = await begin(context);
    world.start();
    await world.write(two, 'late\n');
    await world.pass(9000);
    world.sink.equals(H15, Buffer.from('one\ntwo\nlate\n'), { generation: 2 });
  });
  it('and another is gone: they come, and it is told why the hour cannot be sealed', async (context) => {
    const world = await begin(context);
    await rm(world.path(one));
    world.start();
    await world.write(two, 'late\n');
    await world.pass(9000);
    assert.equal(bytesOf(world), 'one\ntwo\nlate\n');
    assert.deepEqual(told(world), ['source-vanished 0']);
    for (const name of ['tail.lost', 'cut.unproven'])
      assert.deepEqual(
        world.named(name).map(({ fields }) => fields['path']),
        [world.path(one)],
      );
  });
  it('or in a file that was written anew meanwhile: so it is, and that is told, too', async (context) => {
    const world = await begin(context);
    await rewrite(world, two, 'anew\n');
    world.start();
    await world.pass(9000);
    assert.equal(bytesOf(world), 'one\ntwo\nanew\n');
    assert.deepEqual(told(world), ['source-vanished 0']);
    assert.deepEqual([world.named('tail.replaced').length, world.named('cut.unproven').length], [1, 1]);
  });
  it('and the directory of another is away: they wait for it', async (context) => {
    const world = await openWorld(context, { pattern: '*/access.<%Y%m%d%H>' });
    for (const name of ['a', 'b']) await world.write(`${name}/access.${H15}`, `${name}\n`);
    world.start();
    await world.pass(9000);
    await world.stop();
    await rename(world.path('a'), `${world.logs}-away`);
    world.start();
    await world.write(`b/access.${H15}`, 'late\n');
    await world.pass(9000);
    assert.equal(bytesOf(world), 'a\nb\n');
    await rename(`${world.logs}-away`, world.path('a'));
    await world.pass(9000);
    world.sink.equals(H15, Buffer.from('a\nb\nlate\n'), { generation: 2 });
  });
});
