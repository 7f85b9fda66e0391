/**
 * What a sink node does before it takes packs again: cut back what was stored and never
 * recorded, and finish what a crash left between two steps of sealing.
 */
import { LogdError } from '../error.ts';
import type { SegmentState } from '../ledger/ledger.ts';
import { type RecordingLedger, recordedSegment } from '../ledger/recorded.ts';
import { selectSegments } from '../ledger/walk.ts';
import type { SegmentKey } from '../pack/pack.ts';
import type { Store } from '../stores/store.ts';
import type { Emit } from '../telemetry/events.ts';

const UNSEALED: readonly SegmentState[] = ['open', 'complete', 'refused', 'incomplete'];

export interface ResumeOptions {
  readonly store: Store;
  readonly ledger: RecordingLedger;
  readonly emit: Emit;
  readonly requestSeal: (key: SegmentKey) => void;
}

/**
 * Resolves when the node may listen. Seals that are still to be made are requested, not awaited. Where stored bytes are not there,
 * an hour under way waits for them, as it would have without the restart; others in their place refuse it.
 */
export const resume = async ({ store, ledger, emit, requestSeal }: ResumeOptions): Promise<void> => {
  for await (const segment of selectSegments(ledger, { states: UNSEALED })) {
    try {
      await store.recover(recordedSegment(ledger, segment));
    } catch (error) {
      if (!(error instanceof LogdError) || error.code !== 'corrupt') throw error;
      const fields = { ...keyOf(segment), reason: error.message };
      const waits = error.retryable && (segment.state === 'open' || segment.state === 'complete');
      if (waits) {
        emit('store.missing', fields);
        await ledger.setWaiting(segment, error.message);
      } else {
        await ledger.close(segment, 'refused', error.message);
        emit('seal.refused', fields);
        continue;
      }
    }
    if (segment.state === 'complete') requestSeal(segment);
  }
};

const keyOf = ({ host, stream, hour }: SegmentKey): SegmentKey => ({ host, stream, hour });
