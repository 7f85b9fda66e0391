/**
 * After a restart: the packs that were cut and not acked are made again from their sources, exactly as they were cut.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { LogdError } from '../error.ts';
import type { ByteBudget } from '../pack/byte-budget.ts';
import type { LostReason } from '../pack/pack.ts';
import { checksumOf } from '../pack/survey.ts';
import { isSourceError } from '../tail/source.ts';
import type { BufferPool } from './buffer-pool.ts';
import type { CutPack } from './cut-pack.ts';
import type { FileTracker } from '../track/file-tracker.ts';
import type { Cut, LostCut } from '../marks/cut.ts';
import type { FollowerOptions } from './follower.ts';
import type { Marks } from '../marks/marks.ts';
import type { TrackedSegment } from '../track/segment.ts';
import type { SourceFiles } from '../track/source-files.ts';
import type { Upstream } from '../transport/transport.ts';

const PAGE = 256;
const NO_BYTES = Buffer.alloc(0);

export interface RedeliverOptions {
  readonly tracker: Pick<FileTracker, 'unacked'>;
  readonly marks: Marks;
  readonly files: SourceFiles;
  readonly budget: ByteBudget;
  readonly buffers: BufferPool;
  readonly deliver: FollowerOptions['deliver'];
  readonly onLost: (segment: TrackedSegment, path: string, reason: LostReason, bytes: number) => void;
  /** The file is there and cannot be read now. */
  readonly onUnreadable: (path: string, error: LogdError) => void;
  /** Milliseconds until it is tried again. */
  readonly pollInterval: number;
}

/**
 * Delivers all cuts that are unacked at the time of the call, in order; what can be read no more, or is not what it was, is
 * recorded and delivered as lost.
 */
export const redeliver = async (options: RedeliverOptions, signal: AbortSignal): Promise<void> => {
  const due = options.tracker.unacked().map((segment) => ({ segment, upTo: segment.packs }));
  for (const { segment, upTo } of due)
    for (let after = 0; after < upTo;) {
      const cuts = await options.marks.read('cuts', segment.id, after, PAGE);
      for (const cut of cuts) if (cut.id <= upTo) await redeliverOne(options, segment, cut, signal);
      after = cuts.at(-1)?.id ?? upTo;
    }
};

/** Delivers those of the segment's unacked cuts that have these ids, in order; over the connection on which they were wanted again. */
export const redeliverCuts = async (
  options: RedeliverOptions,
  segment: TrackedSegment,
  ids: ReadonlySet<number>,
  signal: AbortSignal,
  via?: Upstream,
): Promise<void> => {
  const { deliver } = options;
  const to = { ...options, deliver: (pack: CutPack) => deliver({ ...pack, via }) };
  const sorted = [...ids].toSorted((a, b) => a - b);
  const upTo = sorted.at(-1) ?? 0;
  for (let after = (sorted[0] ?? 1) - 1; after < upTo;) {
    const cuts = await options.marks.read('cuts', segment.id, after, PAGE);
    for (const cut of cuts) if (ids.has(cut.id)) await redeliverOne(to, segment, cut, signal);
    after = cuts.at(-1)?.id ?? upTo;
  }
};

const redeliverOne = async (
  options: RedeliverOptions,
  segment: TrackedSegment,
  cut: Cut,
  signal: AbortSignal,
): Promise<void> => {
  const { marks, budget, buffers, deliver, onLost } = options;
  signal.throwIfAborted();
  const recorded = Promise.resolve();
  if (cut.bytes === 0 || cut.lost !== undefined) {
    deliver({ segment, cut, raw: NO_BYTES, buffer: undefined, recorded });
    return;
  }
  // A pack that was cut under a larger `pack.size` does not fit the buffers of today.
  const pooled = cut.bytes <= buffers.size;
  const lease = await budget.acquire(Math.max(cut.bytes, buffers.size), signal);
  const buffer = pooled ? buffers.take() : Buffer.allocUnsafeSlow(cut.bytes);
  const raw = await readAgain(options, segment, cut, buffer, signal);
  if (Buffer.isBuffer(raw)) {
    deliver({ segment, cut, raw, recorded, lease, buffer: pooled ? buffer : undefined });
    return;
  }
  lease.release();
  if (pooled) buffers.give(buffer);
  const lost: LostCut = { reason: raw, bytes: cut.bytes };
  onLost(segment, segment.sources.find(({ id }) => id === cut.source)?.path ?? '', lost.reason, lost.bytes);
  await marks.write('lose', segment.id, cut.id, lost);
  deliver({
    segment,
    cut: { ...cut, lost },
    raw: NO_BYTES,
    buffer: undefined,
    recorded,
  });
};

/** The bytes of the cut, or why there are none. Waits while nobody can tell. */
const readAgain = async (
  { files, onUnreadable, pollInterval }: RedeliverOptions,
  segment: TrackedSegment,
  cut: Cut,
  buffer: Buffer,
  signal: AbortSignal,
): Promise<Buffer | LostReason> => {
  const source = segment.sources.find(({ id }) => id === cut.source);
  if (source === undefined) return 'source-vanished';
  const raw = buffer.subarray(0, cut.bytes);
  for (;;) {
    try {
      const read = await files.read(source, (file) => file.read(raw, cut.position));
      if (read < raw.length) return 'source-truncated';
      return checksumOf(raw) === cut.checksum ? raw : 'source-changed';
    } catch (error) {
      if (!isSourceError(error)) throw error;
      if (!error.retryable && (await files.isGone(source))) return 'source-vanished';
      onUnreadable(source.path, error);
      await sleep(pollInterval, undefined, { signal });
    }
  }
};
