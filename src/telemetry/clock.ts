/** Time is passed in, so that tests choose it and a wrong wall clock is seen where it matters. */
export interface Clock {
  /** Wall clock: Unix milliseconds. May jump. */
  now(): number;
  /** Monotonic milliseconds, for intervals. Never jumps. */
  monotonic(): number;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
};
