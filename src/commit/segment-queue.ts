/**
 * A queue: everything that happens to one segment, one thing after the other, in order of arrival.
 *
 * The queue knows what the ledger knows of its segment plus what was written since and is not recorded yet (`pending`). When
 * recording fails, what it was told since is not true: its epoch ends, and the next job asks the ledger again.
 */
import type { Ledger, SegmentRecord } from '../ledger/ledger.ts';
import { type RunningDigest, runningDigest } from '../pack/digest.ts';
import type { SegmentKey } from '../pack/pack.ts';

export interface SegmentQueue {
  readonly key: SegmentKey;
  /** The segment as of the last commit; undefined while nothing is recorded. */
  record: SegmentRecord | undefined;
  /** Id and end of the last pack in sequence, recorded or pending: the next one in order continues here. */
  lastId: number;
  end: number;
  /** SHA-256 of the segment's bytes from 0 on, as far as they arrived in order in this epoch; undefined when they did not. */
  digest: RunningDigest | undefined;
  /** Settles when every pack written so far is recorded, or failed. */
  pending: Promise<unknown>;
  /** The generation for which the segment is known to be open, markers gone. */
  opened: number;
  /** Changes whenever something that was written could not be recorded. */
  readonly epoch: number;
  /** Packs that are not answered yet, and other jobs: a queue in use must not be forgotten. */
  users: number;
  /** Runs a job when all earlier ones have ended, with the epoch for which the queue's knowledge holds. */
  run<T>(job: (epoch: number) => Promise<T>): Promise<T>;
  /** The last job that keeps packs waiting for long, as a seal does, until it has ended. */
  held: Promise<void> | undefined;
  /** Ends the epoch. */
  forget(): void;
}

/** The queue of one segment: all of it that is in memory. */
export const createSegmentQueue = (ledger: Ledger, key: SegmentKey): SegmentQueue => {
  let tail: Promise<unknown> = Promise.resolve();
  let known = false;
  let epoch = 0;

  /** Only once all that was written is recorded or refused: a pack that the answer missed could be written over. */
  const ask = async (): Promise<void> => {
    const asked = epoch;
    await queue.pending;
    const record = await ledger.segment(key);
    const last = record && record.highestId > 0 ? await ledger.pack(key, record.highestId) : undefined;
    queue.record = record;
    queue.lastId = last?.header.id ?? 0;
    queue.end = last === undefined ? 0 : last.header.offset + last.header.bytes;
    queue.digest = last === undefined ? runningDigest() : undefined;
    known = asked === epoch;
  };

  const queue: SegmentQueue = {
    key,
    record: undefined,
    lastId: 0,
    end: 0,
    digest: undefined,
    pending: Promise.resolve(),
    opened: 1,
    get epoch() {
      return epoch;
    },
    users: 0,
    held: undefined,
    run(job) {
      queue.users++;
      const result = tail.then(async () => {
        while (!known) await ask();
        return job(epoch);
      });
      tail = result.then(
        () => queue.users--,
        () => queue.users--,
      );
      return result;
    },
    forget() {
      epoch++;
      known = false;
    },
  };
  return queue;
};
