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
  return segment?.state === 'sealed' && segment.lines === lines;
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

interface WholeHours {
  /** Whether an hour or day is sealed for every host that must have it. */
  isWhole(hour: StreamHour): Promise<boolean>;
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

/** Writes the marker of all hosts of an hour or day where it is due, and takes it away again where that has changed meanwhile. */
const writeStream = async (
  files: MarkerFiles,
  isWhole: (hour: StreamHour) => Promise<boolean>,
  hour: StreamHour,
): Promise<void> => {
  if (!(await isWhole(hour))) return files.stream(hour, false);
  await files.stream(hour, true);
  if (!(await isWhole(hour))) await files.stream(hour, false);
};

const writeMarkers = async (
  files: MarkerFiles,
  { ledger, emit, isWhole }: Pick<OutputDeps, 'ledger' | 'emit'> & WholeHours,
  { key, seal }: HourItem,
): Promise<void> => {
  const segment = await ledger.segment(key);
  if (segment?.state !== 'sealed' || segment.generation !== seal.generation) return;
  const complete = await completeDay(ledger, key);
  await files.sealed(seal, complete !== undefined);
  // Another hour of the day may be reopened at any time: one of us sees the other.
  const still = complete && (await completeDay(ledger, key));
  if (complete !== undefined && still === undefined) {
    await files.reopened(key);
    await files.sealed(seal, false);
  }
  await writeStream(files, isWhole, { stream: key.stream, hour: key.hour });
  if (still !== undefined && key.hour.length > 8)
    await writeStream(files, isWhole, { stream: key.stream, hour: still.day });
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
  return {
    async deliver(item): Promise<Counts> {
      if (item.unit === 'hour')
        await exclusive(item.key, () => writeMarkers(files, { ...deps, isWhole }, item));
      return { delivered: item.lines, dropped: 0, rejected: 0 };
    },
    withdraw: (key) => exclusive(key, () => files.reopened(key)),
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
