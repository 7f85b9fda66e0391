/** How an hour (or day) of a stream stands over all hosts that must have it: for `logd wait`, and markers of a whole stream. */
import type { Expectations } from './expectation.ts';
import { absentHours, type ExpectationReads, type ExpectRules } from './expected-set.ts';
import type { DayRecord, Ledger, SegmentState } from './ledger.ts';

export interface HourStanding {
  /** Hosts that have all of it, sealed. */
  readonly sealed: readonly string[];
  /** Hosts that have not all of it yet. */
  readonly open: readonly string[];
  /** Hosts of which something is refused or incomplete: waiting alone does not mend it. */
  readonly closed: readonly string[];
  /** Hosts of which nothing has come, and something must. */
  readonly absent: readonly string[];
}

const UNSEALED: readonly SegmentState[] = ['open', 'complete', 'refused', 'incomplete'];

/** True when somebody has it and nothing of it that is there is unsealed: quick, and says nothing of who is absent. */
export const isAllSealed = async (
  ledger: Pick<Expectations, 'presence'> & Pick<Ledger, 'segments'>,
  { stream, hour }: HourOfStream,
): Promise<boolean> => {
  // While many hosts end an hour this is asked for each of them: the first that is not sealed is the answer.
  if ((await ledger.segments({ stream, hour, states: UNSEALED }, { limit: 1 })).length > 0) return false;
  const rows = await ledger.presence({ stream }, hour, hour);
  const states = rows.flatMap(({ hours }) =>
    hours.filter((each) => each.hour.startsWith(hour)).map(({ state }) => state),
  );
  return states.length > 0 && states.every((state) => state === 'sealed');
};

export interface HourOfStream {
  readonly stream: string;
  readonly hour: string;
  readonly host?: string | undefined;
}

const isClosed = (state: SegmentState): boolean => state === 'refused' || state === 'incomplete';

/** True when somebody has it, all who must have it have all of it, and all of that is sealed. */
export const isWhole = ({ sealed, open, closed, absent }: HourStanding): boolean =>
  sealed.length > 0 && open.length + closed.length + absent.length === 0;

/** Of a day all hours must be there, which the days in the ledger say; a segment of the whole day says so itself. */
const isSealed = (hour: string, states: readonly SegmentState[], day: DayRecord | undefined): boolean =>
  states.every((state) => state === 'sealed') &&
  (hour.length > 8 || (day !== undefined && day.sealed >= day.hours));

export const hourStanding = async (
  ledger: ExpectationReads & Pick<Ledger, 'days'>,
  { stream, hour, host }: HourOfStream,
  rules: ExpectRules,
  now: number,
): Promise<HourStanding> => {
  const absent = await absentHours(ledger, { stream, hour, host }, rules, now);
  const rows = await ledger.presence({ stream, host }, hour, hour);
  const present = rows
    .map((row) => ({ host: row.host, hours: row.hours.filter((each) => each.hour.startsWith(hour)) }))
    .filter(({ hours }) => hours.length > 0);
  const days = hour.length === 8 ? await ledger.days({ stream, day: hour }) : [];
  const standing = { sealed: [] as string[], open: [] as string[], closed: [] as string[] };
  for (const row of present) {
    const states = row.hours.map(({ state }) => state);
    const day = days.find((each) => each.host === row.host);
    if (states.some(isClosed)) standing.closed.push(row.host);
    else if (isSealed(hour, states, day)) standing.sealed.push(row.host);
    else standing.open.push(row.host);
  }
  const missing = new Set(absent.map((each) => each.host));
  return {
    sealed: standing.sealed.filter((each) => !missing.has(each)),
    open: [...standing.open, ...standing.sealed.filter((each) => missing.has(each))],
    closed: standing.closed,
    absent: [...missing].filter((each) => !present.some((row) => row.host === each)),
  };
};
