/** The sink role in this process: its own road through start, stop and start again. */
import assert from 'node:assert/strict';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import type { VerifiedPack } from '../../src/pack/pack.ts';
import { decompressFrames } from '../flow/zstd.ts';
import { brief } from '../store/rig.ts';
import { cutInto, KEY, logParts } from '../store/packs.ts';
import { startSinkNode, storedFile } from './sink-node.ts';

const TEST = { timeout: 60_000 };
const bytesOf = (packs: readonly VerifiedPack[]): Buffer => Buffer.concat(packs.map(({ raw }) => raw));
const TOKEN = 'correct-horse-battery-staple';

for (const compression of ['none', 'zstd'] as const)
  test(`packs become a sealed, read-only file that equals the source (${compression})`, TEST, async () => {
    await using node = await startSinkNode({ compression });
    const packs = await cutInto(logParts(30), { codec: 'zstd' });
    const answers = await node.send([...packs.slice(10), ...packs.slice(0, 10)]);
    assert.ok(answers.every(({ kind }) => kind === 'ack'));
    const { expected } = await node.reaches(KEY, 'sealed');
    await node.stop(); // Marker files come after the seal.
    const file = await storedFile(node, KEY);
    const plain = compression === 'none' ? file : decompressFrames(file);
    assert.ok(plain.equals(bytesOf(packs)));
    assert.ok((await node.read(KEY)).equals(plain));
    const { mode, mtimeMs } = await stat(node.locate(KEY));
    assert.deepEqual([mode & 0o222, mtimeMs], [0, packs[0]!.header.time]);
    assert.deepEqual(await readdir(join(node.dir, 'state', 'received')), [
      `web1_access_2026112216_${expected!.lines}`,
    ]);
  });

test('a stop between packs, and a start on what is there, lose and repeat nothing', TEST, async () => {
  for (const compression of ['none', 'zstd'] as const) {
    await using node = await startSinkNode({ compression });
    const packs = await cutInto(logParts(12), { codec: 'zstd' });
    for (const part of [packs.slice(6, 9), packs.slice(0, 3), packs]) {
      const answers = await node.send(part);
      assert.deepEqual(
        answers.map(brief),
        part.map(() => 'ack'),
      );
      await node.restart();
    }
    await node.reaches(KEY, 'sealed');
    assert.ok((await node.read(KEY)).equals(bytesOf(packs)));
  }
});

test('what was stored and never recorded is cut off at the start', TEST, async () => {
  await using node = await startSinkNode();
  const packs = await cutInto(logParts(4));
  await node.send(packs.slice(0, 2));
  await node.stop();
  const stored = await storedFile(node, KEY);
  await writeFile(node.locate(KEY), Buffer.concat([stored, Buffer.from('half a pa')]));
  await node.restart();
  assert.ok((await storedFile(node, KEY)).equals(bytesOf(packs.slice(0, 2))));
  await node.send(packs);
  await node.reaches(KEY, 'sealed');
  assert.ok((await storedFile(node, KEY)).equals(bytesOf(packs)));
});

test(
  'stored bytes that were removed refuse their segment at the start, and the node lives',
  TEST,
  async () => {
    await using node = await startSinkNode();
    const packs = await cutInto(logParts(4));
    await node.send(packs.slice(0, 3));
    await node.stop();
    await writeFile(node.locate(KEY), 'short');
    await node.restart();
    const { state, reason } = (await node.segment(KEY))!;
    assert.equal(state, 'refused');
    assert.match(reason ?? '', /has 5 bytes where \d+ were stored/);
    const other = { ...KEY, host: 'web2' };
    await node.send(await cutInto(logParts(3), { key: other }));
    await node.reaches(other, 'sealed');
  },
);

test('a token is asked for, and a wrong one is told on both sides', TEST, async () => {
  await using node = await startSinkNode({ token: TOKEN });
  for (const [shown, message] of [
    [undefined, /token is required/],
    [`${TOKEN}x`, /token is wrong/],
    [TOKEN.slice(1), /token is wrong/],
  ] as const)
    await assert.rejects(node.connect(shown), { code: 'refused', message });
  assert.equal(node.said('receive.refused').length, 3);
  const packs = await cutInto(logParts(2));
  assert.deepEqual((await node.send(packs)).map(brief), ['ack', 'ack']);
  await node.reaches(KEY, 'sealed');
});

test('a node that cannot start says why, and leaves nothing open', TEST, async () => {
  await using node = await startSinkNode();
  await node.send((await cutInto(logParts(2))).slice(0, 1));
  await node.stop();
  const ledger = join(node.dir, 'state', 'ledger.db');
  const content = await readFile(ledger);
  await writeFile(ledger, 'this is no database');
  await assert.rejects(node.restart(), { code: 'storage' });
  await writeFile(ledger, content);
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(node.address.port, '127.0.0.1', resolve));
  await assert.rejects(node.restart(), { code: 'unreachable', message: /Cannot listen on .*EADDRINUSE/ });
  await new Promise<void>((resolve) => taken.close(() => resolve()));
  await node.restart();
  await node.send(await cutInto(logParts(2)));
  await node.reaches(KEY, 'sealed');
});

test('two sinks do not share one directory', TEST, async () => {
  await using node = await startSinkNode();
  const stored = join(node.dir, 'stored');
  await assert.rejects(startSinkNode({ stored }), { code: 'storage', message: /Another logd stores into/ });
  await node.stop();
  await using second = await startSinkNode({ stored });
  await second.send(await cutInto(logParts(1)));
  await second.reaches(KEY, 'sealed');
});
