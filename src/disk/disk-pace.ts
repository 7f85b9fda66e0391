/**
 * Small steps on files: a look at one, or some KiB into the page cache. On the event loop they take microseconds; a trip to the pool takes ten
 * times as long, most of it for waking the thread. So they run on the event loop while the disk is quick, and in the pool while it is not.
 *
 *   quick ─ a step took longer than MOST_STEP_MS, or an fsync has been running for MOST_SYNC_MS ─▶ slow ─ PAUSE_MS without either ─▶ quick
 *
 * So what a disk that gets slow takes of the event loop is one step, and seldom: while it hangs, an fsync hangs first.
 */
import type { Clock } from '../telemetry/clock.ts';

/** Steps of up to so many bytes are small. */
export const SMALL_STEP_BYTES = 64 << 10;
const MOST_STEP_MS = 50;
const MOST_SYNC_MS = 1000;
const PAUSE_MS = 5000;

export interface DiskPace {
  /** Runs `here` on the event loop while the disk is quick, else `there`, which goes to the pool. Both must do the same. */
  step<T>(here: () => T, there: () => Promise<T>): T | Promise<T>;
  /** Runs an fsync, and learns from it how the disk is. */
  sync(job: () => Promise<void>): Promise<void>;
}

export const createDiskPace = (clock: Pick<Clock, 'monotonic'>): DiskPace => {
  let slowUntil = -Infinity;
  /** When those that run were begun, the oldest first. */
  const syncs = new Set<{ readonly at: number }>();

  const isQuick = (now: number): boolean => {
    const [oldest] = syncs;
    if (oldest !== undefined && now - oldest.at > MOST_SYNC_MS) slowUntil = now + PAUSE_MS;
    return now >= slowUntil;
  };

  return {
    step(here, there) {
      const begun = clock.monotonic();
      if (!isQuick(begun)) return there();
      try {
        return here();
      } finally {
        const now = clock.monotonic();
        if (now - begun > MOST_STEP_MS) slowUntil = now + PAUSE_MS;
      }
    },
    async sync(job) {
      const one = { at: clock.monotonic() };
      syncs.add(one);
      try {
        await job();
      } finally {
        syncs.delete(one);
      }
    },
  };
};
