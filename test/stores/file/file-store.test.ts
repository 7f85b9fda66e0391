import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  appendFile,
  chmod,
  mkdir,
  open as openFile,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { describe, it } from 'node:test';
import { zstdDecompressSync } from 'node:zlib';
import { LogdError } from '../../../src/error.ts';
import { DEFAULT_LAYOUT } from '../../../src/stores/file/layout.ts';
import { SIGN_BYTES } from '../../../src/stores/file/order.ts';
import { fileStore, type FileStoreOptions, openFileStore } from '../../../src/stores/file/file-store.ts';
import {
  KEY,
  LAST_LINE,
  logLines,
  packsOf,
  readBack,
  Recorder,
  storePacks,
} from '../../contract/recorder.ts';
import { type Harm, scratch, sinkContract } from '../../contract/store.ts';

const PARTS = [logLines(300, 1), logLines(400, 3), logLines(500, 7)];
const WHOLE = Buffer.concat(PARTS);

const options = (dir: string, compression: FileStoreOptions['compression']): FileStoreOptions => ({
  dir,
  compression,
  layout: DEFAULT_LAYOUT,
});

const corrupt =
  (...parts: readonly (RegExp | string)[]) =>
  (error: unknown) => {
    assert.ok(error instanceof LogdError, String(error));
    assert.equal(error.code, 'corrupt');
    for (const part of parts) assert.match(error.message, typeof part === 'string' ? new RegExp(part) : part);
    return true;
  };

/** What people do to stored files. The file comes back as itself, or as a copy. */
const HARMS: readonly Harm[] = [
  {
    what: 'its file is moved away',
    apply: async (path) => {
      await rename(path, `${path}.kept`);
      return async () => {
        await assert.rejects(stat(path), /ENOENT/);
        await rename(`${path}.kept`, path);
      };
    },
  },
  {
    what: 'its file and directory are gone',
    apply: async (path) => {
      const kept = await readFile(path);
      await rm(dirname(path), { recursive: true });
      return async () => {
        await assert.rejects(stat(dirname(path)), /ENOENT/);
        await mkdir(dirname(path), { recursive: true });
        await writeFile(path, kept);
      };
    },
  },
  {
    what: 'its file is cut short',
    apply: async (path) => {
      const kept = await readFile(path);
      const { mode } = await stat(path);
      await chmod(path, 0o644);
      await truncate(path, kept.length - 1);
      await chmod(path, mode);
      return async () => {
        assert.equal((await stat(path)).size, kept.length - 1);
        await chmod(path, 0o644);
        await writeFile(path, kept);
      };
    },
  },
  {
    what: 'a shorter file is in its place',
    apply: async (path) => {
      await rename(path, `${path}.kept`);
      await writeFile(path, 'x');
      return async () => {
        assert.equal(await readFile(path, 'utf8'), 'x');
        await rename(`${path}.kept`, path);
      };
    },
  },
];

