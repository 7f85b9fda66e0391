/**
 * The segments of a stream, as the marks have them: read at the start, added to, reopened, forgotten.
 */
import { LogdError } from '../error.ts';
import { EMPTY_SHA256 } from '../pack/digest.ts';
import { type Hours, isDayLabel } from '../pack/hour.ts';
import type { SourceFile } from '../tail/discover.ts';
import type { Clock } from '../telemetry/clock.ts';
import type { Emit } from '../telemetry/events.ts';
import type { NewSource, SegmentMarks, SourceMarks } from '../marks/cut.ts';
import type { Marks } from '../marks/marks.ts';
import { type TrackedSegment, segmentState, type SourceState, sourceState, unread } from './segment.ts';
import type { SourceFiles } from './source-files.ts';

/** Between two hours with files that are further apart, no empty hours are made up: a leftover file of last year is no proof. */
const MOST_EMPTY = 31 * 24;
/** A file whose hour begins later than this says nothing of the hours before it: a name, or the clock, is wrong. */
const AHEAD_MS = 24 * 3_600_000;
/** An hour without a file is empty when it has begun, by a clock that may be late by so much. */
const CLOCK_LATE_MS = 2 * 3_600_000;
/** Segments whose hour is older are forgotten, the oldest first, when they are acked and their files are gone. */
const REMEMBERED_MS = 35 * 24 * 3_600_000;

export interface SegmentsOptions {
  readonly host: string;
  readonly stream: string;
  readonly hours: Hours;
  readonly marks: Marks;
  readonly files: SourceFiles;
  readonly clock: Clock;
  readonly emit: Emit;
}

/** Where a stream begins: segments before the label are not ours to ship. */
export interface Beginning {
  readonly firstLabel: string;
  /** Files that are not read from their beginning. */
  readonly files: readonly { readonly file: SourceFile; readonly position: number }[];
}

export interface Segments {
  /** Undefined until the stream has begun. */
  firstLabel(): string | undefined;
  begin(beginning: Beginning): Promise<void>;
  get(hour: string): TrackedSegment | undefined;
  /** The segment, made where there is none. */
  need(hour: string): Promise<TrackedSegment>;
  /** All segments that are not ended, by label. */
  open(): readonly TrackedSegment[];
  /** All segments that have packs that are not acked, by label. */
  unacked(): TrackedSegment[];
  /** The last label that has a file, '' when none has. Files of hours that are far ahead do not count. */
  latestWithFile(): string;
  /** True for an hour that begins in more than a day. */
  isAhead(hour: string): boolean;
  /** A file joins a segment. Rejects with `source`, retryable, when it cannot be opened or has been replaced. */
  addSource(segment: TrackedSegment, file: SourceFile, position: number): Promise<SourceState>;
  /**
   * A source ends at `stop`, and the file is read on, from `position`, as a new source of `segment`: both or, after a
   * crash, neither. Rejects as `addSource` does.
   */
  succeed(
    source: SourceState,
    stop: number,
    segment: TrackedSegment,
    file: SourceFile,
    position: number,
  ): Promise<SourceState>;
  /** An ended segment has more bytes, or has lost some: they make a further generation. */
  reopen(segment: TrackedSegment): Promise<void>;
  /** Makes the hours without a file between hours that have one, once they have begun. */
  fillEmptyHours(): Promise<void>;
  /** Forgets what is over for good: `there` says which paths exist. */
  forgetOld(there: (path: string) => boolean): Promise<void>;
}

const isSettled = (segment: TrackedSegment): boolean => segment.ended && segment.unacked === 0;

const byLabel = (a: TrackedSegment, b: TrackedSegment): number => (a.hour < b.hour ? -1 : 1);

/** The segments that have not ended, in order of their labels. They leave by themselves when they have. */
const createUnended = () => {
  const unended = new Set<TrackedSegment>();
  /** Undefined when it must be made again. */
  let order: TrackedSegment[] | undefined;
  return {
    add(segment: TrackedSegment): void {
      unended.add(segment);
      order = undefined;
    },
    inOrder(): readonly TrackedSegment[] {
      for (const segment of unended)
        if (segment.ended) {
          unended.delete(segment);
          order = undefined;
        }
      return (order ??= [...unended].sort(byLabel));
    },
  };
};

/** The latest hour that has a file. One that is far ahead counts once it is not any more. */
const createLatest = (isAhead: (hour: string) => boolean) => {
  let latest = '';
  const ahead = new Set<string>();
  const note = (hour: string): void => {
    if (isAhead(hour)) ahead.add(hour);
    else if (hour > latest) latest = hour;
  };
  return {
    note,
    latest(): string {
      for (const hour of ahead)
        if (!isAhead(hour)) {
          ahead.delete(hour);
          note(hour);
        }
      return latest;
    },
  };
};

interface EmptyHoursFacts {
  readonly hours: Hours;
  readonly now: number;
  isAhead(hour: string): boolean;
}

