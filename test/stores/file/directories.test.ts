import assert from 'node:assert/strict';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { directoriesBelow } from '../../../src/stores/file/directories.ts';

const below = async () => {
  const root = await mkdtemp(join(tmpdir(), 'logd-directories-'));
  const at = (day: string, hour: string): string => join(root, `dt=${day}`, `hour=${hour}`, 'host=web1.log');
  return { at, ...directoriesBelow(root), [Symbol.asyncDispose]: () => rm(root, { recursive: true }) };
};

test('a directory that was made and taken away is made again', async () => {
  await using directories = await below();
  const path = directories.at('2026-11-22', '16');
  for (const gone of [dirname(path), dirname(dirname(path))]) {
    await directories.prepare(path);
    await directories.flush();
    await rm(gone, { recursive: true });
    await directories.prepare(path);
    await writeFile(path, '');
    await directories.flush();
  }
  assert.equal((await stat(path)).size, 0);
});

test('one that is taken away before it is durable fails that flush, and no later one', async () => {
  await using directories = await below();
  const [gone, other] = [directories.at('2026-11-22', '16'), directories.at('2026-11-23', '16')];
  await directories.prepare(gone);
  await directories.prepare(other);
  await rm(dirname(dirname(gone)), { recursive: true });
  await assert.rejects(directories.flush(), { code: 'ENOENT' });
  await directories.flush();
  await directories.prepare(gone);
  await directories.flush();
  assert.ok((await stat(dirname(gone))).isDirectory());
});
