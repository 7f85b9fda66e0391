/**
 * The hours that must be there and are not: for `logd status`, `logd wait` and markers of a whole stream. The rule is that of
 * expectation.ts.
 *
 * Which hours are looked at
 * - an hour that is asked for by its whole label: also when nobody has it
 * - of a day that is asked for: the day itself, where nobody has an hour of it
 * - of a day or a longer time: hours of which some host has the end, and those in between that nobody has. A day on which the clock is
 *   set forward has an hour less, which the ends of its hours say.
 */
import { hourIndex, hourLabel } from '../pack/hour-index.ts';
import { isDayLabel } from '../pack/hour.ts';
import type { SegmentKey } from '../pack/pack.ts';
import { type Expectation, type Expectations, isExpected, type Presence } from './expectation.ts';
import type { NamedHost } from './expected-hosts.ts';
import type { SegmentFilter } from './ledger.ts';

export interface ExpectRules {
  /** Milliseconds: who had an hour so long before is expected. */
  readonly within: number;
  /** Takes the place of history in the streams that it names. */
  readonly fixed?: readonly NamedHost[] | undefined;
}

/** An hour that must be there and is not. */
export interface AbsentHour extends SegmentKey {
  /** The last hour before it that is there, where there is one within the time that counts. */
  readonly lastHour?: string;
}

export type AskedHours = Pick<SegmentFilter, 'host' | 'stream' | 'hour' | 'since'>;
export type ExpectationReads = Pick<Expectations, 'expectations' | 'presence'>;

const HOUR_MS = 3_600_000;
const WHOLE_HOUR = /^\d{10}b?$/;

/** First and last label that can match. */
const rangeOf = ({ hour, since }: AskedHours, rules: ExpectRules, now: number): readonly [string, string] => {
  if (hour !== undefined) {
    const first = hour.padEnd(8, '0');
    return [since !== undefined && since > first ? since : first, hour];
  }
  // The zone of the hours is not known: a day more on both sides.
  const newest = Math.floor(now / HOUR_MS) + 24;
  return [since ?? hourLabel(newest - 48 - Math.ceil(rules.within / HOUR_MS)), hourLabel(newest)];
};

/** Hours of a stream that somebody has, and those between them that nobody has. */
const labelsOf = (rows: readonly Presence[], asked: AskedHours, from: string, isDaily: boolean): string[] => {
  const ended = new Map<string, number>();
  for (const { hours } of rows)
    for (const { hour, state, hoursInDay } of hours)
      if (state !== 'open' && hour.startsWith(asked.hour ?? '') && hour >= from.slice(0, hour.length))
        ended.set(hour, Math.max(ended.get(hour) ?? 0, hoursInDay ?? 0));
  const labels = [...ended.keys()].sort();
  const [first, last] = [labels[0], labels.at(-1)];
  if (first === undefined || last === undefined) return [];
  const step = isDaily ? 24 : 1;
  for (let index = hourIndex(first) + step; index < hourIndex(last); index += step) {
    const label = isDaily ? hourLabel(index).slice(0, 8) : hourLabel(index);
    if (!ended.has(label) && !isJumpedOver(label, ended)) labels.push(label);
  }
  return labels;
};

/** The hour that a day of 23 hours does not have: the only one of it that nobody has. */
const isJumpedOver = (label: string, ended: ReadonlyMap<string, number>): boolean => {
  const day = label.slice(0, 8);
  const ofDay = [...ended].filter(([other]) => other.startsWith(day));
  return ofDay.some(([, hours]) => hours === 23) && ofDay.length === 23;
};

/** Who can be expected in a stream: who had hours, who was added, or the fixed set. */
const hostsOf = (
  stream: string,
  rows: readonly Presence[],
  written: readonly Expectation[],
  rules: ExpectRules,
) => {
  const fixed = rules.fixed?.filter((each) => each.stream === undefined || each.stream === stream) ?? [];
  const hosts = fixed.length > 0 ? fixed : [...rows, ...written.filter((each) => each.stream === stream)];
  return { isFixed: fixed.length > 0, hosts: [...new Set(hosts.map(({ host }) => host))].sort() };
};

const numbersOf = (expectation: Expectation | undefined) =>
  expectation && {
    since: expectation.since === undefined ? undefined : hourIndex(expectation.since),
    retired: expectation.retired === undefined ? undefined : hourIndex(expectation.retired),
  };

interface StreamOf {
  readonly stream: string;
  readonly rows: readonly Presence[];
  readonly labels: readonly string[];
  readonly written: readonly Expectation[];
}

/** Hours say nothing of segments of whole days, nor these of hours; of a day that nobody has anything of, both do. */
const isOfKind = (before: string, hour: string): boolean => isDayLabel(hour) === isDayLabel(before);

