/**
 * Hours and days of a time zone, as labels.
 *
 * Format
 *   20261122      a day, for streams with a segment a day
 *   2026112216    the hour from 16:00 to 17:00 of that day, local time
 *   2026102502b   the same local hour a second time, after the clock was set back into it (2A and 2B in Germany)
 *
 * Invariants
 * - The hour labels of a zone cover its time line without hole or overlap. A new one begins whenever the local
 *   hour changes, and when the clock is set back within an hour (Lord Howe, half an hour: `01`, `01b`). A clock
 *   set forward within an hour leaves the label as it is; an hour that is jumped over has no label.
 * - `labelAt(startOf(label)) === label` for every label that exists.
 * - Labels sort as text in order of time, except where the clock was set back over the start of an hour that
 *   had begun already (Newfoundland until 2011, at 00:01): walk with `nextLabel`, which follows time.
 */
import { Temporal } from 'temporal-polyfill';
import { LogdError } from '../error.ts';
import { isHourLabel } from './name.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** More than any two offsets of one zone differ by: Samoa jumped over a whole day. */
const REACH_MS = 2 * DAY_MS;

/** A date and, for an hour, its number, as they stand in a file's name. `month` from 1. */
export interface LocalFields {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour?: number | undefined;
}

/** The labels of one zone. All times are Unix milliseconds; remembers the offsets that it has looked up. */
export interface Hours {
  /** The zone's IANA name. */
  readonly zone: string;
  labelAt(ms: number): string;
  dayLabelAt(ms: number): string;
  /** First millisecond of an hour or a day; undefined when the zone does not have it. */
  startOf(label: string): number | undefined;
  /** First millisecond after an hour or a day; undefined when the zone does not have it. */
  endOf(label: string): number | undefined;
  /** The label that follows in time, of the same kind; also for one that the zone does not have. */
  nextLabel(label: string): string;
  /** The existing labels after `a` and before `b`, both of one kind; only the first `limit` of them. */
  labelsBetween(a: string, b: string, limit?: number): string[];
  /** The hour labels of a day: mostly 24, on a change of the clock 23 or 25, none for a day that was skipped. */
  hoursInDay(day: string): string[];
  /** The labels of a local hour or (without `hour`) day: none, one, or the two of a repeated hour. */
  labelsFor(fields: LocalFields): string[];
}

/** A stretch of time, end exclusive. */
interface Span {
  readonly start: number;
  readonly end: number;
}

/** A span in which the zone's offset from UTC does not change. */
interface OffsetSpan extends Span {
  readonly offset: number;
}

/** The label of a file's fields before asking a zone: the first occurrence of the hour, or the day. */
export const plainLabel = (fields: LocalFields): string =>
  String(fields.year).padStart(4, '0') +
  String(fields.month).padStart(2, '0') +
  String(fields.day).padStart(2, '0') +
  (fields.hour === undefined ? '' : String(fields.hour).padStart(2, '0'));

/** The day label of an hour or day label. */
export const dayOf = (label: string): string => label.slice(0, 8);

/** True for a day label. */
export const isDayLabel = (label: string): boolean => label.length === 8;

/** The parts of a label as paths show them: `{ date: '2026-10-25', hour: '02b' }`; no hour for a day. */
export const splitLabel = (label: string): { readonly date: string; readonly hour: string | undefined } => ({
  date: `${label.slice(0, 4)}-${label.slice(4, 6)}-${label.slice(6, 8)}`,
  hour: isDayLabel(label) ? undefined : label.slice(8),
});

/** True for the name of an IANA time zone that this Node.js knows. */
export const isZone = (name: string): boolean => {
  // Letters first: Temporal and Intl also take offsets and whole timestamps for zones, which have no rules.
  if (!/^[A-Za-z][\w+/-]{1,63}$/.test(name)) return false;
  try {
    return Boolean(new Intl.DateTimeFormat('en', { timeZone: name }));
  } catch {
    return false;
  }
};

/** The IANA name of a configured zone, where `local` means the machine's. Throws `config` for an unknown one. */
export const resolveZone = (name: string): string => {
  const zone = name === 'local' ? new Intl.DateTimeFormat().resolvedOptions().timeZone : name;
  if (isZone(zone)) return zone;
  throw new LogdError(
    'config',
    name === 'local'
      ? "The machine's time zone cannot be told: name one, such as Europe/Berlin."
      : `The time zone ${JSON.stringify(name.slice(0, 80))} is not known: use an IANA name such as Europe/Berlin, or local.`,
  );
};

/** A label's start as if local time were UTC, its length, and which occurrence it names. */
const parseLabel = (label: string) => {
  if (!isHourLabel(label))
    throw new LogdError('name', `${JSON.stringify(label.slice(0, 80))} is not an hour or day label.`);
  const day = Date.UTC(Number(label.slice(0, 4)), Number(label.slice(4, 6)) - 1, Number(label.slice(6, 8)));
  return isDayLabel(label)
    ? { local: day, length: DAY_MS, occurrence: 0 }
    : {
        local: day + Number(label.slice(8, 10)) * HOUR_MS,
        length: HOUR_MS,
        occurrence: label.endsWith('b') ? 1 : 0,
      };
};

