/**
 * A segment as its agent sees it now: what is cut (as in the marks) and what its files hold beyond that.
 */
import type { RunningDigest } from '../pack/digest.ts';
import type { SourceFile } from '../tail/discover.ts';
import type { SegmentMarks, SourceMarks } from '../marks/cut.ts';

/** A file of the segment, with what the last scan saw of it. */
export interface SourceState {
  readonly id: number;
  path: string;
  dev: string;
  ino: string;
  fingerprint: string;
  /**
   * The first bytes of what is cut, as many as a fingerprint covers: it tells a file that was cut to a part of them from one that began
   * again. Undefined where they have not been read since the start, or their hour is long over.
   */
  beginning: Buffer | undefined;
  /** Everything before it is cut. */
  position: number;
  /** Bytes from here on belong to another segment, or to nobody. */
  stop: number | undefined;
  /** The last bytes that are cut, up to `position`, as far as they are known since the start: the file must still have them there. */
  lastBytes: Buffer | undefined;
  /** Its time changed and its size did not: bytes that are cut may be others now. */
  touched: boolean;
  /** Its writer has reserved room: the file as it was when it held nothing but zeros from `size` on. */
  reserved: { readonly size: number; readonly mtimeMs: number } | undefined;
  /** Since its size last changed, the file was seen to begin as it did. */
  checked: boolean;
  /** It was read to its end when its hour ended. */
  settled: boolean;
  /** Size at the last scan, less what is reserved. */
  size: number;
  mtimeMs: number;
  /** Monotonic time of the last change of its size that was seen. */
  changedAt: number;
  /** Monotonic time since which there have been bytes to cut; undefined when there are none. */
  unreadSince: number | undefined;
  /** The size at which there was no whole line to cut: nothing to do until it grows or the segment ends. */
  unlinedSize: number | undefined;
  /** Where the line begins in which the last cut ended, for it was too long for one pack; whether it went on, and was told of. */
  torn: { readonly at: number; told: boolean } | undefined;
  /** A read failed, or the file was not what the last scan saw: nothing is read until the next scan has looked closely. */
  blocked: boolean;
}

export interface TrackedSegment {
  readonly id: number;
  readonly hour: string;
  generation: number;
  packs: number;
  lines: number;
  bytes: number;
  sha256: string;
  ended: boolean;
  /** Lines that were too long for one pack, since the agent started. */
  splitLines: number;
  /** Packs that are cut and not acked. */
  unacked: number;
  /** Those of them that were refused for good since the agent started: they are not on their way. */
  readonly refused: Set<number>;
  readonly sources: SourceState[];
  /** Monotonic time of the last change that was seen. */
  changedAt: number;
  /** Files that a scan found and that could not be opened, by path: the segment cannot end before they are read or gone. */
  readonly unopened: Map<string, SourceFile>;
  /** Stands at `bytes`; undefined when it must be made again from the sources. */
  digest: RunningDigest | undefined;
}

/** Bytes of a source that can be cut now, given its last known size. */
export const unread = ({ size, position, stop }: SourceState): number =>
  Math.max(0, Math.min(size, stop ?? Number.MAX_SAFE_INTEGER) - position);

/** A segment that is not over yet, for a status. Times are monotonic. */
export interface SegmentProgress {
  readonly hour: string;
  readonly packs: number;
  readonly bytes: number;
  readonly changedAt: number;
  /** Bytes that are in its files and not cut. */
  readonly unread: number;
  /** Since when there have been such bytes; undefined when there are none. */
  readonly unreadSince: number | undefined;
}

export const progressOf = ({ hour, packs, bytes, changedAt, sources }: TrackedSegment): SegmentProgress => {
  const since = sources.flatMap(({ unreadSince }) => unreadSince ?? []);
  return {
    ...{ hour, packs, bytes, changedAt },
    unread: sources.reduce((sum, source) => sum + unread(source), 0),
    unreadSince: since.length === 0 ? undefined : Math.min(...since),
  };
};

