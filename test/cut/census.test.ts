/** What becomes of files that are cut to a part, or written anew, when the next look finds them so. */
import assert from 'node:assert/strict';
import { truncate, writeFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { lines, openWorld, type World } from './world.ts';

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
