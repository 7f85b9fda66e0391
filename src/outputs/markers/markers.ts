/**
 * The output that writes marker files when hours and days are sealed: every sink has it.
 *
 *   sealed ─▶ deliver: create the hour's marker, and the day's where all its hours are sealed
 *                           then the stream's, where every host that must have it has it sealed
 *   late lines ─▶ withdraw: remove all of them, before the first late line is stored
 *
 * Invariant: while a segment is not sealed in the ledger it has no marker. Whoever reopens an hour changes the ledger first and
 * calls withdraw then; deliver and withdraw of one segment exclude each other, and deliver asks the ledger first.
 */
import type { z } from 'zod';
import { section } from '../../config/option.ts';
import type { DayRecord } from '../../ledger/ledger.ts';
import { absentHours, type ExpectRules } from '../../ledger/expected-set.ts';
import { hourStanding, isAllSealed, isWhole as isWholeHour } from '../../ledger/hour-standing.ts';
import { shared } from '../../disk/sync.ts';
import { isTaken } from '../../ledger/retention.ts';
import { type SegmentKey, segmentName } from '../../pack/pack.ts';
import { type Counts, type HourItem, isCompleteDay, type LedgerView, type Output } from '../output.ts';
import type { OutputDeps, OutputKind } from '../output.ts';
import { type Marker, type MarkerFiles, openMarkerFiles, type StreamHour } from './marker-files.ts';

/** Whether the ledger backs a marker file that is there. One that it does not, when it is older than the files, would start a job. */
export const isBacked = async (
  ledger: LedgerView,
  { lines, host, stream, hour }: Marker,
  absent: ReadonlySet<string>,
): Promise<boolean> => {
  if (host === undefined) return !absent.has(`${stream}/${hour}`) && isAllSealed(ledger, { stream, hour });
  const key = { host, stream, hour };
  if (lines === undefined) {
    return (await ledger.days({ host, stream, day: hour })).some(isCompleteDay);
  }
  const segment = await ledger.segment(key);
  return segment?.state === 'sealed' && segment.lines === lines && !isTaken(segment);
};

/** A host and stream may have both, days of hours and segments of a whole day, when its files were once named otherwise. */
const completeDay = async (
  ledger: LedgerView,
  { host, stream, hour }: SegmentKey,
): Promise<DayRecord | undefined> => {
  const daily = hour.length === 8;
  const days = await ledger.days({ host, stream, day: hour.slice(0, 8) });
  return days.find((day) => isCompleteDay(day) && (day.hours === 1) === daily);
};

interface StreamMarkers {
  /** Writes the marker of an hour or day, where that is sealed for every host that must have it; else takes it away. */
  ofStream(hour: StreamHour): Promise<void>;
}

/** One job at a time for each segment. */
const oneAtATime = (): (<T>(key: SegmentKey, job: () => Promise<T>) => Promise<T>) => {
  const tails = new Map<string, Promise<unknown>>();
  return async (key, job) => {
    const name = segmentName(key);
    const before = tails.get(name) ?? Promise.resolve();
    const result = before.then(job, job);
    tails.set(name, result);
    try {
      return await result;
    } finally {
      if (tails.get(name) === result) tails.delete(name);
    }
  };
};

/** Writes the marker of all hosts of an hour or day where it is due, and takes it away again where that has changed meanwhile. True where it is there. */
const writeStream = async (
  files: MarkerFiles,
  isWhole: (hour: StreamHour) => Promise<boolean>,
  hour: StreamHour,
): Promise<boolean> => {
  const isThere = (await isWhole(hour)) && (await files.stream(hour, true), await isWhole(hour));
  if (!isThere) await files.stream(hour, false);
  return isThere;
};

/** Hours of a stream that are known to have their marker. */
const MOST_KNOWN = 1_000;

interface StreamWriter extends StreamMarkers {
  /** A segment of that hour is open again: its markers are about to be removed. */
  forget(hour: StreamHour): void;
}

/**
 * Hosts end an hour together, and whether all of them have it takes long to find out: one look answers for all that wait, and none is needed
 * after the marker was written, until something of the hour is open again.
 */
