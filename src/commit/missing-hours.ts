/**
 * Hours of which the store misses what the ledger has: each is said once in a run, and again only where the reason changes.
 */
import type { Ledger } from '../ledger/ledger.ts';
import { type SegmentKey, segmentName } from '../pack/pack.ts';
import type { Emit } from '../telemetry/events.ts';

/** More are said again. */
const MOST = 10_000;

export interface MissingHours {
  /** Says that the hour waits, and why; and notes it in the ledger. */
  note(key: SegmentKey, reason: string): Promise<void>;
  has(key: SegmentKey): boolean;
  /** All is there again. */
  found(key: SegmentKey): void;
}

export const createMissingHours = (ledger: Pick<Ledger, 'setWaiting'>, emit: Emit): MissingHours => {
  const reasons = new Map<string, string>();
  return {
    async note(key, reason) {
      const { host, stream, hour } = key;
      const name = segmentName(key);
      if (reasons.get(name) !== reason) emit('store.missing', { host, stream, hour, reason });
      if (reasons.size >= MOST) reasons.clear();
      reasons.set(name, reason);
      await ledger.setWaiting({ host, stream, hour }, reason).catch(() => undefined);
    },
    has: (key) => reasons.size > 0 && reasons.has(segmentName(key)),
    found(key) {
      if (reasons.size > 0) reasons.delete(segmentName(key));
    },
  };
};
