/**
 * One sentence for whoever is woken at 3 a.m., and at most three more: made here alone, so that the page, alerts, `logd status` and the
 * API say the same.
 *
 *   verdict  = headline { sentence }                     at most three sentences after the headline
 *   problem  = N "hour(s) of" DAY "is|are" STATE ":" HOSTS [ ", in" STREAMS ] "."
 *   HOSTS    = up to 3 names, "and" before the last | "12 hosts";  STREAMS only where several are in trouble
 *   window   = today and yesterday (UTC)
 *   order    = 1 unknown: a sink does not answer         2 problems in the window, worst first
 *              3 nodes that do not answer                4 what is sealed
 *              5 older problems that are still open, one sentence
 *
 * The headline is the first that applies.
 *
 *   what is sealed                                       where
 *   "Everything up to 03:00 is sealed."                  there is no problem at all
 *   "Everything of yesterday is sealed."                 the window's problems are of today
 *   "Everything of yesterday is sealed, and of           the problems are older than the window
 *    today up to 03:00."
 *   "Everything else up to 03:00 is sealed."             yesterday has problems, or is not due as a whole
 *   nothing                                              a sink does not answer, or nothing is due
 */
import { listInWords } from '../../text/prose.ts';
import { formatCount } from '../../text/terminal.ts';
import { PROBLEMS, type ProblemLetter, stateName } from './cell-states.ts';

/** Hours in one state: by day, and which hosts and streams they are of. */
export interface ProblemHours {
  readonly state: ProblemLetter;
  /** `20261126`. */
  readonly day: string;
  readonly hours: number;
  readonly hosts: readonly string[];
  readonly streams: readonly string[];
}

export interface VerdictFacts {
  /** Unix milliseconds. */
  readonly now: number;
  readonly problems: readonly ProblemHours[];
  /** Sinks that have not answered for two check intervals, with when they last did (0: never). */
  readonly awaySinks: readonly { readonly name: string; readonly since: number }[];
  readonly downNodes: readonly string[];
  readonly nodes: number;
  /** Open ones; undefined where nobody keeps them. */
  readonly alerts: number | undefined;
  /** The end of the last hour that is due, Unix milliseconds; undefined where nothing is expected yet. */
  readonly dueUntil: number | undefined;
}

export interface VerdictLine {
  /** Of the headline: a state, `unknown`, `nodes`, `sealed` or `nothing`. */
  readonly kind: ProblemLetter | 'unknown' | 'nodes' | 'sealed' | 'nothing';
  readonly headline: string;
  /** At most three. */
  readonly sentences: readonly string[];
}

const DAY_MS = 86_400_000;
const MOST_NAMES = 3;
const MOST_SENTENCES = 3;
const RECENT_MS = 334 * DAY_MS;
const MONTHS = 'January February March April May June July August September October November December'.split(
  ' ',
);

const dayLabel = (at: number): string => new Date(at).toISOString().slice(0, 10).replaceAll('-', '');
const clock = (at: number): string => new Date(at).toISOString().slice(11, 16);
const startOfDay = (at: number): number => at - (at % DAY_MS);

/** `today`, `yesterday`, `24 November`; with the year where it is older than 11 months. */
export const dayInWords = (day: string, now: number): string => {
  if (day === dayLabel(now)) return 'today';
  if (day === dayLabel(now - DAY_MS)) return 'yesterday';
  const [year, month, date] = [day.slice(0, 4), Number(day.slice(4, 6)), Number(day.slice(6, 8))];
  const isRecent = now - Date.UTC(Number(year), month - 1, date) < RECENT_MS;
  return `${date} ${MONTHS[month - 1]}${isRecent ? '' : ` ${year}`}`;
};

/** Up to three names, or how many. */
export const namesInWords = (names: readonly string[], word: string): string =>
  names.length <= MOST_NAMES ? listInWords(names) : `${formatCount(names.length)} ${word}`;

const be = (count: number): string => (count === 1 ? 'is' : 'are');
const hoursInWords = (count: number): string => `${formatCount(count)} ${count === 1 ? 'hour' : 'hours'}`;

const problemInWords = (problem: ProblemHours, now: number, isSeveralStreams: boolean): string => {
  const { state, day, hours, hosts, streams } = problem;
  const where = isSeveralStreams ? `, in ${namesInWords(streams, 'streams')}` : '';
  return `${hoursInWords(hours)} of ${dayInWords(day, now)} ${be(hours)} ${stateName(state)}: ${namesInWords(hosts, 'hosts')}${where}.`;
};