const streamWriter = (files: MarkerFiles, isWhole: (hour: StreamHour) => Promise<boolean>): StreamWriter => {
  const known = new Set<string>();
  const writers = new Map<string, { readonly write: () => Promise<void>; users: number }>();
  /** Counts what was forgotten: a look that was under way meanwhile says nothing. */
  let round = 0;
  const nameOf = ({ stream, hour }: StreamHour): string => `${stream}/${hour}`;
  const write = async (hour: StreamHour): Promise<void> => {
    const began = round;
    if (!(await writeStream(files, isWhole, hour)) || began !== round) return;
    if (known.size >= MOST_KNOWN) known.clear();
    known.add(nameOf(hour));
  };
  return {
    async ofStream(hour) {
      const name = nameOf(hour);
      if (known.has(name)) return;
      const one = writers.get(name) ?? { write: shared(() => write(hour)), users: 0 };
      writers.set(name, one);
      one.users++;
      try {
        await one.write();
      } finally {
        if (--one.users === 0) writers.delete(name);
      }
    },
    forget(hour) {
      round++;
      known.delete(nameOf(hour));
    },
  };
};

const writeMarkers = async (
  files: MarkerFiles,
  { ledger, emit, ofStream }: Pick<OutputDeps, 'ledger' | 'emit'> & StreamMarkers,
  { key, seal }: HourItem,
): Promise<void> => {
  const segment = await ledger.segment(key);
  if (segment?.state !== 'sealed' || segment.generation !== seal.generation || isTaken(segment)) return;
  const complete = await completeDay(ledger, key);
  await files.sealed(seal, complete !== undefined);
  // Another hour of the day may be reopened at any time: one of us sees the other.
  const still = complete && (await completeDay(ledger, key));
  if (complete !== undefined && still === undefined) {
    await files.reopened(key);
    await files.sealed(seal, false);
  }
  await ofStream({ stream: key.stream, hour: key.hour });
  if (still !== undefined && key.hour.length > 8) await ofStream({ stream: key.stream, hour: still.day });
  if (still !== undefined)
    emit('seal.day-complete', {
      ...{ host: still.host, stream: still.stream, day: still.day },
      hours: still.hours,
    });
};

/** The output over these files. Those that the ledger does not back are removed first. */
export const openMarkers = async (
  files: MarkerFiles,
  deps: OutputDeps,
  rules: ExpectRules,
): Promise<Output> => {
  const { ledger, clock } = deps;
  // Who is absent takes long to find out: only once all that is there is sealed.
  const isWhole = async (hour: StreamHour): Promise<boolean> =>
    (await isAllSealed(ledger, hour)) && isWholeHour(await hourStanding(ledger, hour, rules, clock.now()));
  const absent = await absentHours(ledger, {}, rules, clock.now());
  const missing = new Set(
    absent.flatMap(({ stream, hour }) => [hour, hour.slice(0, 8)].map((of) => `${stream}/${of}`)),
  );
  const { files: removed, examples } = await files.keepOnly((marker) => isBacked(ledger, marker, missing));
  if (removed > 0) deps.emit('seal.markers-removed', { files: removed, examples: examples.join(', ') });
  const exclusive = oneAtATime();
  const streams = streamWriter(files, isWhole);
  return {
    async deliver(item): Promise<Counts> {
      if (item.unit === 'hour')
        await exclusive(item.key, () => writeMarkers(files, { ...deps, ofStream: streams.ofStream }, item));
      return { delivered: item.lines, dropped: 0, rejected: 0 };
    },
    expired: (segment) =>
      exclusive(segment, async () => {
        const { stream, hour, lines } = segment;
        await files.expired(segment, lines);
        for (const each of [hour, hour.slice(0, 8)]) streams.forget({ stream, hour: each });
      }),
    withdraw: (key) =>
      exclusive(key, async () => {
        await files.reopened(key);
        for (const hour of [key.hour, key.hour.slice(0, 8)]) streams.forget({ stream: key.stream, hour });
      }),
    status: () => ({ state: 'running' }),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
};

const schema = section('Marker files.', {}) as z.ZodObject;
const NO_RULES: ExpectRules = { within: 0 };

/** What every sink has, configured as `sink.markers`. */
export const markersKind: OutputKind & { readonly unit: 'hour' } = {
  kind: 'markers',
  summary: 'Empty files that tell scripts which hours and days are complete.',
  unit: 'hour',
  schema,
  open: async (options, deps) =>
    openMarkers(
      await openMarkerFiles(String(options['dir'])),
      deps,
      (options['expected'] ?? NO_RULES) as ExpectRules,
    ),
};
