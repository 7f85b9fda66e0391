import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFile, mkdtemp, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import type { TestContext } from 'node:test';
import { LogdError } from '../../src/error.ts';
import { fingerprintBytes, fingerprintOf, hasFingerprint, openSource } from '../../src/tail/source.ts';

const file = async (context: TestContext, content: string | Buffer) => {
  const directory = await mkdtemp(join(tmpdir(), 'logd-source-'));
  context.after(() => rm(directory, { recursive: true, force: true }));
  const path = join(directory, 'log');
  await writeFile(path, content);
  return path;
};

const isSourceError = (error: unknown): boolean =>
  error instanceof LogdError && error.code === 'source' && error.retryable;

it('reads at positions, up to the end', async (context) => {
  const path = await file(context, '0123456789');
  await using source = await openSource(path);
  const buffer = Buffer.alloc(4);
  assert.equal(await source.read(buffer, 3), 4);
  assert.equal(buffer.toString(), '3456');
  assert.equal(await source.read(buffer, 8), 2);
  assert.equal(buffer.toString(), '8956');
  assert.equal(await source.read(buffer, 10), 0);
  await appendFile(path, 'ab');
  assert.equal(await source.read(buffer, 9), 3);
  assert.equal((await source.size()).size, 12);
  assert.equal((await source.size()).mtimeMs, Math.floor((await stat(path)).mtimeMs));
});

it('goes on reading what was renamed or deleted', async (context) => {
  const path = await file(context, 'lines');
  await using source = await openSource(path);
  await rename(path, `${path}.1`);
  await writeFile(path, 'other');
  await rm(`${path}.1`);
  const buffer = Buffer.alloc(9);
  assert.equal(await source.read(buffer, 0), 5);
  assert.equal(buffer.toString('latin1', 0, 5), 'lines');
  await using other = await openSource(path);
  assert.notEqual(other.ino, source.ino);
});

it('refuses what is no regular file, without waiting', { timeout: 10_000 }, async (context) => {
  const path = await file(context, '');
  execFileSync('mkfifo', [`${path}.pipe`]);
  await assert.rejects(openSource(`${path}.pipe`), isSourceError);
  await assert.rejects(openSource(join(path, '..')), isSourceError);
  await assert.rejects(openSource(`${path}.none`), isSourceError);
});

it('knows a file again that has only grown', async (context) => {
  const path = await file(context, 'GET /a\n');
  await using source = await openSource(path);
  const short = await fingerprintOf(source);
  assert.equal(fingerprintBytes(short), 7);
  assert.match(short, /^7:[0-9a-f]{16}$/);
  await appendFile(path, 'x'.repeat(5000));
  assert.ok(await hasFingerprint(source, short));
  const long = await fingerprintOf(source);
  assert.equal(fingerprintBytes(long), 1024);
  await appendFile(path, 'y');
  assert.ok(await hasFingerprint(source, long));
  await truncate(path, 1023);
  assert.ok(await hasFingerprint(source, short));
  assert.ok(!(await hasFingerprint(source, long)));
  await writeFile(path, 'GET /b\n');
  assert.ok(!(await hasFingerprint(source, short)));
});

it('an empty file has the fingerprint that all have', async (context) => {
  const path = await file(context, '');
  await using source = await openSource(path);
  assert.equal(await fingerprintOf(source), '0:');
  await appendFile(path, 'x');
  assert.ok(await hasFingerprint(source, '0:'));
});
