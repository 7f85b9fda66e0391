/**
 * Lets the intake go first: an output that is about to deliver packs waits while packs come in, so that agents are not slowed by
 * what can be done later. It never waits long, so that it gets on under a load that never ends.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { PackTarget } from '../../receive/pack-target.ts';
import type { Clock } from '../../telemetry/clock.ts';

/** No pack for so long: nothing is coming in. */
const QUIET_MS = 30;
/** The longest wait before one item. */
const MOST_MS = 1_000;

export interface IntakeFirst {
  /** The same target, watched. */
  watching(target: Pick<PackTarget, 'put'>): Pick<PackTarget, 'put'>;
  /** Resolves once nothing comes in, at the latest after a second. */
  turn(signal: AbortSignal): Promise<void>;
}

export const createIntakeFirst = (clock: Pick<Clock, 'monotonic'>): IntakeFirst => {
  let last = -Infinity;
  return {
    watching: (target) => ({
      put: (pack, from) => {
        last = clock.monotonic();
        return target.put(pack, from);
      },
    }),
    async turn(signal) {
      const start = clock.monotonic();
      for (;;) {
        const now = clock.monotonic();
        const wait = Math.min(last + QUIET_MS, start + MOST_MS) - now;
        if (wait <= 0 || signal.aborted) return;
        await sleep(wait, undefined, { ref: false });
      }
    },
  };
};
