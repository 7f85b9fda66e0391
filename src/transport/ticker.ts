/**
 * Coarse time for timeouts: one timer for many connections, and no look at the clock for each chunk.
 *
 * Time in which this process did not run (it was stopped, or its event loop was blocked) does not count: the peers' bytes
 * were then waiting in the kernel, and cutting them off would punish them for our standstill.
 */
import type { Clock } from '../telemetry/clock.ts';

export interface Ticker extends Disposable {
  /** Milliseconds of running time as of the last tick. */
  readonly now: number;
  /** True when `timeout` ms have surely passed since `now` was `since`; up to two ticks late, never early. */
  expired(since: number, timeout: number): boolean;
}

/** Ticks often enough for the shortest of the timeouts (ms), at most once in 5 ms and at least once a second. */
export const startTicker = (clock: Clock, timeouts: readonly number[], onTick: () => void): Ticker => {
  const interval = Math.min(Math.max(Math.min(...timeouts) / 4, 5), 1000);
  let now = 0;
  let last = clock.monotonic();
  const timer = setInterval(() => {
    const time = clock.monotonic();
    now += Math.min(time - last, 2 * interval);
    last = time;
    onTick();
  }, interval);
  timer.unref();
  return {
    get now() {
      return now;
    },
    expired: (since, timeout) => now - since >= timeout + interval,
    [Symbol.dispose]: () => clearInterval(timer),
  };
};
