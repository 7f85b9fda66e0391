/**
 * The tracker of a stream: which segments there are, and which files belong to them, told from scans of the directory.
 *
 * Each scan brings what it sees into the segments: new files, grown files, files that were replaced, cut short or moved; hours
 * without a file between hours that have one; lines that came after the end of their hour.
 */
import type { LogdError } from '../error.ts';
import type { Hours } from '../pack/hour.ts';
import type { SourceFile } from '../tail/discover.ts';
import { LEAST_RESERVED, reservedFrom } from '../tail/reserved-room.ts';
import { withoutSecondNames } from '../tail/second-names.ts';
import { isSourceError, openSource } from '../tail/source.ts';
import type { Clock } from '../telemetry/clock.ts';
import type { Emit } from '../telemetry/events.ts';
import { absentFiles } from './absent-files.ts';
import { endOfLastLine, occurrenceOf } from './repeated-hour.ts';
import type { Marks } from '../marks/marks.ts';
import { movedFiles } from './moved-files.ts';
import { rehashSegment } from './rehash.ts';
import { isScanned, observe, type TrackedSegment, type SourceState, unread } from './segment.ts';
import { openSegments, type Segments } from './segments.ts';
import type { SourceFiles } from './source-files.ts';

/** A file that was looked at so lately was watched when the clock was set back. */
const WATCHED_MS = 60_000;
/** Hours taken in side by side: a backlog of thousands would otherwise wait for a sync each. */
const HOURS_AT_ONCE = 16;

export interface FileTrackerOptions {
  readonly host: string;
  readonly stream: string;
  readonly hours: Hours;
  readonly start: 'beginning' | 'end' | (string & {});
  readonly marks: Marks;
  readonly files: SourceFiles;
  readonly clock: Clock;
  readonly emit: Emit;
  /** Ends what takes long. */
  readonly signal: AbortSignal;
  /** Bytes that were never read are gone. */
  readonly onLost: (
    segment: TrackedSegment,
    path: string,
    reason: 'source-truncated' | 'source-vanished',
    bytes: number,
  ) => Promise<void>;
  /** A file is there and cannot be read now; it is tried again at every scan. */
  readonly onUnreadable: (path: string, error: LogdError) => void;
}

export interface FileTracker extends Pick<Segments, 'get' | 'open' | 'unacked'> {
  /** True when a segment behind this label has a file. */
  hasLater(hour: string): boolean;
  /** The label before which nothing can change unless a full scan finds it. */
  activeFrom(): string | undefined;
  /** Takes in what a scan has found. `full`: everything was looked at. */
  take(found: readonly SourceFile[], full: boolean): Promise<void>;
}

const isSameFile = (a: { dev: string; ino: string }, b: { dev: string; ino: string }): boolean =>
  a.dev === b.dev && a.ino === b.ino;

