/**
 * The segments that may need work of an output, as far as its follower has looked ahead in the ledger's changes.
 *
 * Invariant: what is to be written as seen is never beyond the last change before that of the oldest segment in here.
 */
import type { Change } from '../ledger/delivery.ts';
import { type SegmentKey, segmentName } from '../pack/pack.ts';

const MOST_PENDING = 1_000;
/** It is written once for so many changes, or when it is asked for: a restart looks at what was not written again. */
const SEEN_STEP = 64;

export interface Pending {
  readonly key: SegmentKey;
  change: number;
  /** Unix milliseconds before which it is not tried. */
  notBefore: number;
  running: boolean;
  stuck: boolean;
}

export interface PendingSegments {
  size(): number;
  /** Nothing more is looked for until some are done. */
  isFull(): boolean;
  /** Everything up to this change is in here or done. */
  scanned(): number;
  /** Takes down a change. Of a segment that is not wanted, and not in here already, only that it was seen. */
  note(change: Change, isWanted: boolean): void;
  done(one: Pending): void;
  all(): Iterable<Pending>;
  /** Whether one is neither stuck nor waiting for its next try. */
  hasUntried(): boolean;
  /** The change up to which nothing is left to do; undefined where it is written, or so little further that it is not worth a write. */
  seenToWrite(step?: number): number | undefined;
}

export const createPending = (seen: number): PendingSegments => {
  const pending = new Map<string, Pending>();
  let scanned = seen;
  let written = seen;
  return {
    size: () => pending.size,
    isFull: () => pending.size >= MOST_PENDING,
    scanned: () => scanned,
    note({ change, segment }, isWanted) {
      scanned = Math.max(scanned, change);
      const known = pending.get(segmentName(segment));
      const { host, stream, hour } = segment;
      if (known !== undefined) Object.assign(known, { change, stuck: false });
      else if (isWanted)
        pending.set(segmentName(segment), {
          ...{ key: { host, stream, hour }, change },
          ...{ notBefore: 0, running: false, stuck: false },
        });
    },
    done: ({ key }) => void pending.delete(segmentName(key)),
    all: () => pending.values(),
    hasUntried: () => [...pending.values()].some(({ stuck, notBefore }) => !stuck && notBefore === 0),
    seenToWrite(step = SEEN_STEP) {
      let oldest = scanned;
      for (const { change } of pending.values()) oldest = Math.min(oldest, change - 1);
      if (oldest - written < step) return undefined;
      written = oldest;
      return oldest;
    },
  };
};
