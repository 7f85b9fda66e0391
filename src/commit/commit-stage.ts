/**
 * The commit stage: takes verified packs to the store and the ledger, each exactly once, and answers when they are durable.
 *
 * For each pack, in its segment's queue: does it fit (ledger) → are its bytes right → store.write → group commit → answer.
 * A pack that does not continue where the one before it ended is proven by its checksum alone until the segment is sealed.
 */
import { LogdError, messageOf } from '../error.ts';
import { fault } from '../fault/fault.ts';
import type { CommitResult, Ledger, Place } from '../ledger/ledger.ts';
import { recordedSegment } from '../ledger/recorded.ts';
import type { RunningDigest } from '../pack/digest.ts';
import { type PackHeader, type SegmentKey, segmentName, type VerifiedPack } from '../pack/pack.ts';
import type { Store } from '../stores/store.ts';
import type { Clock } from '../telemetry/clock.ts';
import type { Emit } from '../telemetry/events.ts';
import type { Answer, NackCode } from '../pack/answer.ts';
import type { ArrivingPack, PackTarget } from '../receive/pack-target.ts';
import { createCommitter } from './committer.ts';
import { fit, mayHaveEnded } from './pack-conflict.ts';
import { createSegmentQueue, type SegmentQueue } from './segment-queue.ts';

/** Queues kept though idle: each spares a segment the reading back of its bytes when it is sealed. */
const IDLE_QUEUES = 1024;
const NOWHERE: Place = { at: 0, length: 0 };

export interface CommitStageOptions {
  readonly store: Store;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly emit: Emit;
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
}

/** What we knew of the segment has turned out not to be recorded. */
const LOST_TRACK: Answer = {
  kind: 'nack',
  code: 'storage',
  message: 'Storing an earlier pack of the segment failed.',
  retryable: true,
};

const nack = (code: NackCode, message: string, retryable = false): Answer => ({
  kind: 'nack',
  code,
  message,
  retryable,
});

/** What is stored is not what was stored. */
const isCorrupt = (error: unknown): error is LogdError =>
  error instanceof LogdError && error.code === 'corrupt';