const textAt = (local: number, length: number): string => {
  const date = new Date(local);
  return plainLabel({
    year: date.getUTCFullYear(),
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    hour: length === DAY_MS ? undefined : date.getUTCHours(),
  });
};

const contains = (span: Span, ms: number): boolean => ms >= span.start && ms < span.end;

/** Opens the labels of a zone, see {@link resolveZone}. */
export const openHours = (zone: string): Hours => {
  const known: OffsetSpan[] = [];
  let last = { start: 0, end: 0, label: '' };

  const lookUp = (ms: number): OffsetSpan => {
    const at = Temporal.Instant.fromEpochMilliseconds(ms).toZonedDateTimeISO(zone);
    // `previous` is strict, and a transition at ms itself already belongs to ms.
    const before = at.add({ milliseconds: 1 }).getTimeZoneTransition('previous');
    const after = at.getTimeZoneTransition('next');
    return {
      start: before?.epochMilliseconds ?? -Infinity,
      end: after?.epochMilliseconds ?? Infinity,
      offset: at.offsetNanoseconds / 1e6,
    };
  };

  const offsetSpanAt = (ms: number): OffsetSpan => {
    let span = known.findLast((one) => contains(one, ms));
    if (span === undefined) known.push((span = lookUp(ms)));
    return span;
  };

  /** The spans, in order, that may hold the local time from `local` on for `length`. */
  function* offsetSpans(local: number, length: number): Generator<OffsetSpan> {
    let span = offsetSpanAt(local - REACH_MS);
    for (; span.end < local + length + REACH_MS; span = offsetSpanAt(span.end)) yield span;
    yield span;
  }

  /** When the clock showed this local hour or day: each time that it did. */
  const occurrences = (local: number, length: number): Span[] => {
    const found: Span[] = [];
    let offset = 0;
    for (const span of offsetSpans(local, length)) {
      const start = Math.max(span.start, local - span.offset);
      const end = Math.min(span.end, local + length - span.offset);
      if (start >= end) continue;
      const before = found.at(-1);
      const setBack = before !== undefined && (before.end !== start || span.offset < offset);
      // A day stays one segment, whatever the clock does within it.
      if (before === undefined || (setBack && length === HOUR_MS)) found.push({ start, end });
      else found[found.length - 1] = { start: before.start, end };
      offset = span.offset;
    }
    return found;
  };

  const spanOf = (label: string): Span | undefined => {
    const { local, length, occurrence } = parseLabel(label);
    return occurrences(local, length)[occurrence];
  };

  const labelAt = (ms: number): string => {
    if (contains(last, ms)) return last.label;
    const local = Math.floor((ms + offsetSpanAt(ms).offset) / HOUR_MS) * HOUR_MS;
    const all = occurrences(local, HOUR_MS);
    const occurrence = all.findIndex((span) => contains(span, ms));
    last = { ...all[occurrence]!, label: textAt(local, HOUR_MS) + (occurrence > 0 ? 'b' : '') };
    return last.label;
  };

  const dayLabelAt = (ms: number): string => textAt(ms + offsetSpanAt(ms).offset, DAY_MS);

  const labelLike = (sample: string, ms: number): string =>
    isDayLabel(sample) ? dayLabelAt(ms) : labelAt(ms);

  /** Where a label that may not exist lies on the time line; for one that does not, where it would have begun. */
  const placeOf = (label: string): Span => {
    const { local, length, occurrence } = parseLabel(label);
    const all = occurrences(local, length);
    const span = all[occurrence];
    if (span !== undefined) return span;
    const end = all.at(-1)?.end;
    if (end !== undefined) return { start: end, end };
    for (const one of offsetSpans(local, length))
      if (one.end + one.offset > local) return { start: one.start, end: one.start };
    throw new LogdError('name', `The label ${label} has no place in the zone ${zone}.`);
  };

  const nextLabel = (label: string): string => labelLike(label, placeOf(label).end);

  return {
    zone,
    labelAt,
    dayLabelAt,
    nextLabel,
    startOf: (label) => spanOf(label)?.start,
    endOf: (label) => spanOf(label)?.end,
    labelsBetween(a, b, limit = 10_000) {
      const stop = placeOf(b).start;
      const labels: string[] = [];
      for (let at = placeOf(a).end; at < stop && labels.length < limit;) {
        const label = labelLike(a, at);
        labels.push(label);
        at = spanOf(label)!.end;
      }
      return labels;
    },
    hoursInDay(day) {
      const span = spanOf(dayOf(day));
      const labels: string[] = [];
      for (let at = span?.start ?? 0; at < (span?.end ?? 0); at = spanOf(labels.at(-1)!)!.end)
        labels.push(labelAt(at));
      return labels.filter((label) => dayOf(label) === dayOf(day));
    },
    labelsFor(fields) {
      const label = plainLabel(fields);
      const { local, length } = parseLabel(label);
      return occurrences(local, length).map((_, index) => (index > 0 ? `${label}b` : label));
    },
  };
};