const absentIn = ({ stream, rows, labels, written }: StreamOf, rules: ExpectRules): AbsentHour[] => {
  const { isFixed, hosts } = hostsOf(stream, rows, written, rules);
  const within = rules.within / HOUR_MS;
  const known = new Set(rows.flatMap((row) => row.hours.map(({ hour }) => hour)));
  const hoursOf = new Map(rows.map((row) => [row.host, row.hours]));
  return hosts.flatMap((host) => {
    const hours = hoursOf.get(host) ?? [];
    const has = new Set(hours.map(({ hour }) => hour));
    const said = numbersOf(written.find((each) => each.stream === stream && each.host === host));
    return labels.flatMap((hour): AbsentHour[] => {
      if (has.has(hour)) return [];
      const lastHour = hours.findLast(
        (each) => each.hour < hour && (!known.has(hour) || isOfKind(each.hour, hour)),
      )?.hour;
      const lastSeen = lastHour === undefined ? -Infinity : hourIndex(lastHour);
      if (!isFixed && !isExpected(hourIndex(hour), lastSeen, within, said)) return [];
      return [{ host, stream, hour, ...(lastHour !== undefined && { lastHour }) }];
    });
  });
};

const streamsOf = (
  asked: AskedHours,
  rows: readonly Presence[],
  written: readonly Expectation[],
  rules: ExpectRules,
) => {
  const known = [...rows, ...written].map(({ stream }) => stream);
  const fixed = (rules.fixed ?? []).flatMap(({ stream }) => stream ?? []);
  return asked.stream === undefined ? [...new Set([...known, ...fixed])].sort() : [asked.stream];
};

const ofKind = (rows: readonly Presence[], isDaily: boolean): Presence[] =>
  rows.map((row) => ({ ...row, hours: row.hours.filter(({ hour }) => isDayLabel(hour) === isDaily) }));

const hasHours = ({ hours }: Presence): boolean => hours.length > 0;

/** The labels of a stream that are looked at. */
const labelsAsked = (rows: readonly Presence[], asked: AskedHours, from: string): string[] => {
  const [hourly, daily] = [ofKind(rows, false), ofKind(rows, true)];
  if (asked.hour !== undefined && WHOLE_HOUR.test(asked.hour)) {
    const isDaily = daily.some(hasHours) && !hourly.some(hasHours);
    return isDaily ? [] : [asked.hour];
  }
  const labels = [...labelsOf(hourly, asked, from, false), ...labelsOf(daily, asked, from, true)].sort();
  const isNothing = ![...hourly, ...daily].some(({ hours }) =>
    hours.some(({ hour }) => hour.startsWith(asked.hour ?? '')),
  );
  return asked.hour !== undefined && isDayLabel(asked.hour) && isNothing ? [asked.hour] : labels;
};

/** The hours among those asked for that must be there and are not, in order of stream, host and hour. */
export const absentHours = async (
  ledger: ExpectationReads,
  asked: AskedHours,
  rules: ExpectRules,
  now: number,
): Promise<AbsentHour[]> => {
  const [from, to] = rangeOf(asked, rules, now);
  const before = hourLabel(hourIndex(from.padEnd(10, '0')) - Math.ceil(rules.within / HOUR_MS));
  const rows = await ledger.presence({ stream: asked.stream }, before, to);
  const written = await ledger.expectations();
  return streamsOf(asked, rows, written, rules)
    .flatMap((stream) => {
      const ofStream = rows.filter((row) => row.stream === stream);
      return absentIn({ stream, rows: ofStream, labels: labelsAsked(ofStream, asked, from), written }, rules);
    })
    .filter(({ host }) => asked.host === undefined || host === asked.host);
};

/** A host and stream of which it is known whether it is expected. */
export interface ExpectedHost {
  readonly stream: string;
  readonly host: string;
  readonly origin: 'history' | 'added' | 'fixed' | 'retired';
  /** Added or retired: from this hour on. */
  readonly from?: string;
  /** The last hour that is there, within the time that counts. */
  readonly lastHour?: string;
}

const originOf = (lastHour: string | undefined, said: Expectation | undefined, isFixed: boolean) => {
  if (isFixed) return 'fixed';
  if (said?.since !== undefined) return 'added';
  return said?.retired !== undefined && (lastHour ?? '') < said.retired ? 'retired' : 'history';
};

/** All who are expected now, and those who are retired; in order of stream and host. */
export const expectedHosts = async (
  ledger: ExpectationReads,
  rules: ExpectRules,
  now: number,
): Promise<ExpectedHost[]> => {
  const [from, to] = rangeOf({}, rules, now);
  const rows = await ledger.presence({}, from, to);
  const written = await ledger.expectations();
  return streamsOf({}, rows, written, rules).flatMap((stream) => {
    const ofStream = rows.filter((row) => row.stream === stream);
    const { isFixed, hosts } = hostsOf(stream, ofStream, written, rules);
    return hosts.map((host): ExpectedHost => {
      const lastHour = ofStream.find((row) => row.host === host)?.hours.at(-1)?.hour;
      const said = written.find((each) => each.stream === stream && each.host === host);
      const origin = originOf(lastHour, said, isFixed);
      const since = origin === 'added' ? said?.since : origin === 'retired' ? said?.retired : undefined;
      return {
        stream,
        host,
        origin,
        ...(since !== undefined && { from: since }),
        ...(lastHour !== undefined && { lastHour }),
      };
    });
  });
};
