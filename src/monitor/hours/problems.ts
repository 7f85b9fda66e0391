/** Looks over all hours of the last days for what somebody must see: for the verdict, and for alerts. */
import { listInWords } from '../../text/prose.ts';
import type { AlertProblem } from '../alerts/alert-table.ts';
import { PROBLEMS, type ProblemLetter, stateName, type StateRules } from './cell-states.ts';
import { hourLabel } from '../../pack/hour-index.ts';
import { dayOf, indexAt, timeOf } from './hour-cells.ts';
import { byName, type MatrixSource, rowsOf, rowStates, streamsOf } from './matrix.ts';
import { dayInWords, namesInWords, type ProblemHours } from './verdict.ts';

/** So far back an unsolved problem is looked for. */
const DAYS = 8;
const MOST_NAMES = 3;

/** One hour that somebody must see. */
export interface HourProblem {
  readonly state: ProblemLetter;
  readonly stream: string;
  readonly host: string;
  readonly index: number;
}

export interface HourProblems {
  /** By state and day, over all streams. */
  readonly hours: readonly ProblemHours[];
  /** One alert for each state, stream and day. */
  readonly alerts: readonly AlertProblem[];
  /** How many host hours, by stream. */
  readonly byStream: Readonly<Record<string, number>>;
  /** End of the last hour that is due, Unix milliseconds; undefined where nothing is expected. */
  readonly dueUntil: number | undefined;
}

const isProblem = (letter: string): letter is ProblemLetter =>
  (PROBLEMS as readonly string[]).includes(letter);

const find = (
  source: MatrixSource,
  rules: StateRules,
): { readonly found: HourProblem[]; readonly rows: number } => {
  const to = indexAt(rules.now) + 1;
  const from = to - DAYS * 24;
  const found: HourProblem[] = [];
  let rows = 0;
  for (const stream of streamsOf(source))
    for (const [host, row] of rowsOf(source, stream)) {
      rows++;
      const states = rowStates(source, [stream, host, row], [from, to], rules);
      for (const [n, state] of states.entries())
        if (isProblem(state)) found.push({ state, stream, host, index: from + n });
    }
  return { found, rows };
};

const unique = (values: Iterable<string>): string[] => [...new Set(values)].sort(byName);

/** By state and day. */
export const summarise = (found: readonly HourProblem[]): ProblemHours[] =>
  [...Map.groupBy(found, ({ state, index }) => `${state}${dayOf(index)}`)].map(([key, group]) => ({
    state: key[0] as ProblemLetter,
    day: key.slice(1),
    hours: group.length,
    hosts: unique(group.map(({ host }) => host)),
    streams: unique(group.map(({ stream }) => stream)),
  }));

const hoursInWords = (group: readonly HourProblem[]): string => {
  const hours = unique(group.map(({ index }) => hourLabel(index).slice(8)));
  return hours.length <= MOST_NAMES
    ? listInWords(hours.map((hour) => `${hour}:00`))
    : `${hours.length} hours`;
};

const alertOf = (key: string, group: readonly HourProblem[], now: number): AlertProblem => {
  const [state = 'L', stream = '', day = ''] = key.split('/');
  const hosts = unique(group.map(({ host }) => host));
  const names = namesInWords(hosts, 'hosts');
  const verb = new Set(group.map(({ index }) => index)).size === 1 ? 'is' : 'are';
  return {
    key: `hours/${key}`,
    // What is late or silent may still come; what is refused or incomplete needs a person.
    severity: state === 'L' ? 'warn' : 'error',
    title: `${stream}: ${hoursInWords(group)} of ${dayInWords(day, now)} ${verb} ${stateName(state as ProblemLetter)}: ${names}.`,
  };
};

export const hourProblems = (source: MatrixSource, rules: StateRules): HourProblems => {
  const { found, rows } = find(source, rules);
  const groups = Map.groupBy(found, ({ state, stream, index }) => `${state}/${stream}/${dayOf(index)}`);
  const dueIndex = indexAt(rules.now - rules.lateAfterMs);
  return {
    hours: summarise(found),
    alerts: [...groups].map(([key, group]) => alertOf(key, group, rules.now)),
    byStream: Object.fromEntries(
      [...Map.groupBy(found, ({ stream }) => stream)].map(([stream, own]) => [stream, own.length]),
    ),
    dueUntil: rows === 0 ? undefined : timeOf(dueIndex),
  };
};
