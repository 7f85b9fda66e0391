/** What tests of hostile clients share: packs to twist, and what must hold afterwards. */
import assert from 'node:assert/strict';
import type { PackHeader, SegmentKey, VerifiedPack } from '../../src/pack/pack.ts';
import { type SinkNode, storedFile } from '../roles/sink-node.ts';
import { cutInto, KEY, logParts } from '../commit/packs.ts';
import { brief } from '../commit/rig.ts';

export const keyOf = (host: string): SegmentKey => ({ ...KEY, host });
export const bytesOf = (packs: readonly VerifiedPack[]): Buffer => Buffer.concat(packs.map(({ raw }) => raw));
export const changed = (pack: VerifiedPack, header: Partial<PackHeader>): VerifiedPack => ({
  ...pack,
  header: { ...pack.header, ...header },
});

let goodClients = 0;
/** A client that keeps the rules ships a segment. */
export const assertLives = async (node: SinkNode): Promise<void> => {
  const key = keyOf(`good${++goodClients}`);
  const packs = await cutInto(logParts(5), { key, codec: 'zstd' });
  assert.deepEqual(
    (await node.send(packs)).map(brief),
    packs.map(() => 'ack'),
  );
  await node.reaches(key, 'sealed');
  assert.ok((await node.read(key)).equals(bytesOf(packs)));
};

export const assertSealedEqual = async (node: SinkNode, packs: readonly VerifiedPack[]): Promise<void> => {
  const { header } = packs[0]!;
  await node.reaches(header, 'sealed');
  assert.ok((await storedFile(node, header)).equals(bytesOf(packs)));
};
