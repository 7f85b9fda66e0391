/**
 * The commit stage: takes verified packs to the store and the ledger, each exactly once, and answers when they are durable.
 *
 * For each pack, in its segment's queue: does it fit (ledger) → are its bytes right → store.write → group commit → answer.
 * A pack that does not continue where the one before it ended is proven by its checksum alone until the segment is sealed.
 */
import { messageOf } from '../error.ts';
import { fault } from '../fault/fault.ts';
import type { CommitResult, Place } from '../ledger/ledger.ts';
import type { RecordingLedger } from '../ledger/recorded.ts';
import type { Answer } from '../pack/answer.ts';
import type { RunningDigest } from '../pack/digest.ts';
import type { PackHeader, SegmentKey, VerifiedPack } from '../pack/pack.ts';
import type { ArrivingPack, PackTarget } from '../receive/pack-target.ts';
import type { Store } from '../stores/store.ts';
import type { Clock } from '../telemetry/clock.ts';
import type { Emit } from '../telemetry/events.ts';
import { createCommitter } from './committer.ts';
import {
  checkPack,
  conflictWith,
  digestAfter,
  isCorrupt,
  LOST_TRACK,
  nack,
  refusalOf,
  writeToStore,
} from './pack-steps.ts';
import { createMissingHours, type MissingHours } from './missing-hours.ts';
import type { BeginHour } from './open-hours.ts';
import type { SegmentQueue } from './segment-queue.ts';
import { createSegmentQueues } from './segment-queues.ts';
import { watchStorage } from './storage-watch.ts';

const NOWHERE: Place = { at: 0, length: 0 };

export interface CommitStageOptions {
  readonly store: Store;
  readonly ledger: RecordingLedger;
  readonly clock: Clock;
  readonly emit: Emit;
  /** Most bytes of an hour; unbounded without it. */
  readonly hourBytes?: number;
  /** Asked with the first pack of an hour, for a sentence why it may not begin; unbounded without it. */
  readonly beginHour?: BeginHour;
  /** Called after the commit in which a segment became complete. */
  readonly onComplete: (key: SegmentKey) => void;
  /** Called after each pack that was recorded. */
  readonly onRecorded?: () => void;
  /** Called, in the segment's queue, when a late pack reopens a closed segment, before the pack is written. */
  readonly onReopened: (key: SegmentKey) => Promise<void>;
  /** Called, in the segment's queue, with a pack that is recorded already; it is acked after that. */
  readonly onRepeated?: (pack: VerifiedPack) => Promise<void>;
}

/** A sink's {@link PackTarget}. Packs of a segment are stored in order of the calls; nothing is refused after it was acked. */
export interface CommitStage extends Omit<PackTarget, 'put'> {
  /** Never rejects. */
  put(pack: Omit<ArrivingPack, 'body'>): Promise<Answer>;
  /**
   * Runs a job while nothing is written to the segment, all earlier packs recorded. It gets the running digest of what arrived,
   * where that is known; when it rejects with `corrupt`, the next job does not.
   */
  exclusive<T>(key: SegmentKey, job: (digest: RunningDigest | undefined) => Promise<T>): Promise<T>;
  /** Hours of which the store misses something. */
  readonly missing: MissingHours;
}

/** Packs wait without memory until the job has ended. */
const holdFor = (queue: SegmentQueue, job: Promise<unknown>): void => {
  const end = (): void => {
    if (queue.held === held) queue.held = undefined;
  };
  const held: Promise<void> = job.then(end, end);
  queue.held = held;
};

