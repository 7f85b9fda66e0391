import assert from 'node:assert/strict';
import { link, mkdtemp, readdir, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import type { TestContext } from 'node:test';
import { LogdError } from '../../src/error.ts';
import { openHolds } from '../../src/tail/hold.ts';

const begin = async (context: TestContext) => {
  const root = await mkdtemp(join(tmpdir(), 'logd-hold-'));
  context.after(() => rm(root, { recursive: true, force: true }));
  const held = join(root, 'state', 'held');
  const write = async (name: string) => {
    const path = join(root, name);
    await writeFile(path, `content of ${name}`);
    const { dev, ino } = await stat(path, { bigint: true });
    return { path, id: { dev: String(dev), ino: String(ino) } };
  };
  return { root, held, write, holds: await openHolds(held) };
};

const contentOf = async (holds: Awaited<ReturnType<typeof openHolds>>, id: { dev: string; ino: string }) => {
  await using source = await holds.open(id);
  if (source === undefined) return undefined;
  const buffer = Buffer.alloc(100);
  return buffer.toString('utf8', 0, await source.read(buffer, 0));
};

it('a held file is read after it was deleted, until released', async (context) => {
  const { write, holds } = await begin(context);
  const { path, id } = await write('log');
  assert.equal(await holds.hold(path, id), 'linked');
  assert.equal(await holds.hold(path, id), 'linked');
  await rm(path);
  assert.equal(await contentOf(holds, id), 'content of log');
  assert.deepEqual(await holds.list(), [id]);
  await holds.release(id);
  await holds.release(id);
  assert.equal(await contentOf(holds, id), undefined);
  assert.deepEqual(await holds.list(), []);
});

it('what is held outlives the process that held it', async (context) => {
  const { held, write, holds } = await begin(context);
  const { path, id } = await write('log');
  await holds.hold(path, id);
  await rename(path, `${path}.1`);
  await writeFile(join(held, 'not-ours'), '');
  const again = await openHolds(held);
  assert.deepEqual(await again.list(), [id]);
  assert.equal(await again.hold(`${path}.1`, id), 'linked');
  assert.equal(await contentOf(again, id), 'content of log');
});

it('holds the file behind a symbolic link', async (context) => {
  const { root, write, holds } = await begin(context);
  const { path, id } = await write('log');
  await symlink('log', join(root, 'alias'));
  assert.equal(await holds.hold(join(root, 'alias'), id), 'linked');
  await rm(path);
  assert.equal(await contentOf(holds, id), 'content of log');
});

it('never holds another file under the name', async (context) => {
  const { held, write, holds } = await begin(context);
  const { id } = await write('log');
  const other = await write('other');
  assert.equal(await holds.hold(other.path, id), 'unlinked');
  assert.deepEqual(await readdir(held), []);
  assert.equal(await holds.hold(`${other.path}.none`, id), 'unlinked');
});

it('replaces a stale name', async (context) => {
  const { held, write, holds } = await begin(context);
  const { path, id } = await write('log');
  const other = await write('other');
  await link(other.path, join(held, `${id.dev}-${id.ino}`));
  assert.equal(await contentOf(holds, id), undefined);
  assert.equal(await holds.hold(path, id), 'linked');
  assert.equal(await contentOf(holds, id), 'content of log');
});

it('does without a link where the file system refuses', async (context) => {
  const { holds } = await begin(context);
  const { dev, ino } = await stat('/proc/self/status', { bigint: true });
  assert.equal(await holds.hold('/proc/self/status', { dev: String(dev), ino: String(ino) }), 'unlinked');
});

it('says so when the directory cannot be made', async (context) => {
  const { write } = await begin(context);
  const { path } = await write('log');
  await assert.rejects(
    openHolds(join(path, 'held')),
    (error) => error instanceof LogdError && error.code === 'storage',
  );
});