/** `24 November still has 1 refused, 1 incomplete and 4 silent hours.` */
const olderInWords = (older: readonly ProblemHours[], now: number): string[] => {
  const days = [...new Set(older.map(({ day }) => day))].sort().reverse();
  const [newest, ...others] = days;
  if (newest === undefined) return [];
  const parts = PROBLEMS.flatMap((state) => {
    const hours = older.reduce((sum, each) => sum + (each.state === state ? each.hours : 0), 0);
    return hours === 0 ? [] : [{ hours, text: `${formatCount(hours)} ${stateName(state)}` }];
  });
  const total = parts.reduce((sum, { hours }) => sum + hours, 0);
  const before =
    others.length === 0 ? '' : ` and ${others.length} ${others.length === 1 ? 'day' : 'days'} before it`;
  const what = `${listInWords(parts.map(({ text }) => text))} ${total === 1 ? 'hour' : 'hours'}`;
  return [`${dayInWords(newest, now)}${before} still ${before === '' ? 'has' : 'have'} ${what}.`];
};

/** `03:05`, or with its day where that is not today. */
const sinceInWords = (since: number, now: number): string =>
  startOfDay(since) === startOfDay(now)
    ? clock(since)
    : `${clock(since)} of ${dayInWords(dayLabel(since), now)}`;

const sinkInWords = ({ name, since }: VerdictFacts['awaySinks'][number], now: number): string =>
  since === 0
    ? `Sink ${name} has not answered yet: what it has is unknown.`
    : `Sink ${name} does not answer: what came since ${sinceInWords(since, now)} is unknown.`;

const nodesInWords = (down: readonly string[]): string[] =>
  down.length === 0
    ? []
    : [`${namesInWords(down, 'nodes')} ${down.length === 1 ? 'does' : 'do'} not answer.`];

/** `03:00`; of the day before its last hour: `23:00 of yesterday`. */
const untilInWords = (until: number, now: number): string =>
  until >= startOfDay(now) ? clock(until) : sinceInWords(until, now);

/** What is sealed: see the table at the head of this file. */
const sealedInWords = ({ now, dueUntil, problems, awaySinks }: VerdictFacts): string[] => {
  if (dueUntil === undefined || awaySinks.length > 0) return [];
  const [today, yesterday] = [dayLabel(now), dayLabel(now - DAY_MS)];
  const until = untilInWords(dueUntil, now);
  if (problems.length === 0) return [`Everything up to ${until} is sealed.`];
  const isYesterdayDue = dueUntil >= startOfDay(now);
  if (!isYesterdayDue || problems.some(({ day }) => day === yesterday))
    return [`Everything else up to ${until} is sealed.`];
  if (problems.some(({ day }) => day === today)) return ['Everything of yesterday is sealed.'];
  return dueUntil === startOfDay(now)
    ? ['Everything of yesterday is sealed.']
    : [`Everything of yesterday is sealed, and of today up to ${until}.`];
};

const alertsInWords = (alerts: number | undefined): string =>
  alerts === undefined
    ? ''
    : alerts === 0
      ? 'No alerts.'
      : `${alerts} open ${alerts === 1 ? 'alert' : 'alerts'}.`;

const allIsWell = ({ nodes, alerts }: VerdictFacts): string => {
  const alive = nodes === 0 ? '' : `${nodes === 1 ? 'The node is' : `All ${nodes} nodes are`} alive. `;
  return `${alive}${alertsInWords(alerts)}`.trim();
};

/** Worst first; within a state the newest day first. */
const inOrder = (problems: readonly ProblemHours[]): ProblemHours[] =>
  problems.toSorted(
    (a, b) => PROBLEMS.indexOf(a.state) - PROBLEMS.indexOf(b.state) || (a.day < b.day ? 1 : -1),
  );

const said = (facts: VerdictFacts): (readonly [VerdictLine['kind'], string])[] => {
  const { now, problems, awaySinks, downNodes } = facts;
  const yesterday = dayLabel(now - DAY_MS);
  const current = inOrder(problems).filter(({ day }) => day >= yesterday);
  const older = problems.filter(({ day }) => day < yesterday);
  const isSeveral = new Set(current.flatMap(({ streams }) => streams)).size > 1;
  return [
    ...awaySinks.map((sink) => ['unknown', sinkInWords(sink, now)] as const),
    ...current.map((problem) => [problem.state, problemInWords(problem, now, isSeveral)] as const),
    ...nodesInWords(downNodes).map((text) => ['nodes', text] as const),
    ...sealedInWords(facts).map((text) => ['sealed', text] as const),
    ...olderInWords(older, now).map((text) => ['sealed', text] as const),
  ];
};

export const verdictOf = (facts: VerdictFacts): VerdictLine => {
  const [first, ...rest] = said(facts);
  const isWell = facts.downNodes.length === 0 && facts.awaySinks.length === 0 && facts.problems.length === 0;
  if (first === undefined)
    return {
      ...{ kind: 'nothing', headline: 'Nothing is expected yet.' },
      sentences: facts.nodes > 0 ? [allIsWell(facts)] : [],
    };
  const [kind, headline] = first;
  const sentences = [...rest.map(([, text]) => text), ...(isWell ? [allIsWell(facts)] : [])].filter(
    (text) => text !== '',
  );
  return { kind, headline, sentences: sentences.slice(0, MOST_SENTENCES) };
};
