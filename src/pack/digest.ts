/**
 * The running digest of a segment: SHA-256 over its bytes from the first one on, read off at every pack's end.
 *
 * Node cannot save the state of a SHA-256, so a digest that is to go on after a restart is fed the earlier bytes again.
 */
import { createHash } from 'node:crypto';

export interface RunningDigest {
  /** Bytes taken so far. */
  readonly bytes: number;
  /** Takes the next bytes of the segment. Costs about half a millisecond a MiB, on the calling thread. */
  update(bytes: Buffer): void;
  /** Lower-case hex SHA-256 of all bytes taken so far; more may follow. */
  hex(): string;
  /** An independent digest that stands where this one stands. */
  fork(): RunningDigest;
}

/** A digest of nothing yet. */
export const runningDigest = (hash = createHash('sha256'), start = 0): RunningDigest => {
  let bytes = start;
  return {
    get bytes() {
      return bytes;
    },
    update(more) {
      hash.update(more);
      bytes += more.length;
    },
    hex: () => hash.copy().digest('hex'),
    fork: () => runningDigest(hash.copy(), bytes),
  };
};

/** SHA-256 of no bytes at all: what an empty hour is sealed with. */
export const EMPTY_SHA256 = createHash('sha256').digest('hex');
