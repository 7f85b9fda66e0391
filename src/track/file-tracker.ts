/**
 * The tracker of a stream: which segments there are, and which files belong to them, told from scans of the directory.
 *
 * Each scan brings what it sees into the segments: new files, grown files, files that were replaced, cut short or moved; hours
 * without a file between hours that have one; lines that came after the end of their hour.
 */
import type { LogdError } from '../error.ts';
import type { Hours } from '../pack/hour.ts';
import type { SourceFile } from '../tail/discover.ts';
import { withoutSecondNames } from '../tail/second-names.ts';
import { isSourceError, openSource } from '../tail/source.ts';
import type { Clock } from '../telemetry/clock.ts';
import type { Emit } from '../telemetry/events.ts';
import { absentFiles } from './absent-files.ts';
import { hourByName } from './hour-by-name.ts';
import { createKnownFiles, type OnLost } from './known-files.ts';
import { endOfLastLine } from './repeated-hour.ts';
import type { Marks } from '../marks/marks.ts';
import { movedFiles } from './moved-files.ts';
import { observe, type TrackedSegment } from './segment.ts';
import { type Beginning, openSegments, type Segments } from './segments.ts';
import type { SourceFiles } from './source-files.ts';

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
  readonly onLost: OnLost;
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

/** Nothing to take in: the file of an ended segment, as it was. There may be very many. */
const isSettled = (segment: TrackedSegment | undefined, file: SourceFile): boolean => {
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

/** Where a stream begins: the first scan ever of it decides, later ones keep to it. */
const beginningOf = async (
  start: FileTrackerOptions['start'],
  found: readonly SourceFile[],
): Promise<Beginning> => {
  const newest = found.at(-1);
  if (start !== 'end' || newest === undefined)
    return { firstLabel: start === 'beginning' || start === 'end' ? '' : start, files: [] };
  const files: { file: SourceFile; position: number }[] = [];
  for (const file of found.filter(({ label }) => label === newest.label)) {
    await using open = await openSource(file.path);
    files.push({ file, position: await endOfLastLine(open, 0, file.size) });
  }
  return { firstLabel: newest.label, files };
};

/** Reads the marks of the stream. */
export const openFileTracker = async (options: FileTrackerOptions): Promise<FileTracker> => {
  const { hours, marks, files, clock, emit, signal, onUnreadable } = options;
  const segments = await openSegments(options);
  const moved = movedFiles({ marks, files, signal });
  const rule = hourByName({ hours, clock, emit });
  const warned = new Set<string>();

  const known = createKnownFiles({ ...options, segments, moved });

  /** A file that has gone over to its later hour: what it holds up to the stop is the first's, the rest the later one's. */
  const takeSplit = async (
    first: TrackedSegment | undefined,
    later: TrackedSegment,
    file: SourceFile,
  ): Promise<void> => {
    const begun = first?.sources.findLast(({ path }) => path === file.path);
    if (first !== undefined && begun !== undefined && (begun.stop ?? 0) > begun.position) {
      if (await known.takeShrunk(first, begun, file)) {
        begun.stop = begun.position;
        await marks.write('changeSource', begun);
      }
      await known.look(first, begun, file);
    }
    await known.take(later, file);
  };

  const takeByRule = async (file: SourceFile, firstHour: string): Promise<void> => {
    const first = segments.get(firstHour);
    const laterHour = rule.laterHour(file);
    const later = laterHour === undefined ? undefined : segments.get(laterHour);
    if (later?.sources.some(({ path }) => path === file.path)) return takeSplit(first, later, file);
    const begun = first?.sources.findLast(({ path }) => path === file.path);
    const placement = rule.place(file, begun !== undefined && begun.position > 0);
    const segment = await segments.need(placement.hour);
    await known.take(segment, file);
    if (!('later' in placement)) return;
    const source = segment.sources.findLast(({ path }) => path === file.path);
    if (source === undefined) return;
    const stop = await files.read(source, (open) => placement.stopOf(open, source.position));
    const next = await segments.need(placement.later);
    const rest = await segments.succeed(source, stop, next, file, stop);
    observe(segment, source, file, clock.monotonic());
    await known.look(next, rest, file);
  };

  const takeOne = async (file: SourceFile): Promise<void> => {
    const { path } = file;
    if (file.label < (segments.firstLabel() ?? '')) return;
    const hour = rule.firstHour(file);
    if (segments.isAhead(hour) && !warned.has(`${path} ${hour}`)) {
      warned.add(`${path} ${hour}`);
      emit('tail.hour-ahead', { path, hour });
    }
    const segment = segments.get(hour);
    try {
      await takeByRule(file, hour);
      segment?.unopened.delete(path);
    } catch (error) {
      if (!isSourceError(error)) throw error;
      (await segments.need(hour)).unopened.set(path, file);
      onUnreadable(path, error);
    }
  };

  const takeAbsent = absentFiles({ segments, marks, files, clock, lose: known.lose, onUnreadable });

  /** Files of different hours side by side, so that their rows share transactions; those of one hour in their order. */
  const takeAll = async (found: readonly SourceFile[]): Promise<void> => {
    const unsettled = found.filter((file) => !isSettled(segments.get(file.label), file));
    const hoursToTake = Map.groupBy(unsettled, ({ label }) => label).values();
    const takeHours = async (): Promise<void> => {
      for (const ofOneHour of hoursToTake) for (const file of ofOneHour) await takeOne(file);
    };
    await Promise.all(Array.from({ length: HOURS_AT_ONCE }, takeHours));
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
          await segments.begin(await beginningOf(options.start, found));
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
