/**
 * Which file is it? Brings a file that a scan found into the segment that it belongs to: as one that the segment has, grown, moved, copied,
 * cut short or rewritten, or as a new one.
 */
import { LEAST_RESERVED, reservedFrom } from '../tail/reserved-room.ts';
import type { SourceFile } from '../tail/discover.ts';
import type { Clock } from '../telemetry/clock.ts';
import type { Emit } from '../telemetry/events.ts';
import type { Marks } from '../marks/marks.ts';
import { type MovedFiles } from './moved-files.ts';
import { rehashSegment } from './rehash.ts';
import { isScanned, observe, type SourceState, type TrackedSegment, unread } from './segment.ts';
import type { Segments } from './segments.ts';
import type { SourceFiles } from './source-files.ts';

/** Bytes that were never read are gone. */
export type OnLost = (
  segment: TrackedSegment,
  path: string,
  reason: 'source-truncated' | 'source-vanished',
  bytes: number,
) => Promise<void>;

export interface KnownFilesOptions {
  readonly segments: Segments;
  readonly moved: MovedFiles;
  readonly marks: Marks;
  readonly files: SourceFiles;
  readonly clock: Clock;
  readonly emit: Emit;
  /** Ends what takes long. */
  readonly signal: AbortSignal;
  readonly onLost: OnLost;
}

export interface KnownFiles {
  /** Brings one file of a segment up to date. Rejects with `source`, retryable, where it cannot be opened or has been replaced. */
  take(segment: TrackedSegment, file: SourceFile): Promise<void>;
  /** Takes down what a scan saw of a source. Late lines reopen its segment. */
  look(segment: TrackedSegment, source: SourceState, file: SourceFile): Promise<void>;
  /** What was seen of the source is there no more. Returns true when all of it is gone, and the file has started over. */
  takeShrunk(segment: TrackedSegment, source: SourceState, file: SourceFile): Promise<boolean>;
  /** Bytes are gone: a segment that has ended is open again. */
  readonly lose: OnLost;
}

const isSameFile = (a: { dev: string; ino: string }, b: { dev: string; ino: string }): boolean =>
  a.dev === b.dev && a.ino === b.ino;

/** True when the file is the source that had its inode or its name: grown, moved, or copied in its place. */
const isStill = async (
  { marks, files, signal }: Pick<KnownFilesOptions, 'marks' | 'files' | 'signal'>,
  segment: TrackedSegment,
  source: SourceState,
  file: SourceFile,
): Promise<boolean> => {
  if (!isSameFile(source, file)) {
    if (file.size < source.position || !(await files.isCopy(file.path, source))) return false;
    // The original of an hour that has ended may be gone, and then its beginning alone is no proof for what is passed over.
    if (!segment.ended || file.size === source.position) return true;
    const instead = new Map([[source.id, file.path]]);
    return (await rehashSegment(segment, { marks, files, signal, instead })).digest !== undefined;
  }
  // The inode of a file that was over may have been given to another one.
  const isUnchanged = !segment.ended || file.size <= source.size;
  return isUnchanged || files.beginsLike(file.path, source);
};

