import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, readdir, readlink, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it, type TestContext } from 'node:test';
import { sourceState, type SourceState } from '../../src/track/segment.ts';
import { createSourceFiles } from '../../src/track/source-files.ts';
import { LogdError } from '../../src/error.ts';
import { type Holds, openHolds } from '../../src/tail/hold.ts';
import { fingerprintOf, openSource } from '../../src/tail/source.ts';

const begin = async (context: TestContext, wrap: (holds: Holds) => Holds = (holds) => holds) => {
  const root = await mkdtemp(join(tmpdir(), 'logd-sources-'));
  const holds = await openHolds(join(root, 'held'));
  const files = createSourceFiles(wrap(holds));
  context.after(async () => {
    await files[Symbol.asyncDispose]();
    await rm(root, { recursive: true, force: true });
  });
  let id = 0;
  const add = async (name: string, content: string): Promise<SourceState> => {
    const path = join(root, name);
    await writeFile(path, content);
    await using file = await openSource(path);
    const { dev, ino } = file;
    const row = {
      id: ++id,
      path,
      dev,
      ino,
      fingerprint: await fingerprintOf(file),
      position: 0,
      stop: undefined,
    };
    return sourceState(row, 1, 0);
  };
  const content = (source: SourceState): Promise<string> =>
    files.read(source, async (file) => {
      const buffer = Buffer.alloc(1000);
      return buffer.toString('utf8', 0, await file.read(buffer, 0));
    });
  return { root, files, add, content, held: () => readdir(join(root, 'held')) };
};

/** A file system that cannot link. */
const withoutLinks = (holds: Holds): Holds => ({ ...holds, hold: async () => 'unlinked' });

const gone = (error: unknown): boolean =>
  error instanceof LogdError && error.code === 'source' && !error.retryable;

