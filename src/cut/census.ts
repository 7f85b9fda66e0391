/**
 * The census of a stream: which segments there are, and which files belong to them, told from scans of the directory.
 *
 * Each scan brings what it sees into the segments: new files, grown files, files that were replaced, cut short or moved; hours
 * without a file between hours that have one; lines that came after the end of their hour.
 */
import { messageOf } from '../error.ts';
import { EMPTY_SHA256 } from '../pack/digest.ts';
import { type Hours, isDayLabel } from '../pack/hour.ts';
import type { SourceFile } from '../tail/discover.ts';
import { openSource } from '../tail/source.ts';
import type { Clock } from '../telemetry/clock.ts';
import type { Emit } from '../telemetry/events.ts';
import { endOfLastLine, foldOf } from './fold.ts';
import type { Marks } from './marks.ts';
import {
  observe,
  type SegmentState,
  segmentState,
  type SourceState,
  sourceState,
  unread,
} from './segment.ts';
import type { SourceFiles } from './source-files.ts';

/** Between two hours with files that are further apart, no empty hours are made up: a leftover file of last year is no proof. */
const MOST_EMPTY = 31 * 24;

/** A file that was looked at so lately was watched when the clock was set back. */
const WATCHED_MS = 60_000;

export interface CensusOptions {
  readonly host: string;
  readonly stream: string;
  readonly hours: Hours;
  readonly start: 'beginning' | 'end' | (string & {});
  readonly marks: Marks;
  readonly files: SourceFiles;
  readonly clock: Clock;
  readonly emit: Emit;
  /** Bytes that were never read are gone. */
  readonly onLost: (
    segment: SegmentState,
    path: string,
    reason: 'source-truncated' | 'source-vanished',
    bytes: number,
  ) => Promise<void>;
}

export interface Census {
  /** All segments, by label, that are not ended. */
  open(): SegmentState[];
  get(hour: string): SegmentState | undefined;
  /** True when a segment behind this label has a file. */
  hasLater(hour: string): boolean;
  /** The label before which nothing can change unless a full scan finds it. */
  activeFrom(): string | undefined;
  /** Takes in what a scan has found. */
  take(found: readonly SourceFile[]): Promise<void>;
}

