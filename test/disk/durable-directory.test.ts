import assert from 'node:assert/strict';
import { mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { makeDirectory } from '../../src/disk/durable-directory.ts';

const scratch = async (context: TestContext): Promise<string> => {
  const dir = await mkdtemp(join(tmpdir(), 'logd-directory-'));
  context.after(() => rm(dir, { recursive: true, force: true }));
  return dir;
};

test('a directory is made with what is missing above it, and is no error when it is there', async (context) => {
  const dir = await scratch(context);
  const deep = join(dir, 'a', 'b', 'c');
  await Promise.all([makeDirectory(deep, 'x', 0o750), makeDirectory(deep, 'x', 0o750)]);
  await makeDirectory(deep, 'x');
  assert.equal((await stat(deep)).mode & 0o777, 0o750 & ~process.umask());
  await symlink(join(dir, 'a'), join(dir, 'link'));
  await makeDirectory(join(dir, 'link'), 'x');
  await makeDirectory(join(dir, 'link', 'd'), 'x');
  assert.ok((await stat(join(dir, 'a', 'd'))).isDirectory());
});

test('one that cannot be made is said with the reason and the setting', async (context) => {
  const dir = await scratch(context);
  await writeFile(join(dir, 'file'), '');
  await symlink(join(dir, 'nowhere'), join(dir, 'dangling'));
  for (const [path, why] of [
    [join(dir, 'file'), 'a file is in the way'],
    [join(dir, 'file', 'x', 'y'), 'a file is in the way'],
    [join(dir, 'dangling'), 'a file is in the way'],
    [join(dir, 'dangling', 'x'), 'a file is in the way'],
    ['/proc/logd-test/x', 'the directory above it takes none'],
  ] as const)
    await assert.rejects(makeDirectory(path, 'state_dir'), {
      code: 'storage',
      message: `Cannot make the directory ${path}: ${why}. Check state_dir.`,
    });
});

test('where the system says what is wrong, that is said', () =>
  assert.rejects(makeDirectory('/sys/logd-test/x', 'state_dir'), /E(PERM|ACCES|ROFS).* Check state_dir\.$/));

test('many that make the same directories at once all succeed', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'logd-directories-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  for (let round = 0; round < 20; round++)
    await Promise.all(
      Array.from({ length: 16 }, (_, n) =>
        makeDirectory(join(dir, `state${round}`, 'below', `web${n}`), 'state_dir'),
      ),
    );
});