/** What a source found by a scan starts as. */
export const sourceState = (marks: SourceMarks, mtimeMs: number, now: number): SourceState => ({
  ...marks,
  beginning: undefined,
  lastBytes: undefined,
  touched: false,
  reserved: undefined,
  checked: false,
  settled: false,
  size: marks.position,
  mtimeMs,
  changedAt: now,
  unreadSince: undefined,
  unlinedSize: undefined,
  torn: undefined,
  blocked: false,
});

/** False for a source that is known from the marks alone. */
export const isScanned = ({ mtimeMs }: SourceState): boolean => mtimeMs > 0;

/** A segment as the marks have it. Sizes are learned from the next scan. */
export const segmentState = (marks: SegmentMarks, now: number): TrackedSegment => ({
  ...marks,
  sources: marks.sources.map((source) => ({ ...sourceState(source, 0, now), settled: marks.ended })),
  splitLines: 0,
  refused: new Set(),
  changedAt: now,
  unopened: new Map(),
  digest: undefined,
});

/** What the last scan saw of a source. What lies behind its stop is no change of this segment. */
export const observe = (
  segment: TrackedSegment,
  source: SourceState,
  { size, mtimeMs }: { readonly size: number; readonly mtimeMs: number },
  now: number,
): void => {
  const isReserved = source.reserved?.size === size && source.reserved.mtimeMs === mtimeMs;
  const ours = isReserved ? source.size : Math.min(size, source.stop ?? size);
  if (!isReserved && source.reserved !== undefined) source.reserved = { size: -1, mtimeMs };
  if (ours === source.size && isScanned(source) && mtimeMs !== source.mtimeMs && source.position > 0) {
    source.touched = true;
    source.checked = false;
  }
  if (ours !== source.size) {
    segment.changedAt = now;
    source.changedAt = now;
    source.size = ours;
    source.checked = false;
    source.settled = false;
  }
  source.blocked = false;
  source.mtimeMs = mtimeMs;
  if (unread(source) > 0) source.unreadSince ??= now;
  else source.unreadSince = undefined;
};

export interface ReadRule {
  readonly packBytes: number;
  /** Milliseconds that bytes may wait for more to fill a pack. */
  readonly maxDelay: number;
  /** Milliseconds without a change after which a file with a successor is taken to be over. */
  readonly quiet: number;
}

/** What to cut next; `rest`: a last line without newline too, because nothing more is to come in this file. */
export interface NextRead {
  readonly source: SourceState;
  readonly rest: boolean;
}

/**
 * The next source to cut from, or undefined when more bytes or the end must come first. Files are read one after the other. `seenAt`
 * is when the files were last looked at.
 */
export const nextRead = (
  segment: TrackedSegment,
  rule: ReadRule,
  now: number,
  seenAt = now,
): NextRead | undefined => {
  for (const [n, source] of segment.sources.entries()) {
    const waiting = unread(source);
    if (waiting === 0) continue;
    if (source.blocked) return undefined;
    const hasSuccessor = n < segment.sources.length - 1;
    const rest = source.stop !== undefined || (hasSuccessor && seenAt - source.changedAt >= rule.quiet);
    if (rest) return { source, rest };
    if (source.unlinedSize === source.size) return undefined;
    const due = source.unreadSince !== undefined && now - source.unreadSince >= rule.maxDelay;
    return waiting >= rule.packBytes || due || hasSuccessor ? { source, rest } : undefined;
  }
  return undefined;
};

/** When what waits in the segment is to be cut though no more comes, in monotonic time; undefined where nothing waits for that. */
export const dueAt = ({ sources }: TrackedSegment, { maxDelay }: ReadRule): number | undefined => {
  const source = sources.find((one) => unread(one) > 0);
  if (source?.unreadSince === undefined || source.blocked || source.unlinedSize === source.size)
    return undefined;
  return source.unreadSince + maxDelay;
};

/** True when all is cut except perhaps a last line without newline. */
export const isReadToTheEnd = ({ sources, unopened }: TrackedSegment): boolean =>
  unopened.size === 0 &&
  sources.every((source) => unread(source) === 0 || (source.unlinedSize === source.size && !source.blocked));

/** The source that holds a last line without newline, of a segment that is read to the end. */
export const unfinished = ({ sources }: TrackedSegment): SourceState | undefined =>
  sources.find((source) => unread(source) > 0);