export const createCommitStage = (options: CommitStageOptions): CommitStage => {
  const { store, ledger, clock, emit, onComplete, onRecorded, onReopened, onRepeated } = options;
  const queues = new Map<string, SegmentQueue>();

  const fail = (error: unknown): void => {
    for (const queue of queues.values()) queue.forget();
    store.forget();
    emit('store.failed', { reason: messageOf(error) });
  };
  const committer = createCommitter(store, ledger, fail);

  const queueOf = (key: SegmentKey): SegmentQueue => {
    const name = segmentName(key);
    const queue =
      queues.get(name) ?? createSegmentQueue(ledger, { host: key.host, stream: key.stream, hour: key.hour });
    queues.delete(name);
    queues.set(name, queue);
    if (queues.size > IDLE_QUEUES) evictIdle(queue);
    return queue;
  };

  const evictIdle = (wanted: SegmentQueue): void => {
    for (const [name, queue] of queues) {
      if (queues.size <= IDLE_QUEUES) return;
      if (queue.users === 0 && queue !== wanted) queues.delete(name);
    }
  };

  const conflict = ({ host, stream, hour, id }: PackHeader, why: string): Answer => {
    emit('store.conflict', { host, stream, hour, id });
    return nack('conflict', `Pack ${id} of ${host}/${stream}/${hour} is refused: ${why}.`);
  };

  /** In order: nothing to ask. Else the packs around it say whether it fits, once all that is pending is recorded. */
  const check = async (queue: SegmentQueue, pack: VerifiedPack): Promise<Answer | undefined> => {
    const { header } = pack;
    const goesOn =
      !mayHaveEnded(header, queue.record) ||
      (queue.record?.state === 'open' && header.generation <= queue.opened);
    const inOrder = header.id === queue.lastId + 1 && header.offset === queue.end;
    if (!inOrder || !goesOn) {
      const { epoch } = queue;
      await queue.pending;
      if (queue.epoch !== epoch) return LOST_TRACK;
      const result = fit(header, await ledger.around(header, header.id));
      if (result === 'repeat') {
        // Its record may be of a commit that was taken as failed, and then nobody was told.
        if (queue.record?.state === 'complete') onComplete(queue.key);
        await onRepeated?.(pack);
        return { kind: 'ack' };
      }
      if (result !== 'new') return conflict(header, result.conflict);
    }
    return undefined;
  };

  /** The digest as it stands after this pack, undefined when it cannot be known, or a refusal when it is not what the agent says. */
  const digestAfter = (queue: SegmentQueue, pack: VerifiedPack): RunningDigest | undefined | Answer => {
    const { header, raw } = pack;
    if (queue.digest === undefined || header.lost !== undefined) return undefined;
    if (queue.digest.bytes !== header.offset)
      return queue.digest.bytes > header.offset ? queue.digest : undefined;
    const digest = queue.digest.fork();
    digest.update(raw);
    if (digest.hex() === header.sha256) return digest;
    return nack(
      'digest',
      `The bytes up to pack ${header.id} of ${segmentName(header)} are not what was sent.`,
      true,
    );
  };

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
      return conflict(header, 'it contradicts what is recorded');
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

  /** Where the store put the pack. When it misses what is recorded, one event says so, and what arrived proves nothing any more. */
  const writeToStore = async (queue: SegmentQueue, pack: VerifiedPack): Promise<Place | Answer> => {
    try {
      const place = await store.write(pack, queue.record && recordedSegment(ledger, queue.record));
      queue.missing = false;
      return place;
    } catch (error) {
      if (!isCorrupt(error)) throw error;
      const { host, stream, hour } = queue.key;
      if (!queue.missing) emit('store.missing', { host, stream, hour, reason: error.message });
      queue.missing = true;
      queue.digest = undefined;
      return nack('storage', error.message, true);
    }
  };

  /** Runs in the queue. Resolves once written, with the promise of the durable answer. */
  const take = async (
    queue: SegmentQueue,
    pack: VerifiedPack,
    epoch: number,
  ): Promise<{ readonly answer: Promise<Answer> | Answer }> => {
    const { header } = pack;
    if (queue.epoch !== epoch) return { answer: LOST_TRACK };
    const refusal = await check(queue, pack);
    if (refusal !== undefined) return { answer: refusal };
    const digest = digestAfter(queue, pack);
    if (digest !== undefined && 'kind' in digest) return { answer: digest };
    const isLate = header.generation > queue.opened;
    await reopenIfLate(queue, header);
    fault('store.before-write');
    // The store would go by a record that may be older than the ledger's.
    if (queue.epoch !== epoch) return { answer: LOST_TRACK };
    const place = header.lost === undefined ? await writeToStore(queue, pack) : NOWHERE;
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

  const refusalOf = (error: unknown, header: PackHeader): Answer => {
    if (error instanceof LogdError && (error.code === 'corrupt' || error.code === 'limit'))
      return nack(error.code, error.message, error.retryable);
    emit('store.failed', { reason: `${segmentName(header)}: ${messageOf(error)}` });
    return nack('storage', messageOf(error), true);
  };

  return {
    async put({ header, verified, release }) {
      const queue = queueOf(header);
      queue.users++;
      // What the queue knows may stop being so while the pack is still being decoded.
      const job = (epoch: number) => verified.then((pack) => take(queue, pack, epoch));
      try {
        const { answer } = await queue.run(job).finally(release);
        return await answer;
      } catch (error) {
        return refusalOf(error, header);
      } finally {
        queue.users--;
      }
    },
    exclusive(key, job) {
      const queue = queueOf(key);
      return queue.run(async () => {
        const { epoch } = queue;
        await queue.pending;
        const result = await job(queue.epoch === epoch ? queue.digest : undefined).catch((error: unknown) => {
          if (isCorrupt(error)) queue.digest = undefined;
          throw error;
        });
        queue.record = await ledger.segment(key);
        return result;
      });
    },
    async idle() {
      await Promise.all([...queues.values()].map((queue) => queue.run(() => queue.pending)));
      await committer.idle();
    },
  };
};
