/** Logs that move to another directory: what was shipped is not sent again, what is more comes late. */
import assert from 'node:assert/strict';
import { appendFile, cp, rename, rm, writeFile } from 'node:fs/promises';
import { describe, it, type TestContext } from 'node:test';
import { openWorld, type World } from '../cut/world.ts';

const H15 = '2026112215';
const [OLD, NEW] = ['logs/*.<%Y%m%d%H>', 'logs2/*.<%Y%m%d%H>'];
const TEXT = { a: 'one\ntwo\n'.repeat(300), b: 'three\n'.repeat(400) };

/** Two files of one hour, shipped and ended, and the agent stopped. */
const shipped = async (context: TestContext): Promise<World> => {
  const world = await openWorld(context, { pattern: OLD });
  await world.write(`logs/a.${H15}`, TEXT.a);
  await world.write(`logs/b.${H15}`, TEXT.b);
  world.start();
  await world.pass(9000);
  assert.ok(world.sink.hasEnded(H15));
  await world.stop();
  return world;
};

const restart = async (world: World): Promise<void> => {
  world.start(undefined, { pattern: NEW });
  await world.still();
  await world.pass(9000);
  assert.deepEqual(world.fatal, []);
};

describe('logs that move to another directory', () => {
  for (const originals of ['stay', 'go'] as const)
    it(`are known by their bytes: the originals ${originals}`, async (context) => {
      const world = await shipped(context);
      await cp(world.path('logs'), world.path('logs2'), { recursive: true, preserveTimestamps: true });
      if (originals === 'go') await rm(world.path('logs'), { recursive: true });
      await restart(world);
      assert.equal(world.named('cut.late').length, 0);
      world.sink.equals(H15, Buffer.from(TEXT.a + TEXT.b), { generation: 1 });
      assert.equal(world.named('tail.sent-again').length, 0);
    });

  it('send only what is more', async (context) => {
    const world = await shipped(context);
    await cp(world.path('logs'), world.path('logs2'), { recursive: true });
    await appendFile(world.path(`logs2/b.${H15}`), 'late\n');
    await restart(world);
    world.sink.equals(H15, Buffer.from(`${TEXT.a}${TEXT.b}late\n`), { generation: 2 });
    assert.equal(world.named('tail.sent-again').length, 0);
  });

  it('and are others now: they come as late lines, with a warning', async (context) => {
    const world = await shipped(context);
    await rename(world.path('logs'), world.path('logs2'));
    const edited = TEXT.a.replace('two', 'TWO');
    await rm(world.path(`logs2/a.${H15}`));
    await writeFile(world.path(`logs2/a.${H15}`), edited);
    await restart(world);
    assert.equal(world.named('tail.sent-again').length + world.named('tail.replaced').length, 1);
  });
});
