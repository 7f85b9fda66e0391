/** Watches the answers of a sink: packs that cannot be stored for a minute are an error, and their hours say why they wait. */
import type { RecordingLedger } from '../ledger/recorded.ts';
import type { Answer } from '../pack/answer.ts';
import { type SegmentKey, segmentName } from '../pack/pack.ts';
import type { Clock } from '../telemetry/clock.ts';
import type { Emit } from '../telemetry/events.ts';
import { watchOutage } from '../telemetry/outage.ts';

/** So many hours get the reason in the ledger. */
const MOST_NOTED = 200;

export interface StorageWatchOptions {
  readonly ledger: Pick<RecordingLedger, 'setWaiting'>;
  readonly clock: Clock;
  readonly emit: Emit;
}

/** Returns a function that takes each answer. */
export const watchStorage = ({ ledger, clock, emit }: StorageWatchOptions) => {
  const outage = watchOutage<SegmentKey>({
    clock,
    onLong({ waiting, reason }) {
      emit('store.stopped', { hours: waiting.size, reason });
      // A ledger on the same disk cannot take it; `logd status` looks at the disk itself.
      for (const key of [...waiting.values()].slice(0, MOST_NOTED))
        ledger.setWaiting(key, reason).catch(() => undefined);
    },
    onOver: ({ lasted }) => emit('store.again', { lasted }),
  });
  return ({ host, stream, hour }: SegmentKey, answer: Answer): void => {
    const key = { host, stream, hour };
    if (answer.kind === 'ack') outage.worked(segmentName(key));
    else if (answer.code === 'storage' && answer.retryable)
      outage.failed(segmentName(key), key, answer.message);
  };
};
