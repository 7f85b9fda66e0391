/** A stored file that someone writes anew: what arrived proves nothing of it, and it is read back before a seal. */
import { readFile, rm, writeFile } from 'node:fs/promises';
import test from 'node:test';
import { runningDigest } from '../../src/pack/digest.ts';
import type { VerifiedPack } from '../../src/pack/pack.ts';
import { survey } from '../../src/pack/survey.ts';
import { cutInto, KEY, logParts } from '../commit/packs.ts';
import { startSinkNode } from './sink-node.ts';

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

test('an open hour', async () => {
  await using node = await startSinkNode();
  const packs = await cutInto(logParts(12));
  await node.send(packs.slice(0, 6));
  await replace(node.locate(KEY));
  while ((await node.send(packs.slice(6))).some(({ kind }) => kind !== 'ack'));
  await node.reaches(KEY, 'refused');
});

test('a sealed hour that gets late lines', async () => {
  await using node = await startSinkNode();
  const packs = await cutInto(logParts(4));
  await node.send(packs);
  await node.reaches(KEY, 'sealed');
  await replace(node.locate(KEY), 'edited\n');
  await node.send([lateBehind(packs)]);
  await node.reaches(KEY, 'refused');
});
