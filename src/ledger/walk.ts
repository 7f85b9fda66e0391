/** Walking through a ledger page by page: never more than a page in memory. */
import type { Ledger, SegmentFilter, SegmentRecord } from './ledger.ts';

const SEGMENTS_A_PAGE = 500;

/** All segments that the filter selects, in order of host, stream and hour; never more than a page in memory. */
export async function* selectSegments(
  ledger: Pick<Ledger, 'segments'>,
  filter: SegmentFilter,
): AsyncGenerator<SegmentRecord> {
  for (let after: SegmentRecord | undefined; ;) {
    const page = await ledger.segments(filter, { limit: SEGMENTS_A_PAGE, ...(after && { after }) });
    yield* page;
    if (page.length < SEGMENTS_A_PAGE) return;
    after = page.at(-1);
  }
}
