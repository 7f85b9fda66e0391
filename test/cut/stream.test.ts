import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { openWorld, type World } from './world.ts';

const NO_FILE = {
  'a link to nothing': (path: string) => symlink(`${path}-target`, path),
  'a directory': (path: string) => mkdir(path),
  'a named pipe': (path: string) => Promise.resolve(void execFileSync('mkfifo', [path])),
};

const skippedNames = (world: World): unknown[] =>
  world.named('tail.passed-over').map(({ fields }) => fields['path']);

describe('a name that is followed by no file', () => {
  for (const [what, make] of Object.entries(NO_FILE))
    it(`${what}: makes no hour, ends none, and is told once`, async (context) => {
      const world = await openWorld(context);
      await world.write('access.log.2026112215', 'a\n');
      await make(world.path('access.log.2026112216'));
      world.start(undefined, { grace: 86_400_000 });
      await world.pass(20_000, 4000);
      assert.deepEqual([...world.sink.hours.keys()], ['access/2026112215']);
      assert.equal(world.sink.hasEnded('2026112215'), false);
      assert.deepEqual(skippedNames(world), [world.path('access.log.2026112216')]);
      assert.deepEqual(world.fatal, []);
    });
  it('a link to nothing that leads to a file later is read like any other', async (context) => {
    const world = await openWorld(context);
    const path = world.path('access.log.2026112215');
    await symlink(`${path}-target`, path);
    world.start();
    await world.pass(9000);
    assert.equal(world.sink.sent.length, 0);
    await writeFile(`${path}-target`, 'a\n');
    await world.pass(9000);
    world.sink.equals('2026112215', Buffer.from('a\n'));
  });
  it('no real time: told once, whatever is beside it', async (context) => {
    const world = await openWorld(context);
    await world.write('access.log.2026112215', 'a\n');
    await world.write('access.log.2026112224', 'never\n');
    world.start();
    await world.pass(20_000, 4000);
    assert.deepEqual(skippedNames(world), [world.path('access.log.2026112224')]);
    world.sink.equals('2026112215', Buffer.from('a\n'));
  });
});
