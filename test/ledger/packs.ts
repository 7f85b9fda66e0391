/** Packs of made-up segments for the ledger's tests: every pack is 100 bytes and 2 lines, so totals are easy to see. */
import { createHash } from 'node:crypto';
import type { PackEntry, Seal, SegmentRecord } from '../../src/ledger/ledger.ts';
import type { Done, PackHeader, SegmentKey } from '../../src/pack/pack.ts';

export const PACK_BYTES = 100;
export const PACK_LINES = 2;

export const KEY: SegmentKey = { host: 'web1', stream: 'access', hour: '2026112216' };

/** A digest that stands for some bytes. */
export const digestOf = (bytes: string): string => createHash('sha256').update(bytes).digest('hex');

/** Pack `id` of a segment whose packs are all alike. */
export const pack = (id: number, changes: Partial<PackHeader> = {}, arrivedAt = 1_000 + id): PackEntry => ({
  header: {
    ...KEY,
    id,
    generation: 1,
    offset: (id - 1) * PACK_BYTES,
    bytes: PACK_BYTES,
    lines: PACK_LINES,
    checksum: id,
    sha256: digestOf(`up to ${id}`),
    codec: 'zstd',
    time: 500 + id,
    ...changes,
  },
  place: { at: (id - 1) * 40, length: 40 },
  arrivedAt,
});

/** What a segment of `packs` packs adds up to. */
export const end = (packs: number, changes: Partial<Done> = {}): Done => ({
  packs,
  lines: packs * PACK_LINES,
  bytes: packs * PACK_BYTES,
  sha256: digestOf(`up to ${packs}`),
  hoursInDay: 24,
  ...changes,
});

/** Pack `id` that ends its generation. */
export const lastPack = (id: number, changes: Partial<PackHeader> = {}): PackEntry =>
  pack(id, { done: end(id), ...changes });

/** The seal of a segment that is complete. */
export const sealOf = (segment: SegmentRecord, sealedAt = 9_000): Seal => {
  const { host, stream, hour, generation, expected, firstArrival, lastArrival } = segment;
  if (expected === undefined) throw new Error('the segment has not ended');
  const { packs, lines, bytes, sha256 } = expected;
  return { host, stream, hour, generation, packs, lines, bytes, sha256, firstArrival, lastArrival, sealedAt };
};
