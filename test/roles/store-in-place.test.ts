/** The store that a ledger belongs to: told from a directory in its place, and found under another layout. */
import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { cutInto, KEY, logParts } from '../commit/packs.ts';
import { startSinkNode } from './sink-node.ts';

test('a start without the store is refused, and writes nothing into the directory in its place', async () => {
  await using node = await startSinkNode();
  const packs = await cutInto(logParts(4));
  await node.send(packs.slice(0, 2));
  await node.stop();
  const dir = join(node.dir, 'stored');
  await rename(dir, `${dir}.away`);
  await assert.rejects(node.restart(), /is not the store of this ledger.*file system mounted/);
  await assert.rejects(readdir(dir), { code: 'ENOENT' });
  await mkdir(dir);
  await assert.rejects(node.restart(), /is not the store of this ledger.*file system mounted/);
  assert.deepEqual(await readdir(dir), []);
  await rm(dir, { recursive: true });
  await rename(`${dir}.away`, dir);
  await node.restart();
  await node.send(packs.slice(2));
  await node.reaches(KEY, 'sealed');
});

test('the store of another ledger is refused, and the command in the message makes it this one', async () => {
  await using node = await startSinkNode();
  await using other = await startSinkNode();
  await node.send(await cutInto(logParts(2)));
  await other.stop();
  await node.stop();
  const dir = join(node.dir, 'stored');
  await rename(dir, `${dir}.away`);
  await rename(join(other.dir, 'stored'), dir);
  const message = await node.restart().then(
    () => 'it started',
    (error: Error) => error.message,
  );
  assert.match(message, /is the store of another ledger/);
  const record = /'(\{.*\})'/.exec(message)?.[1];
  await writeFile(join(dir, '.logd-store'), record!);
  await node.restart();
});

test('a store that goes away while the sink runs gets no new hour in its place', async () => {
  await using node = await startSinkNode();
  const dir = join(node.dir, 'stored');
  await rename(dir, `${dir}.away`);
  await mkdir(dir);
  const [answer] = await node.send((await cutInto(logParts(1))).slice(0, 1));
  assert.ok(answer?.kind === 'nack' && answer.retryable && /mounted/.test(answer.message));
  assert.deepEqual(await readdir(dir), []);
});

test('an hour that has begun keeps its file when the layout is changed, and a new one goes by the new layout', async () => {
  await using node = await startSinkNode();
  const packs = await cutInto(logParts(4));
  await node.send(packs.slice(0, 2));
  await node.restart(`layout: 'v2/{date}/{stream}/{hour}-{host}.log'`);
  await node.send(packs.slice(2));
  await node.reaches(KEY, 'sealed');
  const later = { ...KEY, hour: '2026112223' };
  await node.send(await cutInto(logParts(3), { key: later }));
  await node.reaches(later, 'sealed');
  const files = (await node.files()).filter((path) => path.endsWith('.log'));
  assert.equal(files.length, 2, files.join('\n'));
  assert.equal(files.filter((path) => path.includes('v2/')).length, 1);
  await node.restart(`layout: 'v3/{host}/{date}/{stream}/{hour}.log'`);
  assert.equal((await readFile(node.locate(KEY))).length, packs.at(-1)!.header.done!.bytes);
});

test('a layout that could give an hour the file of another is refused', async () => {
  await using node = await startSinkNode({ store: `layout: '{stream}/{host}/{date}/{hour}.log'` });
  await assert.rejects(
    node.restart(`layout: '{host}/{stream}/{date}/{hour}.log'`),
    /could give an hour the file that another hour has/,
  );
  await node.restart(`layout: 'v2/{host}/{stream}/{date}/{hour}.log'`);
});
