/**
 * What a cell of the matrix shows: what sinks reported, and what the clock makes of it.
 *
 * Rules
 * - A host is expected to have an hour of a stream where it had one within `expect_within` before, from its first hour on, until it
 *   is retired; or where somebody added it with `logd expect add`.
 * - Nothing of an expected hour is *silent*, an open one is *late*, once the hour has ended `late_after` ago. Before that nothing is
 *   said of an hour that has not begun to arrive.
 */
import { type ExpectedHours, isExpected } from '../../ledger/expectation.ts';
import type { HostHours, CellLetter } from './hour-cells.ts';
import { timeOf } from './hour-cells.ts';
import type { HourZone } from './hour-zone.ts';

/** Worst first: the order in which a cell that stands for several shows one of them. */
export const STATES = [
  ['R', 'refused'],
  ['I', 'incomplete'],
  ['N', 'silent'],
  ['L', 'late'],
  ['O', 'receiving'],
  ['S', 'sealed'],
  ['E', 'empty'],
  ['X', 'removed'],
  ['.', 'not expected'],
  [' ', 'to come'],
] as const;

export type StateLetter = (typeof STATES)[number][0];
export type StateName = (typeof STATES)[number][1];

const NAMES = new Map<StateLetter, StateName>(STATES);
const RANK = new Map<string, number>(STATES.map(([letter], rank) => [letter, rank]));

export const stateName = (letter: StateLetter): StateName => NAMES.get(letter) ?? 'not expected';

/** Those that somebody must look at, worst first. */
export const PROBLEMS = ['R', 'I', 'N', 'L'] as const satisfies readonly StateLetter[];
export type ProblemLetter = (typeof PROBLEMS)[number];

/** What a cell shows that stands for all of these. */
export const worstOf = (letters: Iterable<StateLetter>): StateLetter => {
  let worst: StateLetter = ' ';
  for (const letter of letters) if ((RANK.get(letter) ?? 99) < (RANK.get(worst) ?? 99)) worst = letter;
  return worst;
};

const REPORTED: Readonly<Record<Exclude<CellLetter, 'o' | '.'>, StateLetter>> = {
  ...{ s: 'S', e: 'E', i: 'I', r: 'R', x: 'X' },
};

export interface StateRules {
  /** Unix milliseconds. */
  readonly now: number;
  readonly lateAfterMs: number;
  /** Hours. */
  readonly expectWithin: number;
  readonly zone: HourZone;
}

const HOUR_MS = 3_600_000;

/** How many hours a segment of a row has. */
const lengthOf = (row: HostHours | undefined): number => (row?.isDaily === true ? 24 : 1);

/** The states of a row for the hours `from` to `to` (exclusive). A row that nothing was ever reported of may be expected all the same. */
export const statesOf = (
  row: HostHours | undefined,
  from: number,
  to: number,
  rules: StateRules,
  expected?: ExpectedHours,
): StateLetter[] => {
  const states: StateLetter[] = [];
  const hours = lengthOf(row);
  let lastSeen = -Infinity;
  for (let index = Math.max(row?.first ?? from, from - rules.expectWithin); index < from; index++)
    if (row?.letter(index) !== '.') lastSeen = index;
  for (let index = from; index < to; index++) {
    const letter = row?.letter(index) ?? '.';
    states.push(
      letter === '.' && hours > 1 && !rules.zone.isDayStart(index)
        ? '.'
        : stateAt(letter, { index, hours, lastSeen }, rules, expected),
    );
    if (letter !== '.') lastSeen = index;
  }
  return states;
};

interface Cell {
  readonly index: number;
  /** How many hours it stands for. */
  readonly hours: number;
  /** The last hour before it that was reported. */
  readonly lastSeen: number;
}

const stateAt = (
  letter: CellLetter,
  { index, hours, lastSeen }: Cell,
  { now, lateAfterMs, expectWithin }: StateRules,
  expected: ExpectedHours | undefined,
): StateLetter => {
  if (letter !== 'o' && letter !== '.') return REPORTED[letter];
  const isDue = now >= timeOf(index) + hours * HOUR_MS + lateAfterMs;
  if (letter === 'o') return isDue ? 'L' : 'O';
  if (now < timeOf(index)) return ' ';
  if (!isExpected(index, lastSeen, Math.max(expectWithin, hours), expected)) return '.';
  return isDue ? 'N' : ' ';
};