export const createKnownFiles = (options: KnownFilesOptions): KnownFiles => {
  const { segments, moved, marks, files, clock, emit } = options;

  const lose: OnLost = async (segment, path, reason, bytes) => {
    if (segment.ended) await segments.reopen(segment);
    await options.onLost(segment, path, reason, bytes);
  };

  /** Room that the writer of an ended hour's file had reserved and not used is no late line. */
  const leaveReserved = async (source: SourceState, { path, size, mtimeMs }: SourceFile): Promise<void> => {
    const { position } = source;
    if (!(await files.readAt(path, (file) => reservedFrom(file, position, size, true)))) return;
    source.reserved = { size, mtimeMs };
    source.size = position;
  };

  const look = async (segment: TrackedSegment, source: SourceState, file: SourceFile): Promise<void> => {
    observe(segment, source, file, clock.monotonic());
    if (segment.ended && unread(source) >= LEAST_RESERVED) await leaveReserved(source, file);
    if (segment.ended && unread(source) > 0) await segments.reopen(segment);
  };

  /** What was seen of the source is there no more. Returns true when all of it is gone, and the file has started over. */
  const takeShrunk = async (
    segment: TrackedSegment,
    source: SourceState,
    file: SourceFile,
  ): Promise<boolean> => {
    const seen = source.stop ?? Math.max(source.size, source.position);
    const isUnseen = (!isScanned(source) || source.blocked) && source.position > 0;
    if (file.size >= seen && !isUnseen) return false;
    const isAnew =
      source.position > 0 && (file.size < source.position || !(await files.continues(file.path, source)));
    if (!isAnew && !segment.ended) source.beginning ??= await files.beginningAt(file.path, source);
    // What was written and cut off while nobody looked cannot be counted, but must not be passed over either.
    const lost = Math.max(0, seen - (isAnew && file.size < seen ? source.position : file.size));
    if (lost > 0 || (isAnew && isUnseen && !segment.ended))
      await lose(segment, file.path, 'source-truncated', lost);
    return isAnew;
  };

  /** Where a file that is shorter than what was cut of it has started over: where it ends, when its beginning is still there. */
  const newBeginning = async (
    segment: TrackedSegment,
    source: SourceState,
    file: SourceFile,
  ): Promise<number> => {
    const isCutOff = file.size > 0 && file.size < source.position;
    if (!isCutOff || !(await files.isPart(file.path, source, file.size))) return 0;
    await lose(segment, file.path, 'source-truncated', 0);
    return file.size;
  };

  /** A file that was given up, what was missing of it recorded, is there again; or another one has got its inode. */
  const takeAgain = async (segment: TrackedSegment, source: SourceState, file: SourceFile): Promise<void> => {
    if (file.size === 0) return;
    const isBack = await files.beginsLike(file.path, source);
    if (isBack && file.size === source.position) return;
    const from = isBack ? Math.min(file.size, source.position) : 0;
    return look(segment, await segments.addSource(segment, file, from), file);
  };

  /** All of a file is shipped though one of its name was, when its hour ended: for that one, perhaps rewritten by an editor. */
  const sayReplaced = (segment: TrackedSegment, { path, position }: SourceState): void => {
    if (segment.ended && position > 0) emit('tail.replaced', { path, hour: segment.hour });
  };

  /** Brings one file of a segment up to date: known, moved, cut short, replaced or new. */
  const takeFile = async (segment: TrackedSegment, file: SourceFile): Promise<void> => {
    const before =
      segment.sources.findLast((source) => isSameFile(source, file)) ??
      segment.sources.findLast(({ path }) => path === file.path);
    const known = before === undefined ? await moved.from(segment, file) : before;
    if (known === undefined || (before !== undefined && !(await isStill(options, segment, before, file)))) {
      // Nothing came late: an hour that has ended without it stays ended.
      if (segment.ended && file.size === 0) return;
      const next = await segments.addSource(segment, file, 0);
      if (known !== undefined) sayReplaced(segment, known);
      else if (moved.mayBe(segment, file)) emit('tail.sent-again', { path: file.path, hour: segment.hour });
      return look(segment, next, file);
    }
    if (known.stop !== undefined && known.stop <= known.position) return takeAgain(segment, known, file);
    if (await takeShrunk(segment, known, file)) {
      const from = await newBeginning(segment, known, file);
      const next = await segments.succeed(known, known.position, segment, file, from);
      if (from === 0 && file.size > 0) sayReplaced(segment, known);
      next.beginning = known.beginning?.subarray(0, from);
      return look(segment, next, file);
    }
    // It was seen while it was being rewritten: emptied, and not filled yet.
    const filled = segment.sources.find(({ path, position }) => path === file.path && position > 0);
    if (filled !== undefined && known.position === 0 && known.size === 0 && file.size > 0)
      sayReplaced(segment, filled);
    if (!isSameFile(known, file)) await files.release(known);
    if (!isSameFile(known, file) || known.path !== file.path) {
      Object.assign(known, { path: file.path, dev: file.dev, ino: file.ino });
      await marks.write('changeSource', known);
      if (!segment.ended || segment.unacked > 0) await files.keep(known);
    }
    await look(segment, known, file);
  };

  return { take: takeFile, look, takeShrunk, lose };
};
