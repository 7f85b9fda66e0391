/**
 * Delays between tries: doubling, with full jitter, so that a thousand agents do not come back at once
 * (Brooker, "Exponential Backoff And Jitter").
 */
export interface Backoff {
  /** Milliseconds to wait before the next try. */
  next(): number;
  /** A try has succeeded. */
  reset(): void;
}

/** Delays between `min` and `max` milliseconds, the first of them below twice `min`; `random` gives 0 ≤ x < 1. */
export const backoff = (min: number, max: number, random: () => number = Math.random): Backoff => {
  const first = Math.min(max, min * 2);
  let ceiling = first;
  return {
    next() {
      const delay = min + random() * (ceiling - min);
      ceiling = Math.min(max, ceiling * 2);
      return Math.round(delay);
    },
    reset() {
      ceiling = first;
    },
  };
};
