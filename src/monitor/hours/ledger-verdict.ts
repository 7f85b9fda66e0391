/**
 * The verdict of one ledger, without a monitor: for `logd status`. It goes by what the table below it shows, and by labels alone, as a
 * ledger does not know the zone of its hours: an hour is due once some host has had the end of it for a while.
 */
import { absentHours, type ExpectationReads, type ExpectRules } from '../../ledger/expected-set.ts';
import type { Presence } from '../../ledger/expectation.ts';
import { hourIndex, hourLabel } from '../../pack/hour-index.ts';
import type { ProblemLetter } from './cell-states.ts';
import { summarise, type HourProblem } from './problems.ts';
import { type VerdictLine, verdictOf } from './verdict.ts';

const HOUR_MS = 3_600_000;
const DAYS = 8;
/** As `monitor.late_after` by default. */
const LATE_AFTER_MS = 20 * 60_000;

/** The clock on the wall of this machine, read as if it were UTC: what labels of its zone are compared with. */
const wallClock = (now: number): number => now - new Date(now).getTimezoneOffset() * 60_000;

/** By stream, the newest label of which a host has had the end for a while. */
const dueLabels = (rows: readonly Presence[], now: number): Map<string, string> => {
  const due = new Map<string, string>();
  for (const { stream, hours } of rows)
    for (const { hour, state, lastArrival } of hours)
      if (state !== 'open' && lastArrival <= now - LATE_AFTER_MS && hour > (due.get(stream) ?? ''))
        due.set(stream, hour);
  return due;
};

const letterOf = (state: string, isDue: boolean): ProblemLetter | undefined => {
  if (state === 'refused') return 'R';
  if (state === 'incomplete') return 'I';
  return state !== 'sealed' && isDue ? 'L' : undefined;
};

export const ledgerVerdict = async (
  ledger: ExpectationReads,
  rules: ExpectRules,
  now: number,
): Promise<VerdictLine> => {
  const wall = wallClock(now);
  const since = hourLabel(Math.floor(wall / HOUR_MS) - DAYS * 24);
  const rows = await ledger.presence({}, since, '9');
  const absent = await absentHours(ledger, { since }, rules, now);
  const due = dueLabels(rows, now);
  const found: HourProblem[] = absent.map(({ host, stream, hour }) => ({
    ...{ state: 'N', host, stream, index: hourIndex(hour) },
  }));
  for (const { host, stream, hours } of rows)
    for (const { hour, state } of hours) {
      const letter = letterOf(state, hour <= (due.get(stream) ?? ''));
      if (letter !== undefined) found.push({ state: letter, host, stream, index: hourIndex(hour) });
    }
  const newest = [...due.values()].map((label) => hourIndex(label) + (label.length === 8 ? 24 : 1));
  return verdictOf({
    ...{ now: wall, problems: summarise(found), awaySinks: [], downNodes: [], nodes: 0, alerts: undefined },
    dueUntil: newest.length === 0 ? undefined : Math.min(...newest) * HOUR_MS,
  });
};
