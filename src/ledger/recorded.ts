/** Reading what a ledger has recorded of a segment, however much that is. */
import type { Repulls } from './repull.ts';
import type { Ledger, PackRecord, RecordedSegment, SegmentRecord } from './ledger.ts';

const PAGE = 512;

/** A ledger whose owner may record where a repair has put packs; others only read. */
export type RecordingLedger = Ledger & Partial<Pick<Repulls, 'replacePlaces'>>;

/** A segment with its packs, read from the ledger page by page. */
export const recordedSegment = (
  ledger: Pick<RecordingLedger, 'packs' | 'replacePlaces'>,
  segment: SegmentRecord,
): RecordedSegment => ({
  segment,
  ...(ledger.replacePlaces && {
    replacePlaces: (places) => ledger.replacePlaces!(segment, places),
  }),
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
