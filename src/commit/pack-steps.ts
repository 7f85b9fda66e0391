/**
 * The steps of a pack on its way through its segment's queue, each with the answer where the pack goes no further: does it fit what is
 * recorded, are its bytes right, where did the store put it.
 */
import { type ErrorCode, LogdError, messageOf } from '../error.ts';
import type { Place, SegmentRecord } from '../ledger/ledger.ts';
import { type RecordingLedger, recordedSegment } from '../ledger/recorded.ts';
import { isTaken } from '../ledger/retention.ts';
import type { Answer, NackCode } from '../pack/answer.ts';
import type { RunningDigest } from '../pack/digest.ts';
import { type PackHeader, type SegmentKey, segmentName, type VerifiedPack } from '../pack/pack.ts';
import type { Store } from '../stores/store.ts';
import type { Emit } from '../telemetry/events.ts';
import { dayClaimFault } from './day-claim.ts';
import type { MissingHours } from './missing-hours.ts';
import type { BeginHour } from './open-hours.ts';
import { fit, mayHaveEnded, OTHER_BYTES } from './pack-conflict.ts';
import type { SegmentQueue } from './segment-queue.ts';

export interface CheckOptions {
  readonly ledger: RecordingLedger;
  readonly emit: Emit;
  readonly onComplete: (key: SegmentKey) => void;
  /** Most bytes of an hour; unbounded without it. */
  readonly hourBytes?: number;
  /** Asked with the first pack of an hour; unbounded without it. */
  readonly beginHour?: BeginHour;
  readonly onRepeated?: (pack: VerifiedPack) => Promise<void>;
}

export interface WriteOptions {
  readonly store: Store;
  readonly ledger: RecordingLedger;
  readonly missing: MissingHours;
}

/** What we knew of the segment has turned out not to be recorded. */
export const LOST_TRACK: Answer = {
  kind: 'nack',
  code: 'storage',
  message: 'Storing an earlier pack of the segment failed.',
  retryable: true,
};

export const nack = (code: NackCode, message: string, retryable = false): Answer => ({
  kind: 'nack',
  code,
  message,
  retryable,
});

/** What is stored is not what was stored. */
export const isCorrupt = (error: unknown): error is LogdError =>
  error instanceof LogdError && error.code === 'corrupt';

export const conflictWith = (emit: Emit, { host, stream, hour, id }: PackHeader, why: string): Answer => {
  emit('store.conflict', { host, stream, hour, id });
  const what =
    why === OTHER_BYTES
      ? `The sink already has a different pack ${id} of ${host}/${stream}/${hour}.`
      : `Pack ${id} of ${host}/${stream}/${hour} does not fit what the sink has: ${why}.`;
  return nack('conflict', `${what} Is another agent also named ${host}?`);
};

/** An end that does not add up with the packs before it, where they are all here, would be refused with its whole hour later. */
const sumFault = (
  { record, key }: SegmentQueue,
  { id, lines, done, lost }: PackHeader,
): string | undefined => {
  const before = id === 1 ? { packs: 0, lines: 0, lostPacks: 0 } : record;
  if (done === undefined || lost !== undefined || before?.packs !== id - 1 || before.lostPacks > 0)
    return undefined;
  const sum = before.lines + lines;
  return sum === done.lines
    ? undefined
    : `Pack ${id} of ${segmentName(key)} ends it with ${done.lines} lines, and its packs have ${sum}.`;
};

/** Together with what is gone it could not be proven: it is not acked, and stays where it is. */
const refusedByRetention = (
  emit: Emit,
  { host, stream, hour, id }: PackHeader,
  { removed }: SegmentRecord,
): Answer => {
  const reason =
    removed === undefined
      ? 'the hour is sealed, and older than sink.ledger.keep_packs. Its seal and its file stay as they are, and what is in this pack is not stored'
      : `retention removed the hour on ${new Date(removed).toISOString()} (sink.store.retain). Its seal stays, and what is in this pack is not stored`;
  emit('store.late-refused', { host, stream, hour, id, reason });
  return nack('conflict', `Pack ${id} of ${host}/${stream}/${hour} is refused: ${reason}.`);
};

/** In order: nothing to ask. Else the packs around it say whether it fits, once all that is pending is recorded. */
export const checkPack = async (
  { ledger, emit, onComplete, onRepeated, beginHour, hourBytes = Infinity }: CheckOptions,
  queue: SegmentQueue,
  pack: VerifiedPack,
): Promise<Answer | undefined> => {
  const { header } = pack;
  if (queue.record !== undefined && isTaken(queue.record)) {
    const repeat = fit(header, await ledger.around(header, header.id)) === 'repeat';
    return repeat ? { kind: 'ack' } : refusedByRetention(emit, header, queue.record);
  }
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
    if (result !== 'new')
      return 'invalid' in result
        ? nack('invalid', `Pack ${header.id} of ${segmentName(header)} is refused: ${result.invalid}.`)
        : conflictWith(emit, header, result.conflict);
  }
  const fault = sumFault(queue, header) ?? (await dayClaimFault(ledger, header));
  if (fault !== undefined) return nack('invalid', fault);
  const end = header.offset + header.bytes;
  if (end > hourBytes)
    return nack(
      'limit',
      `Pack ${header.id} of ${segmentName(header)} ends at byte ${end}, and an hour may have ${hourBytes} (limits.hour_bytes).`,
      true,
    );
  const isFirst = queue.record === undefined && queue.lastId === 0;
  const full = isFirst ? await beginHour?.(header) : undefined;
  return full === undefined ? undefined : nack('limit', full, true);
};

/** The digest as it stands after this pack, undefined when it cannot be known, or a refusal when it is not what the agent says. */
export const digestAfter = (queue: SegmentQueue, pack: VerifiedPack): RunningDigest | undefined | Answer => {
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

/** Where the store put the pack. When it misses what is recorded, one event says so, and what arrived proves nothing any more. */
export const writeToStore = async (
  { store, ledger, missing }: WriteOptions,
  queue: SegmentQueue,
  pack: VerifiedPack,
): Promise<Place | Answer> => {
  try {
    const place = await store.write(pack, queue.record && recordedSegment(ledger, queue.record));
    // A pack without bytes is written nowhere, and says nothing of the store.
    if (pack.header.bytes > 0) missing.found(queue.key);
    return place;
  } catch (error) {
    if (!isCorrupt(error)) throw error;
    // What is being recorded is looked for, too, when the store goes on with another file.
    await queue.pending;
    await missing.note(queue.key, error.message);
    queue.digest = undefined;
    return nack('storage', error.message, true);
  }
};

const isAnswer = (code: ErrorCode): code is 'corrupt' | 'limit' | 'invalid' =>
  code === 'corrupt' || code === 'limit' || code === 'invalid';

export const refusalOf = (emit: Emit, error: unknown): Answer => {
  if (error instanceof LogdError && isAnswer(error.code))
    return nack(error.code, error.message, error.retryable);
  emit('store.failed', { reason: messageOf(error) });
  return nack('storage', messageOf(error), true);
};
