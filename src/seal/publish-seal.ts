/** Marker files as the ledger says: of a seal, and of its day where that is complete. */
import type { DayRecord, Ledger, Seal } from '../ledger/ledger.ts';
import type { Marker, Markers } from './markers.ts';

/**
 * Writes the marker files of the newest seal of a sealed segment, and has the ledger remember it. Resolves with the day when it is
 * complete. Only while nothing else happens to the segment; other hours of its day may be reopened at any time.
 */
export const markSealed = async (
  ledger: Ledger,
  markers: Markers,
  seal: Seal,
): Promise<DayRecord | undefined> => {
  const complete = await completeDay(ledger, seal);
  await markers.sealed(seal, complete !== undefined);
  // Whoever reopens an hour changes the ledger first and takes the day's marker away then: one of us sees the other.
  const still = complete && (await completeDay(ledger, seal));
  if (complete !== undefined && still === undefined) {
    await markers.reopened(seal);
    await markers.sealed(seal, false);
  }
  await ledger.marked(seal, seal.generation);
  return still;
};

/** Whether the ledger backs a marker file that lies there. One that it does not, when it is older than the files, would start a job. */
export const isBacked = async (ledger: Ledger, { lines, ...key }: Marker): Promise<boolean> => {
  if (lines === undefined) {
    const { host, stream, hour: day } = key;
    return (await ledger.days({ host, stream, day })).some(isComplete);
  }
  const segment = await ledger.segment(key);
  return segment?.state === 'sealed' && segment.lines === lines;
};

const isComplete = ({ sealed, hours }: DayRecord): boolean => hours > 0 && sealed >= hours;

/** A host and stream may have both, days of hours and segments of a whole day, when its files were once named otherwise. */
const completeDay = async (ledger: Ledger, { host, stream, hour }: Seal): Promise<DayRecord | undefined> => {
  const daily = hour.length === 8;
  const days = await ledger.days({ host, stream, day: hour.slice(0, 8) });
  return days.find((day) => isComplete(day) && (day.hours === 1) === daily);
};
