/** Failures for want of descriptors, and what is said of them, in a process that has none left. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import {
  descriptorsNeeded,
  isOutOfDescriptors,
  shareDescriptors,
  storedDescriptors,
} from '../../src/disk/descriptors.ts';
import { messageOf } from '../../src/error.ts';

const source = join(import.meta.dirname, '../../src');

/** Prints, as JSON, what is said of one failure after the other when no file can be opened. */
const SCRIPT = `
const { openSync } = await import('node:fs');
const { open, readdir } = await import('node:fs/promises');
const { connect } = await import('node:net');
const { DatabaseSync } = await import('node:sqlite');
const { messageOf } = await import('${source}/error.ts');
const { isOutOfDescriptors } = await import('${source}/disk/descriptors.ts');
const { storageError } = await import('${source}/stores/file/stored-file.ts');
const { databaseError } = await import('${source}/sqlite/failure.ts');
const failureOf = async (job) => { try { await job(); return undefined; } catch (error) { return error; } };
// What is loaded when it first fails is loaded now.
messageOf(await failureOf(() => open('/nowhere')));
await failureOf(() => new Promise((_, reject) => connect({ host: '127.0.0.1', port: 1 }).once('error', reject)));
new DatabaseSync(':memory:').close();
const before = isOutOfDescriptors();
for (;;) try { openSync('/', 'r'); } catch { break; }
const failures = {
  before, after: isOutOfDescriptors(),
  open: messageOf(await failureOf(() => open('/tmp/x', 'w'))),
  list: messageOf(await failureOf(() => readdir('/'))),
  connect: messageOf(await failureOf(() => new Promise((_, reject) => connect({ host: '127.0.0.1', port: 1 }).once('error', reject)))),
  store: storageError('write', '/srv/x.log', await failureOf(() => open('/srv/x.log'))).message,
  database: databaseError(await failureOf(() => new DatabaseSync('/tmp/logd-none.db').exec('SELECT 1')), '/tmp/logd-none.db').message,
};
process.stdout.write(JSON.stringify(failures));
`;

describe('descriptors', () => {
  it('where there are none left, every message says what to raise', () => {
    const command = 'ulimit -n 60; exec "$@"';
    const node = [process.execPath, '--no-warnings', '--input-type=module', '-e', SCRIPT];
    const { stdout, stderr } = spawnSync('sh', ['-c', command, 'sh', ...node], { encoding: 'utf8' });
    assert.notEqual(stdout, '', stderr);
    const { before, after, ...said } = JSON.parse(stdout) as Record<string, string | boolean>;
    assert.deepEqual([before, after], [false, true]);
    assert.equal(Object.keys(said).length, 5);
    for (const [what, message] of Object.entries(said))
      assert.match(String(message), /raise LimitNOFILE \(ulimit -n\)/, what);
    assert.doesNotMatch(String(said['store']), /disk has room/);
  });

  it('other limits and other failures have other advice, or none', () => {
    const failure = (code: string, syscall: string) =>
      messageOf(Object.assign(new Error(`${code}: too many`), { code, syscall }));
    assert.match(failure('ENFILE', 'open'), /; raise fs\.file-max/);
    assert.match(failure('EMFILE', 'watch'), /; raise fs\.inotify\.max_user_instances/);
    assert.equal(failure('ENOENT', 'open'), 'ENOENT: too many');
    assert.equal(isOutOfDescriptors(), false);
  });

  it('are shared out so that sockets and databases have theirs, and the usual limit is enough', () => {
    for (const limit of [60, 80, 256, 1024, 65_536]) {
      const { kept, cached } = shareDescriptors(limit);
      assert.ok(kept + cached <= Math.max(12, limit - 40), String(limit));
      assert.ok(storedDescriptors(limit) <= Math.max(8, limit / 2), String(limit));
    }
    assert.equal(storedDescriptors(65_536), 512);
    assert.equal(descriptorsNeeded(512, 1024), undefined);
    assert.equal(descriptorsNeeded(512, 60), 1080);
  });
});
