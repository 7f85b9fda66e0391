import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { lockDirectory } from '../../src/disk/directory-lock.ts';

const LOCK = join(import.meta.dirname, '..', '..', 'src', 'disk', 'directory-lock.ts');

test('a directory is locked once, and free again when its holder is gone, even by SIGKILL', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'logd-lock-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  {
    using _first = lockDirectory(dir, '.lock', 'stores into');
    assert.throws(() => lockDirectory(dir, '.lock', 'stores into'), {
      code: 'storage',
      message: /Another logd stores into/,
    });
  }
  const script = `const { lockDirectory } = await import(${JSON.stringify(LOCK)});
    globalThis.lock = lockDirectory(${JSON.stringify(dir)}, '.lock', 'stores into'); console.log('locked'); setInterval(() => 0, 1000);`;
  const holder = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(holder.stdout, 'data');
  assert.throws(() => lockDirectory(dir, '.lock', 'stores into'), { code: 'storage' });
  holder.kill('SIGKILL');
  await once(holder, 'exit');
  using _again = lockDirectory(dir, '.lock', 'stores into');
});
