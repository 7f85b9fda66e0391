/** A stored file that someone replaces by another: nothing is written to that one, and the hour waits for its own. */
import assert from 'node:assert/strict';
import { readFile, rm, writeFile } from 'node:fs/promises';
import test from 'node:test';
import { runningDigest } from '../../src/pack/digest.ts';
import type { VerifiedPack } from '../../src/pack/pack.ts';
import { survey } from '../../src/pack/survey.ts';
import { cutInto, KEY, logParts } from '../commit/packs.ts';
import { type SinkNode, startSinkNode } from './sink-node.ts';

/** In its place, by another file with one other byte, and with `more` behind it. */
const replace = async (path: string, more = ''): Promise<void> => {
  const bytes = await readFile(path);
  bytes[5]! ^= 1;
  await rm(path);
  await writeFile(path, Buffer.concat([bytes, Buffer.from(more)]));
};

const lateBehind = (packs: readonly VerifiedPack[]): VerifiedPack => {
  const raw = Buffer.from('a late line\n');
  const digest = runningDigest();
  for (const pack of packs) digest.update(pack.raw);
  const [last, offset] = [packs.at(-1)!.header, digest.bytes];
  digest.update(raw);
  const totals = {
    packs: last.id + 1,
    lines: last.done!.lines + 1,
    bytes: digest.bytes,
    sha256: digest.hex(),
  };
  return {
    header: {
      ...{ ...last, ...survey(raw), id: last.id + 1, generation: 2, offset, bytes: raw.length },
      ...{ codec: 'none', sha256: digest.hex(), done: { ...last.done!, ...totals } },
    },
    ...{ raw, body: raw },
  };
};

/** All packs are put off, the event names the file, and what lies there stays as it is. */
const isPutOff = async (node: SinkNode, packs: readonly VerifiedPack[]): Promise<void> => {
  const path = node.locate(KEY);
  const foreign = await readFile(path);
  const answers = await node.send(packs);
  assert.ok(answers.every((answer) => answer.kind === 'nack' && answer.retryable));
  assert.match(JSON.stringify(node.said('store.missing').at(-1)), /does not hold what was stored/);
  assert.deepEqual(await readFile(path), foreign);
};

test('an open hour waits for its file, and is sealed with it', async () => {
  await using node = await startSinkNode();
  const packs = await cutInto(logParts(12));
  await node.send(packs.slice(0, 6));
  const own = await readFile(node.locate(KEY));
  await replace(node.locate(KEY));
  await isPutOff(node, packs.slice(6));
  await writeFile(node.locate(KEY), own);
  while ((await node.send(packs.slice(6))).some(({ kind }) => kind !== 'ack'));
  await node.reaches(KEY, 'sealed');
  assert.deepEqual(await node.read(KEY), Buffer.concat(packs.map(({ raw }) => raw)));
});

test('a sealed hour that gets late lines waits for its file, and is sealed again with it', async () => {
  await using node = await startSinkNode();
  const packs = await cutInto(logParts(4));
  await node.send(packs);
  await node.reaches(KEY, 'sealed');
  const own = await readFile(node.locate(KEY));
  await replace(node.locate(KEY), 'edited\n');
  const late = lateBehind(packs);
  await isPutOff(node, [late]);
  await writeFile(node.locate(KEY), own);
  while ((await node.send([late])).some(({ kind }) => kind !== 'ack'));
  await node.reaches(KEY, 'sealed');
  assert.deepEqual(await node.read(KEY), Buffer.concat([...packs, late].map(({ raw }) => raw)));
});
