/**
 * Files of a store that nobody uses: closed, durable, and known to the last byte. They are many, and little is kept of each.
 *
 * Invariant: one is forgotten only once all that was written to it is recorded. Whoever meets a file that it does not know cuts it back to
 * what the ledger has.
 */
import type { Identity } from './presence.ts';

/** With about 300 bytes each. Each spares its hour a look at packs before the next one is written. */
const MOST = 100_000;
/** A pack is recorded before the second flush after the one that made it durable begins: see `Store.flush`. */
const ROUNDS_UNTIL_RECORDED = 3;

export interface RestingFile {
  readonly end: number;
  readonly identity: Identity | undefined;
}

export interface RestingFiles {
  /** `round`: how many flushes have begun. */
  put(name: string, file: RestingFile, round: number): void;
  /** What was kept of it; it does not rest any more. */
  take(name: string): RestingFile | undefined;
  has(name: string): boolean;
  clear(): void;
}

export const restingFiles = (most = MOST): RestingFiles => {
  /** Those that have rested longest first. */
  const files = new Map<string, RestingFile & { readonly since: number }>();
  return {
    put(name, { end, identity }, round) {
      files.set(name, { end, identity, since: round });
      for (const [oldest, { since }] of files) {
        if (files.size <= most || round < since + ROUNDS_UNTIL_RECORDED) return;
        files.delete(oldest);
      }
    },
    take(name) {
      const file = files.get(name);
      files.delete(name);
      return file;
    },
    has: (name) => files.has(name),
    clear: () => files.clear(),
  };
};