/** Reads the marks of the stream. */
export const openFileTracker = async (options: FileTrackerOptions): Promise<FileTracker> => {
  const { hours, marks, files, clock, emit, signal, onUnreadable } = options;
  const segments = await openSegments(options);
  const moved = movedFiles({ marks, files, signal });
  const watchedAt = new Map<string, number>();
  const warned = new Set<string>();

  const lose = async (
    segment: TrackedSegment,
    path: string,
    reason: 'source-truncated' | 'source-vanished',
    bytes: number,
  ): Promise<void> => {
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

  /** True when the file is the source that had its inode or its name: grown, moved, or copied in its place. */
  const isStill = async (
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

  /** What was seen of the source is there no more. Returns true when all of it is gone, and the file has begun anew. */
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

  /** Where a file that is shorter than what was cut of it has begun anew: where it ends, when its beginning is still there. */
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

  /** All of a file is shipped though one of its name was, when its hour ended: for that one, perhaps written anew by an editor. */
  const sayReplaced = (segment: TrackedSegment, { path, position }: SourceState): void => {
    if (segment.ended && position > 0) emit('tail.replaced', { path, hour: segment.hour });
  };

  /** Brings one file of a segment up to date: known, moved, cut short, replaced or new. */
  const takeFile = async (segment: TrackedSegment, file: SourceFile): Promise<void> => {
    const before =
      segment.sources.findLast((source) => isSameFile(source, file)) ??
      segment.sources.findLast(({ path }) => path === file.path);
    const known = before === undefined ? await moved.from(segment, file) : before;
    if (known === undefined || (before !== undefined && !(await isStill(segment, before, file)))) {
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
    // It was seen while it was being written anew: emptied, and not filled yet.
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

  /** The file of a repeated hour once it is split: what it holds up to the stop is the first's, the rest the second's. */
  const takeSplit = async (
    first: TrackedSegment | undefined,
    second: TrackedSegment,
    file: SourceFile,
  ): Promise<void> => {
    const begun = first?.sources.findLast(({ path }) => path === file.path);
    if (first !== undefined && begun !== undefined && (begun.stop ?? 0) > begun.position) {
      if (await takeShrunk(first, begun, file)) {
        begun.stop = begun.position;
        await marks.write('changeSource', begun);
      }
      await look(first, begun, file);
    }
    await takeFile(second, file);
  };

  const takeRepeated = async (file: SourceFile, secondLabel: string): Promise<void> => {
    const secondStart = hours.startOf(secondLabel) ?? Number.MAX_SAFE_INTEGER;
    const first = segments.get(file.label);
    const begun = first?.sources.findLast(({ path }) => path === file.path);
    const second = segments.get(secondLabel);
    if (second?.sources.some(({ path }) => path === file.path)) return takeSplit(first, second, file);
    const now = clock.now();
    const watched = now - (watchedAt.get(file.path) ?? -Infinity) < WATCHED_MS;
    const answer = occurrenceOf({
      ...{ secondStart, now, watched, birthtimeMs: file.birthtimeMs, mtimeMs: file.mtimeMs },
      begun: begun !== undefined && begun.position > 0,
    });
    if (now < secondStart) watchedAt.set(file.path, now);
    if (answer === 'second') return takeFile(await segments.need(secondLabel), file);
    if (answer === 'unknown' && !warned.has(file.path)) {
      warned.add(file.path);
      emit('tail.hour-repeated', { path: file.path, hour: file.label });
    }
    const segment = await segments.need(file.label);
    await takeFile(segment, file);
    const source = segment.sources.findLast(({ path }) => path === file.path);
    if (answer !== 'split' || source === undefined) return;
    // A line that is just being written is not torn; in a file that nobody has written to since, nothing is to come.
    const stop = watched
      ? await files.read(source, (open) => endOfLastLine(open, source.position, file.size))
      : file.size;
    const later = await segments.need(secondLabel);
    const rest = await segments.succeed(source, stop, later, file, stop);
    observe(segment, source, file, clock.monotonic());
    await look(later, rest, file);
  };

  const takeOne = async (file: SourceFile): Promise<void> => {
    if (file.label < (segments.firstLabel() ?? '')) return;
    if (!file.exists && !warned.has(file.path)) {
      warned.add(file.path);
      emit('tail.hour-missing', { path: file.path, hour: file.label, zone: hours.zone });
    }
    const { path, label: hour } = file;
    if (segments.isAhead(hour) && !warned.has(`${path} ${hour}`)) {
      warned.add(`${path} ${hour}`);
      emit('tail.hour-ahead', { path, hour });
    }
    const segment = segments.get(file.label);
    try {
      if (file.repeated !== undefined) await takeRepeated(file, file.repeated);
      else await takeFile(segment ?? (await segments.need(file.label)), file);
      segment?.unopened.delete(file.path);
    } catch (error) {
      if (!isSourceError(error)) throw error;
      (await segments.need(file.label)).unopened.set(file.path, file);
      onUnreadable(file.path, error);
    }
  };

  /** Nothing to take in: the file of an ended segment, as it was. There may be very many. */
  const isSettled = (file: SourceFile): boolean => {
    const segment = segments.get(file.label);
    const source = segment?.sources[0];
    return (
      file.repeated === undefined &&
      segment?.ended === true &&
      segment.unopened.size === 0 &&
      segment.sources.length === 1 &&
      source?.path === file.path &&
      source.ino === file.ino &&
      source.position === file.size
    );
  };

  const takeAbsent = absentFiles({ segments, marks, files, clock, lose, onUnreadable });

  /** Files of different hours side by side, so that their rows share transactions; those of one hour in their order. */
  const takeAll = async (found: readonly SourceFile[]): Promise<void> => {
    const unsettled = found.filter((file) => !isSettled(file));
    const hoursToTake = Map.groupBy(unsettled, ({ label }) => label).values();
    const takeHours = async (): Promise<void> => {
      for (const ofOneHour of hoursToTake) for (const file of ofOneHour) await takeOne(file);
    };
    await Promise.all(Array.from({ length: HOURS_AT_ONCE }, takeHours));
  };

  /** The first scan ever of a stream decides where it begins; later ones keep to it. */
  const begin = async (found: readonly SourceFile[]): Promise<void> => {
    const newest = found.at(-1);
    if (options.start !== 'end' || newest === undefined)
      return segments.begin({
        firstLabel: options.start === 'beginning' || options.start === 'end' ? '' : options.start,
        files: [],
      });
    const starts: { file: SourceFile; position: number }[] = [];
    for (const file of found.filter(({ label }) => label === newest.label)) {
      await using open = await openSource(file.path);
      starts.push({ file, position: await endOfLastLine(open, 0, file.size) });
    }
    await segments.begin({ firstLabel: newest.label, files: starts });
  };

  return {
    get: (hour) => segments.get(hour),
    open: () => segments.open(),
    unacked: () => segments.unacked(),
    hasLater: (hour) => hour < segments.latestWithFile(),
    activeFrom: () => (segments.open()[0]?.hour ?? (segments.latestWithFile() || undefined))?.slice(0, 10),
    async take(all, full) {
      const found = withoutSecondNames(all, ({ label }) => label);
      if (segments.firstLabel() === undefined) {
        try {
          await begin(found);
        } catch (error) {
          if (!isSourceError(error)) throw error;
          return onUnreadable(found.at(-1)?.path ?? '', error);
        }
      }
      moved.note(found);
      await takeAll(found);
      await takeAbsent(found);
      await segments.fillEmptyHours();
      if (!full) return;
      const there = new Set(all.map(({ path }) => path));
      await segments.forgetOld((path) => there.has(path));
    },
  };
};
