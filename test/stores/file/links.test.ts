/** Links below the store lead to what is not the store's: nothing is written, cut, chmodded or read through one. */
import assert from 'node:assert/strict';
import { link, lstat, mkdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { LogdError } from '../../../src/error.ts';
import { openFileStore } from '../../../src/stores/file/file-store.ts';
import type { Store } from '../../../src/stores/store.ts';
import { KEY, logLines, packsOf, readBack, Recorder, storePacks } from '../../contract/recorder.ts';
import { scratch } from '../../contract/store.ts';

const PARTS = [logLines(30, 1), logLines(40, 2)];
const FOREIGN = 'not yours\n';

const open = (dir: string): Promise<Store> => openFileStore({ dir, compression: 'none', layout: undefined });

const named =
  (path: string, what: string) =>
  (error: unknown): true => {
    assert.ok(error instanceof LogdError, String(error));
    assert.deepEqual([error.code, error.retryable], ['corrupt', true]);
    assert.ok(error.message.startsWith(`${path} is ${what}`), error.message);
    return true;
  };

/** What somebody put where the hour's file belongs; `fault` is the path that is named, and what is said of it. */
const LINKS: readonly {
  readonly what: string;
  make(path: string, foreign: string): Promise<readonly [path: string, what: string]>;
}[] = [
  {
    what: 'a symbolic link',
    async make(path, foreign) {
      await symlink(foreign, path);
      return [path, 'a symbolic link'];
    },
  },
  {
    what: 'a hard link',
    async make(path, foreign) {
      await link(foreign, path);
      return [path, 'a file with 2 names (hard links)'];
    },
  },
  {
    what: 'a directory that is a link',
    async make(path, foreign) {
      const level = dirname(path);
      await rm(level, { recursive: true });
      await symlink(dirname(foreign), level);
      return [level, 'a symbolic link'];
    },
  },
  {
    what: 'a directory',
    async make(path) {
      await mkdir(path);
      return [path, 'a directory'];
    },
  },
];

describe('a link where an hour’s file belongs', () => {
  for (const { what, make } of LINKS)
    it(`${what}: is not followed, and the hour goes on once it is gone`, async (test) => {
      const dir = await scratch(test);
      const outside = join(await scratch(test), 'foreign.log');
      await writeFile(outside, FOREIGN, { mode: 0o644 });
      await using store = await open(join(dir, 'store'));
      const path = store.locate(KEY);
      await mkdir(dirname(path), { recursive: true });
      const fault = await make(path, outside);
      const recorder = new Recorder();
      const packs = await packsOf(PARTS);
      await assert.rejects(storePacks(store, recorder, packs), named(...fault));
      assert.equal(await readFile(outside, 'utf8'), FOREIGN);
      assert.equal((await stat(outside)).mode & 0o777, 0o644);
      await rm(fault[0], { recursive: true, force: true });
      await storePacks(store, recorder, packs);
      await store.seal(recorder.recorded);
      assert.deepEqual(await readBack(store, recorder.recorded), Buffer.concat(PARTS));
    });

  it('is not sealed, cut or read through when it comes later', async (test) => {
    const dir = await scratch(test);
    const outside = join(await scratch(test), 'foreign.log');
    await writeFile(outside, Buffer.concat([...PARTS, Buffer.from('more\n')]), { mode: 0o644 });
    const place = join(dir, 'store');
    const recorder = new Recorder();
    const packs = await packsOf(PARTS);
    let path: string;
    {
      await using store = await open(place);
      await storePacks(store, recorder, packs);
      path = store.locate(KEY);
    }
    await rename(path, `${path}.kept`);
    await symlink(outside, path);
    const before = await readFile(outside);
    await using store = await open(place);
    const fault = named(path, 'a symbolic link');
    await assert.rejects(store.recover(recorder.recorded), fault);
    await assert.rejects(store.seal(recorder.recorded), fault);
    await assert.rejects(readBack(store, recorder.recorded), fault);
    assert.deepEqual(await readFile(outside), before);
    assert.equal((await stat(outside)).mode & 0o777, 0o644);
  });
});

it('a link is not read when what lies in the place of a file is compared with the ledger', async (test) => {
  const dir = await scratch(test);
  const outside = join(await scratch(test), 'the-same.log');
  await using store = await open(join(dir, 'store'));
  const recorder = new Recorder();
  await storePacks(store, recorder, await packsOf(PARTS));
  const path = store.locate(KEY);
  await rename(path, outside);
  await symlink(outside, path);
  const why = await store.repairs!.restore(recorder.recorded, () => Promise.resolve());
  assert.match(why!, /is a symbolic link/);
  assert.ok((await lstat(path)).isSymbolicLink());
});

it('makes directories and files that others may not write, whatever the umask', async (test) => {
  const before = process.umask(0);
  test.after(() => process.umask(before));
  const dir = await scratch(test);
  await using store = await open(join(dir, 'store'));
  await storePacks(store, new Recorder(), await packsOf(PARTS));
  const path = store.locate(KEY);
  assert.equal((await stat(path)).mode & 0o777, 0o644);
  for (let level = dirname(path); level !== dir; level = dirname(level))
    assert.equal((await stat(level)).mode & 0o777, 0o755, level);
});
