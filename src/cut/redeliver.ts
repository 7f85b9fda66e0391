/**
 * After a restart: the packs that were cut and not acked are made again from their sources, exactly as they were cut.
 */
import type { ByteBudget } from '../pack/byte-budget.ts';
import { crc32 } from '../pack/digest.ts';
import type { LostReason } from '../pack/pack.ts';
import type { BufferPool } from './buffer-pool.ts';
import type { Census } from './census.ts';
import type { Cut, LostCut } from './cut.ts';
import type { FollowerOptions } from './follower.ts';
import { deliverWithoutBytes } from './follower.ts';
import type { Marks } from './marks.ts';
import type { SegmentState } from './segment.ts';
import type { SourceFiles } from './source-files.ts';

const PAGE = 256;
const NO_BYTES = Buffer.alloc(0);

export interface RedeliverOptions {
  readonly stream: string;
  readonly census: Census;
  readonly marks: Marks;
  readonly files: SourceFiles;
  readonly budget: ByteBudget;
  readonly buffers: BufferPool;
  readonly deliver: FollowerOptions['deliver'];
  readonly onLost: (segment: SegmentState, path: string, reason: LostReason, bytes: number) => void;
}

/** Delivers all unacked cuts in order; what can be read no more, or is not what it was, is recorded and delivered as lost. */
export const redeliver = async (options: RedeliverOptions, signal: AbortSignal): Promise<void> => {
  const { stream, census, marks } = options;
  for (const { id, hour, unacked } of await marks.read('segments', stream)) {
    const segment = census.get(hour);
    if (unacked === 0 || segment === undefined) continue;
    for (let after = 0; ;) {
      const cuts = await marks.read('cuts', id, after, PAGE);
      for (const cut of cuts) await redeliverOne(options, segment, cut, signal);
      after = cuts.at(-1)?.id ?? after;
      if (cuts.length < PAGE) break;
    }
  }
};

const redeliverOne = async (
  { marks, files, budget, buffers, deliver, onLost }: RedeliverOptions,
  segment: SegmentState,
  cut: Cut,
  signal: AbortSignal,
): Promise<void> => {
  signal.throwIfAborted();
  const recorded = Promise.resolve();
  if (cut.bytes === 0 || cut.lost !== undefined) {
    deliverWithoutBytes(deliver, { segment, cut, raw: NO_BYTES, recorded });
    return;
  }
  const lease = await budget.acquire(buffers.size, signal);
  const buffer = buffers.take();
  const raw = await readAgain(files, segment, cut, buffer);
  if (Buffer.isBuffer(raw)) {
    lease.shrink(raw.length);
    deliver({ segment, cut, raw, recorded, lease, buffer });
    return;
  }
  lease.release();
  buffers.give(buffer);
  const lost: LostCut = { reason: raw, bytes: cut.bytes };
  onLost(segment, segment.sources.find(({ id }) => id === cut.source)?.path ?? '', lost.reason, lost.bytes);
  await marks.write('lose', segment.id, cut.id, lost);
  deliverWithoutBytes(deliver, { segment, cut: { ...cut, lost }, raw: NO_BYTES, recorded });
};

/** The bytes of the cut, or why there are none. */
const readAgain = async (
  files: SourceFiles,
  segment: SegmentState,
  cut: Cut,
  buffer: Buffer,
): Promise<Buffer | LostReason> => {
  const source = segment.sources.find(({ id }) => id === cut.source);
  const file = source && (await files.open(source).catch(() => undefined));
  if (file === undefined) return 'source-vanished';
  const raw = buffer.subarray(0, cut.bytes);
  if ((await file.read(raw, cut.position)) < raw.length) return 'source-truncated';
  return crc32(raw) === cut.crc32 ? raw : 'source-changed';
};