/** The hours without a file between those of `labels` (sorted) that have begun; `wait`: there are more, which have not. */
const emptyHours = (
  labels: readonly string[],
  { hours, now, isAhead }: EmptyHoursFacts,
): { readonly empty: readonly string[]; readonly wait: boolean } => {
  const empty: string[] = [];
  let wait = false;
  for (const [n, label] of labels.entries()) {
    const next = labels[n + 1];
    if (next === undefined || isDayLabel(label) !== isDayLabel(next)) continue;
    const between = hours.labelsBetween(label, next, MOST_EMPTY + 1);
    if (between.length > MOST_EMPTY) continue;
    const firstLater = between.findIndex(
      (hour) => isAhead(next) || (hours.startOf(hour) ?? 0) > now + CLOCK_LATE_MS,
    );
    empty.push(...between.slice(0, firstLater < 0 ? between.length : firstLater));
    wait ||= firstLater >= 0;
  }
  return { empty, wait };
};

/** Reads the marks of the stream. */
export const openSegments = async (options: SegmentsOptions): Promise<Segments> => {
  const { host, stream, hours, marks, files, clock, emit } = options;
  const segments = new Map<string, TrackedSegment>();
  const unended = createUnended();
  /** How many segments there were when all empty hours had been made; -1 while some have not begun. */
  let filledTo = -1;
  let firstLabel = await marks.read('firstLabel', stream);

  const isAhead = (hour: string): boolean => (hours.startOf(hour) ?? 0) > clock.now() + AHEAD_MS;
  const withFile = createLatest(isAhead);

  const know = (row: SegmentMarks): TrackedSegment => {
    const segment = segmentState(row, clock.monotonic());
    segments.set(row.hour, segment);
    if (!row.ended) unended.add(segment);
    if (row.sources.length > 0) withFile.note(row.hour);
    return segment;
  };

  const load = async (): Promise<void> => {
    for (const row of await marks.read('segments', stream)) know(row);
    for (const segment of segments.values())
      if (!isSettled(segment))
        for (const source of segment.sources) {
          await files.keep(source);
          if (!segment.ended) emit('tail.found', { path: source.path, stream, hour: segment.hour });
        }
  };
  await load();

  const need = async (hour: string): Promise<TrackedSegment> => {
    const known = segments.get(hour);
    if (known !== undefined) return known;
    const id = await marks.write('addSegment', stream, hour, EMPTY_SHA256);
    const empty = { packs: 0, lines: 0, bytes: 0, sha256: EMPTY_SHA256, unacked: 0, sources: [] };
    return know({ id, hour, generation: 1, ended: false, ...empty });
  };

  const join = async (segment: TrackedSegment, row: SourceMarks, file: SourceFile): Promise<SourceState> => {
    const source = sourceState(row, file.mtimeMs, clock.monotonic());
    segment.sources.push(source);
    withFile.note(segment.hour);
    await files.keep(source);
    emit('tail.found', { path: file.path, stream, hour: segment.hour });
    return source;
  };

  const rowOf = async (file: SourceFile, position: number): Promise<NewSource> => {
    const fingerprint = await files.fingerprintAt(file.path, file);
    if (fingerprint === undefined)
      throw new LogdError('source', `${file.path} was deleted or replaced while it was looked at.`, {
        retryable: true,
      });
    return { path: file.path, dev: file.dev, ino: file.ino, fingerprint, position, stop: undefined };
  };

  return {
    firstLabel: () => firstLabel,
    async begin(beginning) {
      const starts: { hour: string; source: NewSource }[] = [];
      for (const { file, position } of beginning.files)
        starts.push({ hour: file.label, source: await rowOf(file, position) });
      await marks.write('begin', stream, beginning.firstLabel, EMPTY_SHA256, starts);
      firstLabel = beginning.firstLabel;
      await load();
    },
    get: (hour) => segments.get(hour),
    need,
    open: unended.inOrder,
    unacked: () => [...segments.values()].filter(({ unacked }) => unacked > 0).sort(byLabel),
    latestWithFile: withFile.latest,
    isAhead,
    async addSource(segment, file, position) {
      const row = await rowOf(file, position);
      const id = await marks.write('addSource', segment.id, row);
      return join(segment, { id, ...row }, file);
    },
    async succeed(source, stop, segment, file, position) {
      const row = await rowOf(file, position);
      const id = await marks.write('succeed', { ...source, stop }, segment.id, row);
      source.stop = stop;
      return join(segment, { id, ...row }, file);
    },
    async reopen(segment) {
      segment.ended = false;
      segment.generation++;
      segment.changedAt = clock.monotonic();
      unended.add(segment);
      emit('cut.late', { host, stream, hour: segment.hour, generation: segment.generation });
      for (const source of segment.sources) if (unread(source) > 0) await files.keep(source);
    },
    async fillEmptyHours() {
      if (segments.size === filledTo) return;
      const { empty, wait } = emptyHours([...segments.keys()].sort(), { hours, now: clock.now(), isAhead });
      for (const hour of empty) await need(hour);
      filledTo = wait ? -1 : segments.size;
    },
    async forgetOld(there) {
      const isOver = (segment: TrackedSegment): boolean =>
        isSettled(segment) &&
        clock.now() - (hours.endOf(segment.hour) ?? 0) > REMEMBERED_MS &&
        !segment.sources.some(({ path }) => there(path));
      // Only the oldest: a hole would be taken for hours without a file.
      const inOrder = [...segments.values()].sort(byLabel);
      const kept = inOrder.findIndex((segment) => !isOver(segment));
      const forgotten = inOrder.slice(0, kept < 0 ? inOrder.length : kept);
      if (forgotten.length === 0) return;
      await marks.write(
        'forget',
        forgotten.map(({ id }) => id),
      );
      for (const { hour } of forgotten) segments.delete(hour);
      filledTo = segments.size;
    },
  };
};