/** Files that this process has open below a directory. */
const openBelow = async (root: string): Promise<number> => {
  const links = await Promise.all(
    (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')),
  );
  return links.filter((path) => path.startsWith(`${root}/`)).length;
};

it('a renamed, a replaced and a deleted file are read on through their link', async (context) => {
  const { files, add, content, held } = await begin(context);
  for (const change of ['rename', 'replace', 'delete'] as const) {
    const source = await add('log', `of ${change}`);
    await files.keep(source);
    if (change === 'delete') await rm(source.path);
    else await rename(source.path, `${source.path}.${change}`);
    if (change === 'replace') await writeFile(source.path, 'another');
    assert.equal(await content(source), `of ${change}`);
    await files.release(source);
  }
  assert.deepEqual(await held(), []);
});

it('where there can be no link, an open handle keeps a deleted file readable until it is released', async (context) => {
  const { files, add, content } = await begin(context, withoutLinks);
  const source = await add('log', 'kept open');
  await files.keep(source);
  await rm(source.path);
  assert.equal(await content(source), 'kept open');
  await files.release(source);
  await assert.rejects(content(source), gone);
  assert.equal(await files.isGone(source), true);
});

it('neither by name nor by link: gone; not yet where its directory is away', async (context) => {
  const { root, files, add, content } = await begin(context);
  const source = await add('log', 'first');
  source.position = 1;
  await rm(source.path);
  await assert.rejects(content(source), gone);
  await writeFile(source.path, 'another file of that name');
  await assert.rejects(content(source), gone);
  assert.equal(await files.isGone(source), true);
  assert.equal(await files.isGone({ ...source, path: join(root, 'unmounted', 'log') }), false);
});

it('a socket in its place hides a file as little as any other does: it is read through its link', async (context) => {
  const { root, add, content, files } = await begin(context);
  const source = await add('log', 'first');
  await files.keep(source);
  await rename(source.path, join(root, 'away'));
  const server = createServer().listen(source.path);
  await once(server, 'listening');
  context.after(() => server.close());
  await files[Symbol.asyncDispose]();
  assert.equal(await content(source), 'first');
});

it('what cannot be opened now is not taken for gone', async (context) => {
  const { root, files, add, content } = await begin(context);
  const source = await add('log', 'x');
  const loop = { ...source, path: join(root, 'n'.repeat(300)) };
  await assert.rejects(content(loop), (error) => error instanceof LogdError && error.retryable);
  await assert.rejects(
    files.fingerprintAt(loop.path, loop),
    (error) => error instanceof LogdError && error.retryable,
  );
});

it('a fingerprint is that of the file asked for, or none', async (context) => {
  const { root, files, add } = await begin(context);
  const source = await add('log', 'some content');
  assert.equal(await files.fingerprintAt(source.path, source), source.fingerprint);
  assert.equal(await files.fingerprintAt(source.path, { dev: source.dev, ino: '1' }), undefined);
  assert.equal(await files.fingerprintAt(join(root, 'none'), source), undefined);
  assert.equal(await files.beginsLike(source.path, source), true);
  await writeFile(source.path, 'Some content');
  assert.equal(await files.beginsLike(source.path, source), false);
  assert.equal(await files.beginsLike(join(root, 'none'), source), false);
});

it('a copy has the same bytes around the cut; a file that only begins alike is none', async (context) => {
  const { root, files, add } = await begin(context);
  const start = 'h'.repeat(70_000);
  const source = await add('log', `${start}and some lines`);
  source.position = start.length;
  const other = join(root, 'other');
  for (const [content, expected] of [
    [`${start}and some lines, and more`, true],
    [`${start}AND some lines`, false],
    [`${start}and`, false],
    [`${start.slice(1)}!and some lines`, false],
  ] as const) {
    await writeFile(other, content);
    assert.equal(await files.isCopy(other, source), expected, content.slice(-20));
  }
  assert.equal(await files.isCopy(join(root, 'none'), source), false);
  const empty = await add('empty', '');
  assert.equal(await files.isCopy(other, empty), false, 'nothing says that it is one');
  await rm(empty.path);
  assert.equal(await files.isCopy(other, empty), false);
});

it('two sources of one file share its link; the last one takes it away', async (context) => {
  const { files, add, held } = await begin(context);
  const first = await add('log', 'both hours');
  const second = { ...first, id: 99 };
  await files.keep(first);
  await files.keep(second);
  await files.release(first);
  assert.equal((await held()).length, 1);
  await files.release(first);
  assert.equal((await held()).length, 1);
  await files.release(second);
  assert.deepEqual(await held(), []);
});

it('a bounded number of files is open, the longest unused are closed, none while it is read', async (context) => {
  const { root, files, add, content } = await begin(context);
  const first = await add('first', 'first');
  const reading = Promise.withResolvers<void>();
  const slow = files.read(first, async (file) => {
    await reading.promise;
    const buffer = Buffer.alloc(5);
    return buffer.toString('utf8', 0, await file.read(buffer, 0));
  });
  for (let n = 0; n < 150; n++)
    assert.equal(await content(await add(`log${n}`, `content ${n}`)), `content ${n}`);
  const open = await openBelow(root);
  assert.ok(open <= 64, `${open} files are open`);
  reading.resolve();
  assert.equal(await slow, 'first');
});

it('several readers of a file at once open it once', async (context) => {
  const { root, add, content } = await begin(context);
  const source = await add('log', 'content');
  await Promise.all(Array.from({ length: 10 }, () => content(source)));
  assert.equal(await openBelow(root), 1);
});

it('keeps no more unlinked files open than there are descriptors for, and reads all of them', async (context) => {
  const root = await mkdtemp(join(tmpdir(), 'logd-sources-'));
  const holds = await openHolds(join(root, 'held'));
  const told: string[] = [];
  const files = createSourceFiles(
    { ...holds, hold: () => Promise.resolve('unlinked') },
    { most: { kept: 8, cached: 4 }, onNotKept: (path) => told.push(path) },
  );
  context.after(async () => {
    await files[Symbol.asyncDispose]();
    await rm(root, { recursive: true, force: true });
  });
  const opened = async (): Promise<number> => {
    const links = await Promise.all(
      (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')),
    );
    return links.filter((path) => path.startsWith(root)).length;
  };
  for (let id = 1; id <= 40; id++) {
    const path = join(root, `access.${id}`);
    await writeFile(path, `${id}\n`);
    await using file = await openSource(path);
    const { dev, ino } = file;
    const row = { id, path, dev, ino, fingerprint: await fingerprintOf(file), position: 0, stop: undefined };
    const source = sourceState(row, 1, 0);
    await files.keep(source);
    const buffer = Buffer.alloc(8);
    const read = await files.read(source, (open) => open.read(buffer, 0));
    assert.equal(buffer.subarray(0, read).toString(), `${id}\n`);
  }
  assert.ok((await opened()) <= 13, `${await opened()} are open`);
  assert.equal(told.length, 32);
});