/** Reads the marks of the stream. */
export const openCensus = async (options: CensusOptions): Promise<Census> => {
  const { host, stream, hours, marks, files, clock, emit } = options;
  const segments = new Map<string, SegmentState>();
  const unended = new Set<SegmentState>();
  const watchedAt = new Map<string, number>();
  const warned = new Set<string>();
  let latestWithFile = '';
  let firstLabel = await marks.read('firstLabel', stream);

  for (const row of await marks.read('segments', stream)) {
    const segment = segmentState(row, clock.monotonic());
    segments.set(row.hour, segment);
    if (!row.ended) unended.add(segment);
    if (row.sources.length > 0 && row.hour > latestWithFile) latestWithFile = row.hour;
  }

  const segmentOf = async (hour: string): Promise<SegmentState> => {
    const known = segments.get(hour);
    if (known !== undefined) return known;
    const id = await marks.write('addSegment', stream, hour, EMPTY_SHA256);
    const empty = {
      packs: 0,
      lines: 0,
      bytes: 0,
      sha256: EMPTY_SHA256,
      ended: false,
      unacked: 0,
      sources: [],
    };
    const segment = segmentState({ id, hour, generation: 1, ...empty }, clock.monotonic());
    segments.set(hour, segment);
    unended.add(segment);
    return segment;
  };

  const addSource = async (
    segment: SegmentState,
    file: SourceFile,
    position: number,
    stop: number | undefined,
  ): Promise<SourceState | undefined> => {
    const fingerprint = await files.fingerprintAt(file.path, file);
    if (fingerprint === undefined) return undefined;
    const row = { path: file.path, dev: file.dev, ino: file.ino, fingerprint, position, stop };
    const id = await marks.write('addSource', segment.id, row);
    const source = sourceState({ id, ...row }, file.mtimeMs, clock.monotonic());
    segment.sources.push(source);
    await files.keep(source);
    if (segment.hour > latestWithFile) latestWithFile = segment.hour;
    emit('tail.found', { path: file.path, stream, hour: segment.hour });
    return source;
  };

  const reopen = (segment: SegmentState): void => {
    segment.ended = false;
    unended.add(segment);
    segment.generation++;
    segment.changedAt = clock.monotonic();
    emit('cut.late', { host, stream, hour: segment.hour, generation: segment.generation });
  };

  /** Brings one file of a segment up to date: known, moved, cut short, replaced or new. */
  const takeFile = async (
    segment: SegmentState,
    file: SourceFile,
    position: number,
  ): Promise<SourceState | undefined> => {
    const source = segment.sources.findLast(
      ({ path, dev, ino }) => path === file.path || (dev === file.dev && ino === file.ino),
    );
    const isSame = source?.dev === file.dev && source.ino === file.ino;
    const known =
      source !== undefined &&
      (isSame || (file.size >= source.position && (await files.beginsLike(file.path, source)))) &&
      (!segment.ended || file.size <= source.size || (await files.beginsLike(file.path, source)))
        ? source
        : undefined;
    if (known === undefined) {
      if (segment.ended && file.size <= position) return undefined;
      const added = await addSource(segment, file, position, undefined);
      if (added !== undefined && segment.ended) reopen(segment);
      return added;
    }
    if (file.size < known.position && known.stop === undefined) {
      const lost = unread(known);
      if (lost > 0) await options.onLost(segment, file.path, 'source-truncated', lost);
      known.stop = known.position;
      await marks.write('changeSource', known);
      if (segment.ended) reopen(segment);
      return addSource(segment, file, 0, undefined);
    }
    if (!isSame || known.path !== file.path) {
      Object.assign(known, { path: file.path, dev: file.dev, ino: file.ino });
      await marks.write('changeSource', known);
      await files.keep(known);
    }
    return known;
  };

  const look = (segment: SegmentState, source: SourceState, file: SourceFile): void => {
    observe(segment, source, file, clock.monotonic());
    if (segment.ended && unread(source) > 0) reopen(segment);
  };

  const takeRepeated = async (file: SourceFile, second: string): Promise<void> => {
    const secondStart = hours.startOf(second) ?? Number.MAX_SAFE_INTEGER;
    const first = segments.get(file.label);
    const begun = first?.sources.find(({ path }) => path === file.path);
    const split = segments.get(second)?.sources.find(({ path }) => path === file.path);
    const answer =
      split !== undefined
        ? 'second'
        : foldOf({
            secondStart,
            now: clock.now(),
            birthtimeMs: file.birthtimeMs,
            mtimeMs: file.mtimeMs,
            watched: clock.now() - (watchedAt.get(file.path) ?? -Infinity) < WATCHED_MS,
            begun: begun !== undefined && begun.position > 0,
          });
    if (clock.now() < secondStart) watchedAt.set(file.path, clock.now());
    if (answer === 'second') {
      if (first !== undefined && begun !== undefined) look(first, begun, file);
      const segment = await segmentOf(second);
      const source = split ?? (await takeFile(segment, file, 0));
      if (source !== undefined) look(segment, source, file);
      return;
    }
    if (answer === 'unknown' && !warned.has(file.path)) {
      warned.add(file.path);
      emit('tail.hour-repeated', { path: file.path, hour: file.label });
    }
    const segment = await segmentOf(file.label);
    const source = await takeFile(segment, file, 0);
    if (source === undefined) return;
    look(segment, source, file);
    if (answer !== 'split') return;
    const isOver = file.mtimeMs < secondStart;
    source.stop = isOver
      ? file.size
      : await endOfLastLine(await files.open(source), source.position, file.size);
    await marks.write('changeSource', source);
    const later = await segmentOf(second);
    const rest = await addSource(later, file, source.stop, undefined);
    if (rest !== undefined) look(later, rest, file);
  };

  const takeOne = async (file: SourceFile): Promise<void> => {
    if (firstLabel !== undefined && file.label < firstLabel) return;
    if (!file.exists && !warned.has(file.path)) {
      warned.add(file.path);
      emit('tail.hour-missing', { path: file.path, hour: file.label, zone: hours.zone });
    }
    if (file.repeated !== undefined) return takeRepeated(file, file.repeated);
    const segment = await segmentOf(file.label);
    const source = await takeFile(segment, file, 0);
    if (source !== undefined) look(segment, source, file);
  };

  /** Nothing to take in: the file of an ended segment, as it was. There may be very many. */
  const isSettled = (file: SourceFile): boolean => {
    const segment = segments.get(file.label);
    const source = segment?.sources[0];
    return (
      file.repeated === undefined &&
      segment?.ended === true &&
      segment.sources.length === 1 &&
      source?.path === file.path &&
      source.ino === file.ino &&
      source.position === file.size
    );
  };

  /** Deleted files are not in a scan; what is unread in them is read through their link. */
  const takeVanished = async (found: readonly SourceFile[]): Promise<void> => {
    const opened = open();
    const oldest = opened[0]?.hour.slice(0, 10) ?? '';
    const there = new Set(found.filter(({ label }) => label >= oldest).map(({ path }) => path));
    for (const segment of opened)
      for (const source of segment.sources) {
        if (there.has(source.path) || (source.stop ?? Infinity) <= source.position) continue;
        try {
          const file = await files.open(source);
          observe(segment, source, await file.size(), clock.monotonic());
        } catch (error) {
          if (!(await files.isGone(source))) continue;
          await options.onLost(segment, source.path, 'source-vanished', unread(source));
          source.stop = source.position;
          await marks.write('changeSource', source);
          emit('tail.unreadable', { path: source.path, reason: messageOf(error) });
        }
      }
  };

  const fillEmptyHours = async (): Promise<void> => {
    const labels = [...segments.keys()].sort();
    for (const [n, label] of labels.entries()) {
      const next = labels[n + 1];
      if (next === undefined || isDayLabel(label) !== isDayLabel(next)) continue;
      const between = hours.labelsBetween(label, next, MOST_EMPTY + 1);
      if (between.length > MOST_EMPTY) continue;
      for (const hour of between) await segmentOf(hour);
    }
  };

  /** The first scan ever of a stream decides where it begins; later ones keep to it. */
  const begin = async (found: readonly SourceFile[]): Promise<void> => {
    const newest = found.at(-1);
    const atEnd = options.start === 'end' && newest !== undefined;
    firstLabel =
      options.start === 'beginning' || options.start === 'end' ? (atEnd ? newest.label : '') : options.start;
    await marks.write('begin', stream, firstLabel);
    if (!atEnd) return;
    for (const file of found.filter(({ label }) => label === newest.label)) {
      await using open = await openSource(file.path);
      await addSource(await segmentOf(file.label), file, await endOfLastLine(open, 0, file.size), undefined);
    }
  };

  const open = (): SegmentState[] => {
    for (const segment of unended) if (segment.ended) unended.delete(segment);
    return [...unended].sort((a, b) => (a.hour < b.hour ? -1 : 1));
  };

  return {
    open,
    get: (hour) => segments.get(hour),
    hasLater: (hour) => hour < latestWithFile,
    activeFrom: () =>
      open()[0]?.hour.slice(0, 10) ?? (latestWithFile === '' ? undefined : latestWithFile.slice(0, 10)),
    async take(found) {
      if (firstLabel === undefined) await begin(found);
      const before = segments.size;
      for (const file of found) if (!isSettled(file)) await takeOne(file);
      await takeVanished(found);
      if (segments.size !== before) await fillEmptyHours();
    },
  };
};
