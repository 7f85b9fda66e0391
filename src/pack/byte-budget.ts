/**
 * Memory is bounded: bytes are taken from a budget before they are allocated, first come, first served.
 * A lease larger than the whole budget is granted when nothing else is out, so that nothing waits for ever.
 */
export interface ByteBudget {
  /** Waits for its turn and for room. Rejects with the signal's reason when it is aborted while waiting. */
  acquire(bytes: number, signal?: AbortSignal): Promise<Lease>;
  /** A lease where there is room and nobody waits, else undefined. */
  acquireNow(bytes: number): Lease | undefined;
  /** Bytes that are out now. */
  readonly used: number;
}

export interface Lease {
  /** Gives back all but `bytes` of the lease (never grows). */
  shrink(bytes: number): void;
  /** Gives everything back; more calls do nothing. */
  release(): void;
}

interface Waiter {
  readonly bytes: number;
  readonly grant: () => void;
}

/** A budget of `limit` bytes. */
export const byteBudget = (limit: number): ByteBudget => {
  const waiting: Waiter[] = [];
  let used = 0;

  const fits = (bytes: number): boolean => used === 0 || used + bytes <= limit;

  const grantNext = (): void => {
    while (waiting[0] !== undefined && fits(waiting[0].bytes)) waiting.shift()?.grant();
  };

  const lease = (bytes: number): Lease => {
    let held = bytes;
    used += bytes;
    const shrink = (to: number): void => {
      if (to >= held) return;
      used -= held - to;
      held = to;
      grantNext();
    };
    return { shrink, release: () => shrink(0) };
  };

  return {
    get used() {
      return used;
    },
    acquireNow: (bytes) => (waiting.length === 0 && fits(bytes) ? lease(bytes) : undefined),
    acquire(bytes, signal) {
      if (signal?.aborted) return Promise.reject(signal.reason);
      if (waiting.length === 0 && fits(bytes)) return Promise.resolve(lease(bytes));
      return new Promise((resolve, reject) => {
        const waiter: Waiter = {
          bytes,
          grant: () => {
            signal?.removeEventListener('abort', abort);
            resolve(lease(bytes));
          },
        };
        const abort = (): void => {
          waiting.splice(waiting.indexOf(waiter), 1);
          reject(signal?.reason);
          grantNext();
        };
        signal?.addEventListener('abort', abort, { once: true });
        waiting.push(waiter);
      });
    },
  };
};
