/** A sink is killed, or its disk fails, at every point where a promise hangs on an order of operations. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { LogdError } from '../../../src/error.ts';
import type { FaultPoint } from '../../../src/fault/fault.ts';
import { DEFAULT_LAYOUT } from '../../../src/stores/file/layout.ts';
import { openFileStore } from '../../../src/stores/file/file-store.ts';
import { KEY, logLines, packsOf, readBack, Recorder, storePacks } from '../../contract/recorder.ts';
import { scratch } from '../../contract/store.ts';
import { smallDisk } from '../../house/needs.ts';
import { CRASH_PARTS } from './crash-parts.ts';

const CHILD = join(import.meta.dirname, 'crash-child.ts');

interface Ending {
  readonly signal: NodeJS.Signals | null;
  readonly code: number | null;
  readonly stdout: string;
}

const run = async (dir: string, compression: string, fault: string): Promise<Ending> => {
  const child = spawn(process.execPath, [CHILD, dir, compression], {
    env: { ...process.env, LOGD_FAULT: fault },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [stdout] = await Promise.all([text(child.stdout), once(child, 'close')]);
  return { signal: child.signalCode, code: child.exitCode, stdout };
};

/** The segment is whole, for the sink and for common tools. Returns the failures that the child met. */
const assertWhole = async ({ code, stdout }: Ending): Promise<number> => {
  assert.equal(code, 0);
  const { path, equal, failures } = JSON.parse(stdout) as {
    path: string;
    equal: boolean;
    failures: string[];
  };
  assert.ok(equal);
  assert.equal((await stat(path)).mode & 0o777, 0o444);
  const bytes = path.endsWith('.zst') ? execFileSync('zstdcat', [path]) : await readFile(path);
  assert.ok(bytes.equals(Buffer.concat(CRASH_PARTS)));
  return failures.length;
};

const WRITING: readonly FaultPoint[] = ['sink.write', 'sink.before-sync', 'sink.after-sync'];
const SEALING: readonly FaultPoint[] = ['seal.before-rename', 'seal.after-rename'];

describe('file sink, killed', { concurrency: 2 }, () => {
  for (const compression of ['none', 'zstd'])
    for (const point of compression === 'zstd' ? [...WRITING, ...SEALING] : WRITING)
      it(`at ${point}, ${compression}: goes on and ends whole`, async (test) => {
        const dir = await scratch(test);
        for (const pass of SEALING.includes(point) ? [1] : [2, 1])
          assert.equal((await run(dir, compression, `${point}:${pass}`)).signal, 'SIGKILL');
        assert.equal(await assertWhole(await run(dir, compression, '')), 0);
      });

  it('between the rename and the ledger’s seal: sealing again changes nothing', async (test) => {
    const dir = await scratch(test);
    assert.equal((await run(dir, 'zstd', 'seal.after-rename:1')).signal, 'SIGKILL');
    const path = join(dir, 'store/stream=access/dt=2026-11-22/hour=16/host=web1/access.log.zst');
    const { ino, size } = await stat(path);
    await assertWhole(await run(dir, 'zstd', ''));
    const after = await stat(path);
    assert.deepEqual([after.ino, after.size], [ino, size]);
  });
});

describe('file sink, failing disk', { concurrency: 2 }, () => {
  for (const compression of ['none', 'zstd'])
    for (const fault of ['sink.write:3:ENOSPC', 'sink.before-sync:1:EIO', 'sink.after-sync:2:EIO'])
      it(`${fault}, ${compression}: forgets what was not durable, ends whole`, async (test) => {
        assert.ok((await assertWhole(await run(await scratch(test), compression, fault))) > 0);
      });

  for (const compression of ['none', 'zstd'] as const)
    it(`a disk that is really full, ${compression}`, async (test) => {
      const dir = await scratch(test);
      const path = join(dir, 'disk');
      await using disk = await smallDisk(test, path, 256 << 10);
      if (disk === undefined) return;
      await using store = await openFileStore({
        dir: join(path, 'store'),
        compression,
        layout: DEFAULT_LAYOUT,
      });
      const recorder = new Recorder();
      const parts = Array.from({ length: compression === 'zstd' ? 24 : 8 }, (_, n) => logLines(3000, n + 1));
      const packs = await packsOf(parts);
      let full = 0;
      for (const pack of packs)
        await storePacks(store, recorder, [pack]).catch((error: unknown) => {
          assert.ok(error instanceof LogdError && error.code === 'storage' && error.retryable);
          full++;
        });
      assert.ok(full > 0 && recorder.records.size > 0, `${full} of ${packs.length} packs did not fit`);
      const kept = [...recorder.records.keys()].map((id) => parts[id - 1]!);
      assert.ok((await readBack(store, recorder.recorded)).equals(Buffer.concat(kept)));

      disk.grow(8 << 20);
      await storePacks(
        store,
        recorder,
        packs.filter(({ header }) => !recorder.records.has(header.id)),
      );
      await store.seal(recorder.recorded);
      assert.ok((await readBack(store, recorder.recorded)).equals(Buffer.concat(parts)));
      assert.ok((await stat(store.locate(KEY))).size > 0);
    });
});
