/**
 * The seal stage: turns complete segments into sealed ones, many at a time, beside the stream of packs.
 *
 *   queue ─▶ at most AT_ONCE:  prove equal ─▶ final form ─▶ recorded, in groups ─▶ sealed
 *                              (reading)      (fsync)       (one commit for all that are here by then)
 *
 * Order for each: prove equal → the store gives it its final form, durably → the ledger's seal. Outputs follow the ledger. A crash between
 * any two of them is mended by doing the rest again: every step is idempotent.
 */
import { LogdError, messageOf } from '../error.ts';
import { fault } from '../fault/fault.ts';
import type { RecordedSegment, Seal, SegmentRecord } from '../ledger/ledger.ts';
import { type RecordingLedger, recordedSegment } from '../ledger/recorded.ts';
import type { RunningDigest } from '../pack/digest.ts';
import { type SegmentKey, segmentName } from '../pack/pack.ts';
import type { Store } from '../stores/store.ts';
import type { CommitStage } from '../commit/commit-stage.ts';
import { sealGroups } from './seal-groups.ts';
import { type AtMost, atMost } from '../disk/at-most.ts';
import type { Clock } from '../telemetry/clock.ts';
import type { Emit } from '../telemetry/events.ts';
import { disproof } from './proof.ts';

/** Waits between two tries double from the first to the second of these. */
const RETRY_MS = 2_000;
const MOST_RETRY_MS = 300_000;
/** Segments at work at a time. */
const AT_ONCE = 256;
/** Of them, those that are given their final form, each with an open file. */
const FINISHING = 64;
/** Of them, those of which so many stored bytes or more are read back: each takes a few MiB. */
const READING = 4;
const MANY_BYTES = 64 << 10;

/** Nothing is wrong, and it is not sealed in this run any more. */
const LATER = Symbol('later');

export interface SealerOptions {
  readonly commit: Pick<CommitStage, 'exclusive'>;
  readonly store: Store;
  readonly ledger: RecordingLedger;
  readonly clock: Clock;
  readonly emit: Emit;
  /** Called after the ledger has a seal. */
  readonly onSealed: () => void;
}

export interface Sealer extends AsyncDisposable {
  /** Seals a complete segment soon. Asking twice is harmless. */
  request(key: SegmentKey): void;
  /** Resolves when nothing is waiting to be sealed, except what failed and waits to be tried again. */
  idle(): Promise<void>;
}

export const createSealer = ({ commit, store, ledger, clock, emit, onSealed }: SealerOptions): Sealer => {
  const queue = new Map<string, SegmentKey>();
  /** What failed, and waits for so long to be tried again. */
  const retries = new Map<string, { readonly timer: NodeJS.Timeout; readonly delay: number }>();
  /** At work, by name. */
  const jobs = new Map<string, Promise<void>>();
  const record = sealGroups(ledger, () => jobs.size);
  const finishing = atMost(FINISHING);
  const reading = atMost(READING);
  const atOnce: AtMost = (job) => job();
  let closed = false;

  /** Gives the segment its final form in its turn. False where the stop came before: the next start seals it. */
  const toFinalForm = (recorded: RecordedSegment): Promise<boolean> =>
    finishing(async () => {
      if (closed) return false;
      await store.seal(recorded);
      return true;
    });

  /** Proves the segment and gives it its final form; or says why that cannot be. */
  const finish = async (
    recorded: RecordedSegment,
    arrived: RunningDigest | undefined,
    mayRestore = true,
  ): Promise<string | typeof LATER | undefined> => {
    try {
      // In this run nobody has looked at it yet: what a crash has left is put right first.
      if (arrived === undefined && recorded.segment.storedEnd > 0) await store.recover(recorded);
      const isLarge = recorded.segment.bytes >= MANY_BYTES;
      const reason = await disproof(store, recorded, arrived, isLarge ? reading : atOnce);
      return reason ?? ((await toFinalForm(recorded)) ? undefined : LATER);
    } catch (error) {
      // Bytes that are not there may be put back. Others in their place stay, unless they are the same content in another form.
      const isOther = error instanceof LogdError && error.code === 'corrupt' && !error.retryable;
      if (!isOther) throw error;
      return mayRestore && (await restored(recorded)) ? finish(recorded, undefined, false) : error.message;
    }
  };

  /** Whether what lies in the place of the segment's file has its content, and was taken. */
  const restored = async (recorded: RecordedSegment): Promise<boolean> =>
    recorded.replacePlaces !== undefined &&
    store.repairs !== undefined &&
    (await store.repairs.restore(recorded, recorded.replacePlaces)) === undefined;

  const seal = async (key: SegmentKey, arrived: RunningDigest | undefined): Promise<void> => {
    const segment = await ledger.segment(key);
    if (segment?.state !== 'complete' || segment.expected === undefined) return;
    fault('seal.before-digest');
    const reason = await finish(recordedSegment(ledger, segment), arrived);
    if (reason === LATER) return;
    if (reason !== undefined) {
      await ledger.close(key, 'refused', reason);
      emit('seal.refused', { ...named(key), reason });
      return;
    }
    fault('seal.before-ledger');
    const made = sealOf(segment, segment.expected, clock.now());
    await record(made);
    fault('seal.after-ledger');
    emit('seal.sealed', { ...named(key), ...totals(made), generation: made.generation });
    onSealed();
  };

  const tryAgainLater = (name: string, key: SegmentKey): void => {
    if (closed) return;
    const last = retries.get(name);
    clearTimeout(last?.timer);
    const delay = last === undefined ? RETRY_MS : Math.min(MOST_RETRY_MS, last.delay * 2);
    retries.set(name, { timer: setTimeout(() => request(key), delay), delay });
  };

  const sealOne = async (name: string, key: SegmentKey): Promise<void> => {
    try {
      await commit.exclusive(key, (arrived) => seal(key, arrived));
      clearTimeout(retries.get(name)?.timer);
      retries.delete(name);
    } catch (error) {
      emit('seal.failed', { ...named(key), reason: messageOf(error) });
      await ledger.setWaiting(key, messageOf(error)).catch(() => undefined);
      tryAgainLater(name, key);
    }
  };

  const pump = (): void => {
    for (const [name, key] of queue) {
      if (closed || jobs.size >= AT_ONCE) return;
      if (jobs.has(name)) continue;
      queue.delete(name);
      const job = sealOne(name, key).finally(() => {
        jobs.delete(name);
        pump();
      });
      jobs.set(name, job);
    }
  };

  const request = (key: SegmentKey): void => {
    if (closed) return;
    queue.set(segmentName(key), key);
    pump();
  };

  return {
    request,
    async idle() {
      while (jobs.size > 0) await Promise.race(jobs.values());
    },
    async [Symbol.asyncDispose]() {
      closed = true;
      for (const { timer } of retries.values()) clearTimeout(timer);
      await Promise.all(jobs.values());
    },
  };
};

const named = ({ host, stream, hour }: SegmentKey): SegmentKey => ({ host, stream, hour });

const totals = ({
  packs,
  lines,
  bytes,
  sha256,
}: Seal): Pick<Seal, 'packs' | 'lines' | 'bytes' | 'sha256'> => ({
  packs,
  lines,
  bytes,
  sha256,
});

const sealOf = (
  segment: SegmentRecord,
  { packs, lines, bytes, sha256 }: NonNullable<SegmentRecord['expected']>,
  sealedAt: number,
): Seal => ({
  ...named(segment),
  packs,
  lines,
  bytes,
  sha256,
  generation: segment.generation,
  firstArrival: segment.firstArrival,
  lastArrival: segment.lastArrival,
  sealedAt,
});
