/** What becomes of packs when fsync fails: the kernel reports it once, and may have dropped any page written so far. */
import assert from 'node:assert/strict';
import { readdirSync, readlinkSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { messageOf } from '../../../src/error.ts';
import { asideOf } from '../../../src/stores/file/aside.ts';
import { directoriesBelow } from '../../../src/stores/file/directories.ts';
import { StoredFiles } from '../../../src/stores/file/stored-files.ts';
import { KEY } from '../../contract/recorder.ts';
import { scratch } from '../../contract/store.ts';

const FAILED = { code: 'storage', message: /Cannot make durable/ };

const opened = async (test: TestContext, mostOpen = 8): Promise<StoredFiles> => {
  const dir = await scratch(test);
  const locate = (key: typeof KEY): Promise<string> => Promise.resolve(join(dir, key.host));
  const files = new StoredFiles(directoriesBelow(dir), locate, mostOpen, asideOf(dir));
  test.after(() => files.close());
  return files;
};

/** Files below a directory that this process has open. */
const openBelow = (dir: string): number =>
  readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(`${dir}/`);
    } catch {
      return false;
    }
  }).length;

/** Appends `bytes` bytes; `during` runs between writing and telling. Returns where they lie. */
const append = (
  files: StoredFiles,
  bytes: number,
  { host = KEY.host, during }: { host?: string; during?: (handle: FileHandle) => Promise<void> | void } = {},
): Promise<number> =>
  files.exclusive({ ...KEY, host }, async (file, era) => {
    await files.room(file);
    const handle = await files.writable(file, 1, era);
    const at = file.end;
    await handle.write(Buffer.alloc(bytes), 0, bytes, at);
    await during?.(handle);
    files.wrote(file, at + bytes, era);
    return at;
  });

/** Makes the next fsync of this handle fail, once `until` resolves. */
const failing =
  (until: Promise<void> = Promise.resolve()) =>
  (handle: FileHandle): void => {
    handle.datasync = async () => {
      await until;
      throw Object.assign(new Error('EIO: i/o error'), { code: 'EIO' });
    };
  };

describe('stored files', () => {
  it('goes back to the last durable end after a failed fsync', async (test) => {
    const files = await opened(test);
    assert.equal(await append(files, 10), 0);
    await files.flush();
    assert.equal(await append(files, 5, { during: failing() }), 10);
    await assert.rejects(files.flush(), FAILED);
    assert.equal(await append(files, 7), 10);
    await files.flush();
    assert.equal(await append(files, 1), 17);
  });

  it('fails the next flush for what was written while an fsync failed', async (test) => {
    const files = await opened(test);
    const gate = Promise.withResolvers<void>();
    await append(files, 10, { during: failing(gate.promise) });
    const first = assert.rejects(files.flush(), FAILED);
    await append(files, 20);
    gate.resolve();
    await first;
    await assert.rejects(files.flush(), FAILED);
    assert.equal(await append(files, 30), 0);
    await files.flush();
    await files.flush();
  });

  it('fails a write that was under way while an fsync failed', async (test) => {
    const files = await opened(test);
    await append(files, 10, { during: failing() });
    const during = (): Promise<void> => assert.rejects(files.flush(), FAILED);
    await assert.rejects(append(files, 20, { during }), /something before it could not be made durable/);
    assert.equal(await append(files, 30), 0);
    await files.flush();
  });

  it('fails the next flush when the fsync before closing an idle file failed', async (test) => {
    const files = await opened(test, 1);
    await append(files, 10, { host: 'a', during: failing() });
    await append(files, 10, { host: 'b' });
    await assert.rejects(files.flush(), FAILED);
    assert.equal(await append(files, 10, { host: 'a' }), 0);
    await files.flush();
  });

  it('fails the flush of a file that is not at its path any more, and has it at hand to be copied', async (test) => {
    const dir = await scratch(test);
    const files = new StoredFiles(
      directoriesBelow(dir),
      () => Promise.resolve(join(dir, 'file')),
      8,
      asideOf(dir),
    );
    test.after(() => files.close());
    await append(files, 10);
    await files.flush();
    await append(files, 5);
    await rename(join(dir, 'file'), join(dir, 'away'));
    await assert.rejects(files.flush(), FAILED);
    const confirm = (): Promise<void> => files.exclusive(KEY, (file) => files.confirm(file));
    const error: unknown = await confirm().catch((reason: unknown) => reason);
    const [, fd] = /file, the file of .* is gone: 10 bytes .*\/fd\/(\d+)/.exec(messageOf(error)) ?? [];
    assert.equal((await readFile(`/proc/self/fd/${fd}`)).length, 15);
    await rename(join(dir, 'away'), join(dir, 'file'));
    await confirm();
    assert.equal(await append(files, 7), 10);
    await files.flush();
  });

  it('fails the next flush for an idle file that was replaced, though that was seen before', async (test) => {
    const dir = await scratch(test);
    const files = new StoredFiles(
      directoriesBelow(dir),
      ({ host }) => Promise.resolve(join(dir, host)),
      1,
      asideOf(dir),
    );
    test.after(() => files.close());
    await append(files, 10, { host: 'a' });
    await files.flush();
    await append(files, 5, { host: 'a' });
    await rename(join(dir, 'a'), join(dir, 'away'));
    await writeFile(join(dir, 'a'), Buffer.alloc(10));
    await append(files, 3, { host: 'b' });
    const confirm = files.exclusive({ ...KEY, host: 'a' }, (file) => files.confirm(file));
    await assert.rejects(confirm, /was replaced/);
    await assert.rejects(files.flush(), FAILED);
  });

  it('keeps no more files open than allowed', async (test) => {
    const files = await opened(test, 4);
    const before = (await readdir('/proc/self/fd')).length;
    for (let n = 0; n < 20; n++) await append(files, 10, { host: `host${n}` });
    assert.ok((await readdir('/proc/self/fd')).length <= before + 4);
    for (let n = 0; n < 20; n++) assert.equal(await append(files, 10, { host: `host${n}` }), 10);
    await files.flush();
  });

  it('keeps no more files open than allowed while all of them are in use: others wait for room', async (test) => {
    const dir = await scratch(test);
    const locate = ({ host }: typeof KEY): Promise<string> => Promise.resolve(join(dir, host));
    const files = new StoredFiles(directoriesBelow(dir), locate, 4, asideOf(dir));
    test.after(() => files.close());
    const counts: number[] = [];
    const during = async (): Promise<void> => {
      counts.push(openBelow(dir));
      await nextTurn();
      counts.push(openBelow(dir));
    };
    const hosts = Array.from({ length: 30 }, (_, n) => `host${n}`);
    await Promise.all(hosts.map((host) => append(files, 10, { host, during })));
    assert.equal(Math.max(...counts), 4);
    const again = await Promise.all(hosts.map((host) => append(files, 10, { host })));
    assert.deepEqual([...new Set(again)], [10]);
    await files.flush();
  });

  it('lets another file in though one that is open has jobs without end', async (test) => {
    const files = await opened(test, 1);
    const done: string[] = [];
    const busy = Array.from({ length: 20 }, (_, n) =>
      append(files, 1, { host: 'busy' }).then(() => done.push(`busy ${n}`)),
    );
    await Promise.all([...busy, append(files, 1, { host: 'other' }).then(() => done.push('other'))]);
    assert.ok(done.indexOf('other') < 10, done.join(', '));
    await files.flush();
  });
});
