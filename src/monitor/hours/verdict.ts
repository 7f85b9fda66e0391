/**
 * One sentence for whoever is woken at 3 a.m., and at most three more: made here alone, so that the page, alerts, `logd status` and the
 * API say the same.
 *
 *   order = 1 a sink does not answer  2 problems of today and yesterday, worst first  3 nodes that do not answer
 *           4 what is sealed          5 older problems that are still open
 */
import { listInWords } from '../../text/prose.ts';
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
  readonly alerts: number;
  /** How many streams there are: with one, its name is not said. */
  readonly streams: number;
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
const MONTHS = 'January February March April May June July August September October November December'.split(
  ' ',
);

const dayLabel = (at: number): string => new Date(at).toISOString().slice(0, 10).replaceAll('-', '');
const clock = (at: number): string => new Date(at).toISOString().slice(11, 16);

/** `today`, `yesterday`, `24 November`; with the year where it is older than 11 months. */
export const dayInWords = (day: string, now: number): string => {
  if (day === dayLabel(now)) return 'today';
  if (day === dayLabel(now - DAY_MS)) return 'yesterday';
  const [year, month, date] = [day.slice(0, 4), Number(day.slice(4, 6)), Number(day.slice(6, 8))];
  const isRecent = now - Date.UTC(Number(year), month - 1, date) < 334 * DAY_MS;
  return `${date} ${MONTHS[month - 1]}${isRecent ? '' : ` ${year}`}`;
};

/** Up to three names, or how many. */
const hostsInWords = (hosts: readonly string[]): string =>
  hosts.length <= MOST_NAMES ? listInWords(hosts) : `${hosts.length} hosts`;

const hoursInWords = (count: number): string => `${count} ${count === 1 ? 'hour' : 'hours'}`;
const verb = (count: number): string => (count === 1 ? 'is' : 'are');

const problemInWords = ({ state, day, hours, hosts, streams }: ProblemHours, facts: VerdictFacts): string => {
  const of = dayInWords(day, facts.now);
  const where = facts.streams > 1 ? `, in ${listInWords(streams.slice(0, MOST_NAMES))}` : '';
  return `${hoursInWords(hours)} of ${of} ${verb(hours)} ${stateName(state)}: ${hostsInWords(hosts)}${where}.`;
};

/** `1 refused, 1 incomplete and 4 silent hours`, of one older day. */
const olderInWords = (facts: VerdictFacts, older: readonly ProblemHours[]): string[] => {
  const days = [...new Set(older.map(({ day }) => day))].sort().reverse();
  const [newest] = days;
  if (newest === undefined) return [];
  const parts = older
    .filter(({ day }) => day === newest)
    .map(({ hours, state }) => [hours, `${hours} ${stateName(state)}`] as const);
  const count = parts.reduce((sum, [hours]) => sum + hours, 0);
  const rest =
    days.length > 1
      ? ` ${days.length - 1} older ${days.length === 2 ? 'day has' : 'days have'} some too.`
      : '';
  const noun = count === 1 ? 'hour' : 'hours';
  return [
    `${dayInWords(newest, facts.now)} still has ${listInWords(parts.map(([, text]) => text))} ${noun}.${rest}`,
  ];
};

const sinkInWords = ({ name, since }: VerdictFacts['awaySinks'][number]): string =>
  since === 0
    ? `Sink ${name} has never answered: what it stores is unknown.`
    : `Sink ${name} has not answered since ${clock(since)}: what it stores is unknown from then on.`;

const nodesInWords = (down: readonly string[]): string[] =>
  down.length === 0
    ? []
    : [
        `${down.length <= MOST_NAMES ? listInWords(down) : `${down.length} nodes`} ${down.length === 1 ? 'does' : 'do'} not answer.`,
      ];

/** What is sealed: all of it, or all but what was said before. */
const sealedInWords = ({ dueUntil, problems }: VerdictFacts): string[] =>
  dueUntil === undefined
    ? []
    : [`Everything ${problems.length > 0 ? 'else ' : ''}up to ${clock(dueUntil)} is sealed.`];

const allIsWell = ({ nodes, alerts }: VerdictFacts): string =>
  `${nodes === 1 ? 'The node is' : `All ${nodes} nodes are`} alive. ${alerts === 0 ? 'No alerts.' : `${alerts} open ${alerts === 1 ? 'alert' : 'alerts'}.`}`;

/** Worst first; within a state the newest day first. */
const inOrder = (problems: readonly ProblemHours[]): ProblemHours[] =>
  [...problems].sort(
    (a, b) => PROBLEMS.indexOf(a.state) - PROBLEMS.indexOf(b.state) || (a.day < b.day ? 1 : -1),
  );

export const verdictOf = (facts: VerdictFacts): VerdictLine => {
  const yesterday = dayLabel(facts.now - DAY_MS);
  const ordered = inOrder(facts.problems);
  const current = ordered.filter(({ day }) => day >= yesterday);
  const older = ordered.filter(({ day }) => day < yesterday);
  const isClear = facts.awaySinks.length === 0;
  const said: (readonly [VerdictLine['kind'], string])[] = [
    ...facts.awaySinks.map((sink) => ['unknown', sinkInWords(sink)] as const),
    ...current.map((problem) => [problem.state, problemInWords(problem, facts)] as const),
    ...nodesInWords(facts.downNodes).map((text) => ['nodes', text] as const),
    ...(isClear ? sealedInWords(facts).map((text) => ['sealed', text] as const) : []),
    ...olderInWords(facts, older).map((text) => ['sealed', text] as const),
  ];
  const [first, ...rest] = said;
  if (first === undefined)
    return {
      kind: 'nothing',
      headline: 'Nothing is expected yet.',
      sentences: facts.nodes > 0 ? [allIsWell(facts)] : [],
    };
  const [kind, headline] = first;
  const sentences = rest.map(([, text]) => text);
  if (kind === 'sealed' && facts.downNodes.length === 0) sentences.push(allIsWell(facts));
  return { kind, headline, sentences: sentences.slice(0, MOST_SENTENCES) };
};
