/**
 * What a sink node does before it takes packs again: take away markers that are not true, cut back what was stored and never
 * recorded, and finish what a crash left between two steps of sealing.
 */
import { LogdError } from '../error.ts';
import type { Ledger, SegmentRecord, SegmentState } from '../ledger/ledger.ts';
import { recordedSegment } from '../ledger/recorded.ts';
import type { SegmentKey } from '../pack/pack.ts';
import type { Store } from '../stores/store.ts';
import type { Emit } from '../telemetry/events.ts';
import { isBacked, markSealed } from './publish-seal.ts';
import type { Markers } from './markers.ts';

const PAGE = 256;
const UNSEALED: readonly SegmentState[] = ['open', 'complete', 'refused', 'incomplete'];

export interface ResumeOptions {
  readonly sink: Store;
  readonly ledger: Ledger;
  readonly markers: Markers;
  readonly emit: Emit;
  readonly requestSeal: (key: SegmentKey) => void;
}

/**
 * Resolves when the node may listen. Seals that are still to be made are requested, not awaited. Where stored bytes are not there,
 * an hour under way waits for them, as it would have without the restart; others in their place refuse it.
 */
export const resume = async ({ sink, ledger, markers, emit, requestSeal }: ResumeOptions): Promise<void> => {
  const { files, examples } = await markers.keepOnly((marker) => isBacked(ledger, marker));
  if (files > 0) emit('seal.markers-removed', { files, examples: examples.join(', ') });
  for await (const segment of unsealed(ledger)) {
    try {
      await sink.recover(recordedSegment(ledger, segment));
    } catch (error) {
      if (!(error instanceof LogdError) || error.code !== 'corrupt') throw error;
      const told = { ...keyOf(segment), reason: error.message };
      const waits = error.retryable && (segment.state === 'open' || segment.state === 'complete');
      if (waits) emit('store.missing', told);
      else {
        await ledger.close(segment, 'refused', error.message);
        emit('seal.refused', told);
        continue;
      }
    }
    if (segment.generation > 1) await markers.reopened(segment);
    if (segment.state === 'complete') requestSeal(segment);
  }
  for (;;) {
    const seals = await ledger.unmarked(PAGE);
    for (const seal of seals) {
      if ((await ledger.segment(seal))?.state === 'sealed') await markSealed(ledger, markers, seal);
      // Reopened since: the marker of this seal is never to come.
      else await ledger.marked(seal, seal.generation);
    }
    if (seals.length < PAGE) return;
  }
};

const keyOf = ({ host, stream, hour }: SegmentKey): SegmentKey => ({ host, stream, hour });

async function* unsealed(ledger: Ledger): AsyncGenerator<SegmentRecord> {
  let after: SegmentRecord | undefined;
  for (;;) {
    const page: SegmentRecord[] = await ledger.segments(
      { states: UNSEALED },
      { limit: PAGE, ...(after && { after }) },
    );
    yield* page;
    after = page.at(-1);
    if (page.length < PAGE) return;
  }
}
