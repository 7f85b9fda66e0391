/** Runs of pack ids: what is missing, what is chosen, what cannot be had. */
import type { IdRun } from '../ledger/repull.ts';

/** Beyond every id: a run up to here takes all that follows. */
export const ENDLESS = Number.MAX_SAFE_INTEGER;

const MOST_SHOWN = 10;

export const within = (runs: readonly IdRun[], id: number): boolean =>
  runs.some(({ from, to }) => id >= from && id <= to);

export const overlap = (one: IdRun, other: IdRun): boolean => one.from <= other.to && one.to >= other.from;

/** Ids, in any order, as runs. */
export const runsOf = (ids: Iterable<number>): IdRun[] => {
  const runs: { from: number; to: number }[] = [];
  for (const id of [...ids].toSorted((a, b) => a - b)) {
    const last = runs.at(-1);
    if (last !== undefined && last.to + 1 === id) last.to = id;
    else runs.push({ from: id, to: id });
  }
  return runs;
};

/** The parts of a run that none of `others` has. */
export const without = (run: IdRun, others: readonly IdRun[]): IdRun[] => {
  let left: IdRun[] = [run];
  for (const other of others)
    left = left.flatMap(({ from, to }) => [
      ...(from < other.from ? [{ from, to: Math.min(to, other.from - 1) }] : []),
      ...(to > other.to ? [{ from: Math.max(from, other.to + 1), to }] : []),
    ]);
  return left;
};

/** The parts of a run that are chosen; all of it where none are named. */
export const clipped = (run: IdRun, chosen: readonly IdRun[]): IdRun[] =>
  chosen.length === 0
    ? [run]
    : chosen
        .map(({ from, to }) => ({ from: Math.max(from, run.from), to: Math.min(to, run.to) }))
        .filter(({ from, to }) => from <= to);

/** How many ids there are; an endless run counts as one. */
export const countIds = (runs: readonly IdRun[]): number =>
  runs.reduce((sum, { from, to }) => sum + (to === ENDLESS ? 1 : to - from + 1), 0);

/** `3, 7–9, 12 and later` */
export const describeRuns = (runs: readonly IdRun[]): string => {
  const shown = runs
    .slice(0, MOST_SHOWN)
    .map(({ from, to }) =>
      from === to ? `${from}` : to === ENDLESS ? `${from} and later` : `${from}–${to}`,
    );
  return `${shown.join(', ')}${runs.length > MOST_SHOWN ? ', …' : ''}`;
};