for (const compression of ['none', 'zstd'] as const) {
  const open = (dir: string, mostOpen?: number) =>
    openFileStore(options(dir, compression), { ...(mostOpen !== undefined && { mostOpen }) });
  sinkContract(`file, ${compression}`, (dir) => open(dir), HARMS);
  sinkContract(`file, ${compression}, two open files`, (dir) => open(dir, 2), HARMS);

  describe(`file sink, ${compression}`, () => {
    it('leaves a read-only file of the hour’s last line that common tools prove equal', async (test) => {
      const dir = await scratch(test);
      await using store = await openFileStore(options(dir, compression));
      const recorder = new Recorder();
      await storePacks(store, recorder, (await packsOf(PARTS)).toReversed());
      await store.seal(recorder.recorded);

      const path = store.locate(KEY);
      const suffix = compression === 'zstd' ? '.zst' : '';
      assert.equal(path, join(dir, `stream=access/dt=2026-11-22/hour=16/host=web1/access.log${suffix}`));
      const { mode, mtimeMs } = await stat(path);
      assert.equal(mode & 0o777, 0o444);
      assert.equal(Math.round(mtimeMs), LAST_LINE);
      const command = compression === 'zstd' ? 'zstdcat "$1" | sha256sum' : 'sha256sum < "$1"';
      const sum = execFileSync('sh', ['-c', command, 'sh', path], { encoding: 'utf8' });
      assert.equal(sum.split(' ')[0], createHash('sha256').update(WHOLE).digest('hex'));
    });

    it('seals packs of an uncompressed wire into the configured form', async (test) => {
      await using store = await openFileStore(options(await scratch(test), compression));
      const recorder = new Recorder();
      await storePacks(store, recorder, await packsOf(PARTS, { codec: 'none' }));
      const stored = await readFile(store.locate(KEY));
      assert.equal(stored.length < WHOLE.length / 2, compression === 'zstd');
    });

    it('makes a file for an empty segment', async (test) => {
      await using store = await openFileStore(options(await scratch(test), compression));
      await store.seal(new Recorder().recorded);
      const { size, mode } = await stat(store.locate(KEY));
      assert.deepEqual([size, mode & 0o777], [compression === 'zstd' ? SIGN_BYTES : 0, 0o444]);
    });

    it('shows files to those whom the umask lets see them, sealed or not', async (test) => {
      const before = process.umask(0o027);
      test.after(() => process.umask(before));
      await using store = await openFileStore(options(await scratch(test), compression));
      const recorder = new Recorder();
      const modeNow = async (): Promise<number> => (await stat(store.locate(KEY))).mode & 0o777;
      for (const [n, firstId] of [1, 1 + PARTS.length].entries()) {
        await storePacks(
          store,
          recorder,
          (await packsOf(PARTS, { firstId, generation: n + 1 })).toReversed(),
        );
        assert.equal(await modeNow(), 0o640);
        await store.seal(recorder.recorded);
        assert.equal(await modeNow(), 0o440);
      }
    });

    it('recovers a file to the byte, and names one that is too short', async (test) => {
      const dir = await scratch(test);
      const recorder = new Recorder();
      let path: string;
      {
        await using store = await openFileStore(options(dir, compression));
        path = store.locate(KEY);
        await storePacks(store, recorder, await packsOf(PARTS));
      }
      const { size } = await stat(path);
      await appendFile(path, 'torn');
      await writeFile(`${path}.new~`, 'left behind');
      await using store = await openFileStore(options(dir, compression));
      await store.recover(recorder.recorded);
      assert.equal((await stat(path)).size, size);
      assert.deepEqual(await readdir(join(path, '..')), [path.split('/').at(-1)]);

      await truncate(path, size - 1);
      await assert.rejects(
        store.recover(recorder.recorded),
        corrupt(path, `${size - 1} bytes where ${size}`),
      );
      await assert.rejects(store.seal(recorder.recorded), corrupt(path));
      await assert.rejects(readBack(store, recorder.recorded), corrupt(/Pack 3 of web1/, path));
      assert.equal((await stat(path)).size, size - 1);
    });

    it('cuts a file that nobody knows to nothing, at its first pack', async (test) => {
      const dir = await scratch(test);
      const packs = await packsOf(PARTS);
      {
        await using store = await openFileStore(options(dir, compression));
        for (const pack of packs) await store.write(pack, undefined);
      }
      await using store = await openFileStore(options(dir, compression));
      const place = await store.write(packs[0]!, undefined);
      assert.equal((await stat(store.locate(KEY))).size, place.length);
    });

    it('keeps a sealed file that somebody has made writable when late lines come', async (test) => {
      const dir = await scratch(test);
      const recorder = new Recorder();
      const late = { firstId: 4, offset: WHOLE.length, generation: 2 };
      {
        await using store = await openFileStore(options(dir, compression));
        await storePacks(store, recorder, await packsOf(PARTS));
        await store.seal(recorder.recorded);
        await chmod(store.locate(KEY), 0o644);
      }
      await using store = await openFileStore(options(dir, compression));
      await storePacks(store, recorder, await packsOf([logLines(5)], late));
      assert.deepEqual(await readBack(store, recorder.recorded), Buffer.concat([WHOLE, logLines(5)]));
    });

    it('seals recorded packs and nothing behind them, and keeps no handle', async (test) => {
      await using store = await openFileStore(options(await scratch(test), compression));
      const recorder = new Recorder();
      await storePacks(store, recorder, await packsOf(PARTS));
      const size = recorder.recorded.segment.storedEnd;
      const [beyond] = await packsOf([logLines(9)], { firstId: 4, offset: WHOLE.length });
      await store.write(beyond!, recorder.known);
      await store.seal(recorder.recorded);
      const path = store.locate(KEY);
      assert.equal((await stat(path)).size, size);
      const handles = await readdir('/proc/self/fd');
      const open = await Promise.all(handles.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')));
      assert.ok(!open.includes(path));
    });

    it('names a file that is gone', async (test) => {
      await using store = await openFileStore(options(await scratch(test), compression));
      const recorder = new Recorder();
      const [first] = await packsOf(PARTS);
      recorder.add(first!, { at: 0, length: 100 });
      await assert.rejects(store.recover(recorder.recorded), corrupt(store.locate(KEY)));
      await assert.rejects(readBack(store, recorder.recorded), corrupt(store.locate(KEY), 'missing'));
    });

    it('cuts a torn late pack off a sealed file, and goes on', async (test) => {
      const dir = await scratch(test);
      const recorder = new Recorder();
      const late = await packsOf([logLines(30, 9)], { firstId: 4, offset: WHOLE.length, generation: 2 });
      {
        await using store = await openFileStore(options(dir, compression));
        await storePacks(store, recorder, (await packsOf(PARTS)).toReversed());
        await store.seal(recorder.recorded);
        await store.write(late[0]!, recorder.known);
      }
      await using store = await openFileStore(options(dir, compression));
      const sealedSize =
        (await stat(store.locate(KEY))).size - (compression === 'none' ? late[0]!.raw : late[0]!.body).length;
      await store.recover(recorder.recorded);
      assert.equal((await stat(store.locate(KEY))).size, sealedSize);
      await storePacks(store, recorder, late);
      await store.seal(recorder.recorded);
      assert.deepEqual(await readBack(store, recorder.recorded), Buffer.concat([WHOLE, late[0]!.raw]));
    });

    it('keeps the segments of the other compression readable and writable', async (test) => {
      const dir = await scratch(test);
      const recorder = new Recorder();
      const packs = await packsOf(PARTS);
      {
        await using store = await openFileStore(options(dir, compression === 'none' ? 'zstd' : 'none'));
        await storePacks(store, recorder, packs.slice(0, 2));
      }
      await using store = await openFileStore(options(dir, compression));
      await store.recover(recorder.recorded);
      await storePacks(store, recorder, packs.slice(2));
      await store.seal(recorder.recorded);
      assert.deepEqual(await readBack(store, recorder.recorded), WHOLE);
      assert.equal(store.locate(KEY).endsWith('.zst'), compression === 'none');
    });

    it('is the only sink in its directory, and can be looked at besides', async (test) => {
      const dir = await scratch(test);
      const recorder = new Recorder();
      {
        await using store = await openFileStore(options(dir, compression));
        await storePacks(store, recorder, await packsOf(PARTS));
        await assert.rejects(openFileStore(options(dir, compression)), /Another logd stores into/);
        assert.deepEqual(
          await readBack(
            await fileStore.view({ ...options(dir, compression), retain: 'forever' }),
            recorder.recorded,
          ),
          WHOLE,
        );
      }
      await using again = await openFileStore(options(dir, compression));
      assert.deepEqual(await readBack(again, recorder.recorded), WHOLE);
    });
  });
}

describe('file sink, zstd in order', () => {
  it('does not rewrite what lies in order, and marks what it rewrites', async (test) => {
    for (const [reversed, signBytes] of [
      [false, 0],
      [true, SIGN_BYTES],
    ] as const) {
      await using store = await openFileStore(options(await scratch(test), 'zstd'));
      const recorder = new Recorder();
      const packs = await packsOf(PARTS);
      await storePacks(store, recorder, reversed ? packs.toReversed() : packs);
      const before = await stat(store.locate(KEY));
      await store.seal(recorder.recorded);
      const after = await stat(store.locate(KEY));
      assert.equal(after.size, before.size + signBytes);
      assert.equal(after.ino === before.ino, !reversed);
    }
  });

  it('gives an hour without lines a file that zstd takes, and late lines a place behind it', async (test) => {
    await using store = await openFileStore(options(await scratch(test), 'zstd'));
    const recorder = new Recorder();
    await storePacks(store, recorder, await packsOf([Buffer.alloc(0)]));
    for (let time = 0; time < 2; time++) {
      await store.seal(recorder.recorded);
      assert.equal(execFileSync('zstdcat', [store.locate(KEY)], { encoding: 'utf8' }), '');
      assert.equal((await stat(store.locate(KEY))).mode & 0o777, 0o444);
    }
    await storePacks(store, recorder, await packsOf([WHOLE], { firstId: 2, generation: 2 }));
    await store.seal(recorder.recorded);
    assert.deepEqual(await readBack(store, recorder.recorded), WHOLE);
    assert.equal(execFileSync('zstdcat', [store.locate(KEY)], { encoding: 'utf8' }), WHOLE.toString());
  });

  it('starts over where an earlier sealing was broken off', async (test) => {
    await using store = await openFileStore(options(await scratch(test), 'zstd'));
    const recorder = new Recorder();
    await storePacks(store, recorder, (await packsOf(PARTS)).toReversed());
    await writeFile(`${store.locate(KEY)}.new~`, 'half of it');
    await store.seal(recorder.recorded);
    assert.deepEqual(await readBack(store, recorder.recorded), WHOLE);
  });

  it('names the pack, the file and the byte of a flipped bit', async (test) => {
    const dir = await scratch(test);
    await using store = await openFileStore(options(dir, 'zstd'));
    const recorder = new Recorder();
    await storePacks(store, recorder, (await packsOf(PARTS)).toReversed());
    await store.seal(recorder.recorded);
    const path = store.locate(KEY);
    const at = SIGN_BYTES + recorder.records.get(1)!.place.length;
    await chmod(path, 0o644);
    const handle = await openFile(path, 'r+');
    await handle.write(Buffer.from([0]), 0, 1, at);
    await handle.close();
    await assert.rejects(
      readBack(store, recorder.recorded),
      corrupt('Pack 2 of web1/access/2026112216', path, `at byte ${at} `),
    );
  });

  it('refuses a frame that decodes to another size than was recorded', async (test) => {
    await using store = await openFileStore(options(await scratch(test), 'zstd'));
    for (const bytes of [PARTS[0]!.length - 1, PARTS[0]!.length + 1]) {
      const recorder = new Recorder();
      const [pack] = await packsOf(PARTS);
      const place = await store.write(pack!, undefined);
      recorder.add({ ...pack!, header: { ...pack!.header, bytes } }, place);
      await assert.rejects(readBack(store, recorder.recorded), corrupt('Pack 1 of'));
    }
  });

  it('puts a sealed file aside that the ledger does not know, and drops it once the new one is the same', async (test) => {
    const dir = await scratch(test);
    const sealed = async (parts: readonly Buffer[]): Promise<string> => {
      await using store = await openFileStore(options(dir, 'none'));
      const recorder = new Recorder();
      await storePacks(store, recorder, await packsOf(parts));
      await store.seal(recorder.recorded);
      return store.locate(KEY);
    };
    const path = await sealed(PARTS);
    const aside = join(dir, '.logd-aside', relative(dir, path));
    await sealed(PARTS);
    await assert.rejects(stat(aside), { code: 'ENOENT' });
    await sealed([logLines(11, 13)]);
    assert.deepEqual(await readFile(aside), WHOLE);
    assert.deepEqual(await readFile(path), logLines(11, 13));
  });

  it('does not take a sign at its word when the ledger says otherwise', async (test) => {
    const dir = await scratch(test);
    {
      await using store = await openFileStore(options(dir, 'zstd'));
      const recorder = new Recorder();
      await storePacks(store, recorder, (await packsOf(PARTS)).toReversed());
      await store.seal(recorder.recorded);
    }
    await using store = await openFileStore(options(dir, 'zstd'));
    const recorder = new Recorder();
    const other = [logLines(11, 13), logLines(12, 17), logLines(13, 19)];
    const late = (await packsOf(other)).map((pack) => ({
      ...pack,
      header: { ...pack.header, generation: 2 },
    }));
    await storePacks(store, recorder, late);
    assert.deepEqual(await readBack(store, recorder.recorded), Buffer.concat(other));
    await store.seal(recorder.recorded);
    assert.deepEqual(await readBack(store, recorder.recorded), Buffer.concat(other));
    assert.equal(
      execFileSync('zstdcat', [store.locate(KEY)], { encoding: 'utf8' }),
      Buffer.concat(other).toString(),
    );
    assert.deepEqual(
      zstdDecompressSync((await readFile(store.locate(KEY))).subarray(SIGN_BYTES)).subarray(
        0,
        other[0]!.length,
      ),
      other[0],
    );
  });
});
