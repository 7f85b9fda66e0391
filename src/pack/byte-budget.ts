/**
 * Memory is bounded: bytes are claimed of a budget before they are allocated, and granted in order of asking, so that one who
 * asks for much is not overtaken for ever by many who ask for little, and one who asks often gets no more than its turn.
 *
 * Invariant: the bytes granted and not given back never exceed the total. A claim above the total counts as the total, so
 * that it is granted alone instead of never.
 */
export interface ByteBudget {
  /** Bytes granted and not given back. */
  readonly used: number;
  /** Asks for bytes. `granted` is called once, before this returns or later, unless the lease is released before. */
  claim(bytes: number, granted: () => void): Lease;
  /** Waits for its turn and for room. Rejects with the signal's reason when it is aborted while waiting. */
  acquire(bytes: number, signal?: AbortSignal): Promise<Lease>;
  /** A lease where there is room and nobody waits, else undefined. */
  acquireNow(bytes: number): Lease | undefined;
}

export interface Lease {
  /** Gives back all but `bytes` of the lease (never grows). */
  shrink(bytes: number): void;
  /** Gives everything back, or withdraws the claim while it waits; more calls do nothing. */
  release(): void;
}

interface Claim {
  bytes: number;
  readonly granted: () => void;
}

/** A budget of `total` bytes. */
export const byteBudget = (total: number): ByteBudget => {
  const waiting = new Set<Claim>();
  let used = 0;

  const grantNext = (): void => {
    for (const claim of waiting) {
      if (used + claim.bytes > total) return;
      waiting.delete(claim);
      used += claim.bytes;
      claim.granted();
    }
  };

  const claim = (bytes: number, granted: () => void): Lease => {
    const mine: Claim = { bytes: Math.min(bytes, total), granted };
    waiting.add(mine);
    const shrink = (to: number): void => {
      if (to >= mine.bytes) return;
      if (!waiting.has(mine)) used -= mine.bytes - to;
      mine.bytes = to;
      grantNext();
    };
    const release = (): void => {
      if (waiting.delete(mine)) mine.bytes = 0;
      shrink(0);
      grantNext();
    };
    grantNext();
    return { shrink, release };
  };

  return {
    get used() {
      return used;
    },
    claim,
    acquireNow: (bytes) =>
      waiting.size === 0 && used + Math.min(bytes, total) <= total
        ? claim(bytes, () => undefined)
        : undefined,
    acquire(bytes, signal) {
      if (signal?.aborted) return Promise.reject(signal.reason);
      return new Promise((resolve, reject) => {
        const abort = (): void => {
          lease.release();
          reject(signal?.reason);
        };
        signal?.addEventListener('abort', abort, { once: true });
        const lease = claim(bytes, () => {
          signal?.removeEventListener('abort', abort);
          // Granted before claim() returns, the lease has no name yet.
          queueMicrotask(() => resolve(lease));
        });
      });
    },
  };
};
