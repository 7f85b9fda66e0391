/** Slows down whoever tries passwords: after some failures from one address, or for one name, each further one must wait. */

const FREE = 5;
const FIRST_WAIT_MS = 2_000;
const MOST_WAIT_MS = 300_000;
const FORGET_MS = 900_000;
const MOST_KEPT = 10_000;

interface Failures {
  readonly count: number;
  readonly until: number;
  readonly at: number;
}

export interface LoginLimit {
  /** Milliseconds until the next try is allowed; 0 where it is. */
  wait(keys: readonly string[]): number;
  failed(keys: readonly string[]): void;
  succeeded(keys: readonly string[]): void;
}

export const createLoginLimit = (now: () => number): LoginLimit => {
  const failures = new Map<string, Failures>();
  const known = (key: string): Failures | undefined => {
    const found = failures.get(key);
    return found !== undefined && now() - found.at < FORGET_MS ? found : undefined;
  };
  return {
    wait: (keys) => Math.max(0, ...keys.map((key) => (known(key)?.until ?? 0) - now())),
    failed(keys) {
      for (const key of keys) {
        const count = (known(key)?.count ?? 0) + 1;
        const pause = count < FREE ? 0 : Math.min(MOST_WAIT_MS, FIRST_WAIT_MS * 2 ** (count - FREE));
        failures.delete(key);
        failures.set(key, { count, until: now() + pause, at: now() });
      }
      for (const key of failures.keys()) {
        if (failures.size <= MOST_KEPT) break;
        failures.delete(key);
      }
    },
    succeeded(keys) {
      for (const key of keys) failures.delete(key);
    },
  };
};
