/** Bounds how many jobs run at a time; the others wait in order of asking. */
export type AtMost = <T>(job: () => Promise<T>) => Promise<T>;

export const atMost = (most: number): AtMost => {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (job) => {
    if (running < most) running++;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await job();
    } finally {
      // Whoever waits longest takes the place.
      const next = waiting.shift();
      if (next === undefined) running--;
      else next();
    }
  };
};
