/**
 * Marks that an older logd has written open and go on. test/fixtures/marks/marks.db was made by the build of commit ab34780: of stream `access`,
 * hour 15 is ended and acked; of hour 16 the first pack is acked and the second is not. Paths in it are file names alone.
 */
import assert from 'node:assert/strict';
import { copyFile, mkdtemp, rm, stat } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { openMarks } from '../../src/marks/marks.ts';
import { openWorld } from '../cut/world.ts';

const [H15, H16] = ['2026112215', '2026112216'];

it('marks of an older logd go on: the unacked pack comes again, what is more comes after it', async (context) => {
  const state = await mkdtemp(join(tmpdir(), 'logd-older-marks-'));
  context.after(() => rm(state, { recursive: true }));
  await copyFile(join(import.meta.dirname, '..', 'fixtures', 'marks', 'marks.db'), join(state, 'marks.db'));
  const marks = await openMarks(state, 'web1');
  const world = await openWorld(context, { at: '2026-11-22T16:10Z', marks });
  context.after(() => marks[Symbol.asyncDispose]());
  await world.write(`access.log.${H15}`, 'one\ntwo\n');
  await world.write(`access.log.${H16}`, 'three\nfour\nfive\n');
  const files = new DatabaseSync(join(state, 'marks.db'));
  for (const hour of [H15, H16]) {
    const path = world.path(`access.log.${hour}`);
    const { dev, ino } = await stat(path);
    const names = [path, String(dev), String(ino), `access.log.${hour}`];
    files.prepare('UPDATE sources SET path = ?, dev = ?, ino = ? WHERE path = ?').run(...names);
  }
  files.close();
  world.start();
  await world.pass(9000);
  assert.deepEqual(world.fatal, []);
  const sent = world.sink.sent.map(({ header, body }) => [
    header.hour,
    header.id,
    header.offset,
    body.toString(),
  ]);
  assert.deepEqual(sent, [
    [H16, 2, 6, 'four\n'],
    [H16, 3, 11, 'five\n'],
  ]);
});
