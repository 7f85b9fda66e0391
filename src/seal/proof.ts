/**
 * The proof of a segment: what it adds up to at the sink, held against what its agent read.
 */
import type { Ledger, PackRecord, SegmentRecord } from '../ledger/ledger.ts';
import { type RunningDigest, runningDigest } from '../pack/digest.ts';
import type { RecordedSegment, Sink } from '../sinks/sink.ts';

const PAGE = 512;

/** A segment with its packs, read from the ledger page by page. */
export const recordedSegment = (ledger: Pick<Ledger, 'packs'>, segment: SegmentRecord): RecordedSegment => ({
  segment,
  async *packs(): AsyncGenerator<PackRecord> {
    let after = 0;
    for (;;) {
      const page = await ledger.packs(segment, after, PAGE);
      yield* page;
      const last = page.at(-1);
      if (last === undefined || page.length < PAGE) return;
      after = last.header.id;
    }
  },
});

/**
 * Why the segment is not what its agent read: one sentence, or undefined when it is. The digest of what arrived is used
 * where it is known; else the stored bytes are read back.
 */
export const disproof = async (
  sink: Pick<Sink, 'read'>,
  recorded: RecordedSegment,
  arrived: RunningDigest | undefined,
): Promise<string | undefined> => {
  const { segment } = recorded;
  const { expected } = segment;
  if (expected === undefined) return 'Its end has not been announced.';
  for (const what of ['packs', 'lines', 'bytes'] as const)
    if (segment[what] !== expected[what])
      return `It has ${segment[what]} ${what}, its agent read ${expected[what]}.`;
  if (arrived?.bytes === expected.bytes && arrived.hex() === expected.sha256) return undefined;
  return disproofOfStored(sink, recorded, expected.sha256);
};

const disproofOfStored = async (
  sink: Pick<Sink, 'read'>,
  recorded: RecordedSegment,
  sha256: string,
): Promise<string | undefined> => {
  const digest = runningDigest();
  for await (const bytes of sink.read(recorded)) digest.update(bytes);
  if (digest.hex() === sha256) return undefined;
  const place = await firstDifference(sink, recorded);
  return `Its SHA-256 is ${digest.hex()}, its agent read ${sha256}; ${place}.`;
};

/** Walks the running digests of the packs: the first that does not hold names the place. */
const firstDifference = async (sink: Pick<Sink, 'read'>, recorded: RecordedSegment): Promise<string> => {
  const digest = runningDigest();
  const stored = sink.read(recorded)[Symbol.asyncIterator]();
  for await (const { header } of recorded.packs()) {
    while (digest.bytes < header.offset + header.bytes) {
      const { done, value } = await stored.next();
      if (done) return `the stored bytes end at ${digest.bytes}`;
      digest.update(value);
    }
    if (digest.hex() !== header.sha256)
      return `pack ${header.id} (bytes ${header.offset} to ${header.offset + header.bytes}) is the first that differs`;
  }
  return 'every pack is what it claims, and the end is not';
};