export const createCommitStage = (options: CommitStageOptions): CommitStage => {
  const { store, ledger, clock, emit, onComplete, onRecorded, onReopened } = options;
  const queues = createSegmentQueues(ledger);
  const watch = watchStorage(options);
  const missing = createMissingHours(ledger, emit);

  const fail = (error: unknown): void => {
    for (const queue of queues.all()) queue.forget();
    store.forget();
    emit('store.failed', { reason: messageOf(error) });
  };
  const committer = createCommitter(store, ledger, fail);

  /** Both steps are idempotent, and repeated until both have succeeded: a marker must not outlive the seal that it announces. */
  const reopenIfLate = async (queue: SegmentQueue, { generation }: PackHeader): Promise<void> => {
    if (generation <= queue.opened) return;
    if (queue.record === undefined) return;
    if (generation > queue.record.generation) queue.record = await ledger.reopen(queue.key, generation);
    await onReopened(queue.key);
    queue.opened = generation;
  };

  const recorded = (queue: SegmentQueue, header: PackHeader, { outcome, segment }: CommitResult): Answer => {
    const { host, stream, hour, id, lost } = header;
    queue.record = segment;
    if (outcome === 'conflict') {
      queue.forget();
      return conflictWith(emit, header, 'it contradicts what is recorded');
    }
    if (outcome === 'recorded') {
      onRecorded?.();
      if (lost) emit('store.lost', { host, stream, hour, id, bytes: lost.bytes, reason: lost.reason });
      if (segment.state === 'incomplete')
        emit('seal.incomplete', { host, stream, hour, reason: segment.reason ?? '' });
    }
    if (segment.state === 'complete') onComplete(queue.key);
    return { kind: 'ack' };
  };

  /** Runs in the queue. Resolves once written, with the promise of the durable answer. */
  const take = async (
    queue: SegmentQueue,
    pack: VerifiedPack,
    epoch: number,
  ): Promise<{ readonly answer: Promise<Answer> | Answer }> => {
    const { header } = pack;
    if (queue.epoch !== epoch) return { answer: LOST_TRACK };
    const refusal = await checkPack(options, queue, pack);
    if (refusal !== undefined) return { answer: refusal };
    const digest = digestAfter(queue, pack);
    if (digest !== undefined && 'kind' in digest) return { answer: digest };
    const isLate = header.generation > queue.opened;
    await reopenIfLate(queue, header);
    fault('store.before-write');
    // The store would go by a record that may be older than the ledger's.
    if (queue.epoch !== epoch) return { answer: LOST_TRACK };
    const place =
      header.lost === undefined ? await writeToStore({ store, ledger, missing }, queue, pack) : NOWHERE;
    if ('kind' in place) return { answer: place };
    fault('store.after-write');
    if (queue.epoch !== epoch) return { answer: LOST_TRACK };
    // The file may have changed since it was sealed, so drop the cached digest.
    queue.digest = isLate ? undefined : digest;
    if (header.id > queue.lastId) {
      queue.lastId = header.id;
      queue.end = header.offset + header.bytes;
    }
    const committed = committer.commit({ header, place, arrivedAt: clock.now() });
    // Groups are settled in order, so the last pack stands for all. Its result is not kept: the queue may live for hours.
    queue.pending = committed.then(
      () => undefined,
      () => undefined,
    );
    const answer = committed.then(
      (result) => recorded(queue, header, result),
      (error: unknown) => nack('storage', messageOf(error), true),
    );
    return { answer };
  };

  return {
    async put({ header, verified, release }) {
      const queue = queues.of(header);
      queue.users++;
      // What the queue knows may stop being so while the pack is still being decoded.
      const job = (epoch: number) => verified.then((pack) => take(queue, pack, epoch));
      const given = await queue
        .run(job)
        .finally(release)
        .then(({ answer }) => answer)
        .catch((error: unknown) => refusalOf(emit, error));
      queue.users--;
      // A file that is gone has an event of its own.
      if (!missing.has(header)) watch(header, given);
      return given;
    },
    exclusive(key, job) {
      const queue = queues.of(key);
      const done = queue.run(async () => {
        const { epoch } = queue;
        await queue.pending;
        const result = await job(queue.epoch === epoch ? queue.digest : undefined).catch((error: unknown) => {
          if (isCorrupt(error)) queue.digest = undefined;
          throw error;
        });
        queue.record = await ledger.segment(key);
        return result;
      });
      holdFor(queue, done);
      return done;
    },
    missing,
    ready: (segment) => queues.known(segment)?.held,
    async idle() {
      await Promise.all([...queues.all()].map((queue) => queue.run(() => queue.pending)));
      await committer.idle();
    },
  };
};
