/** The day and the hour of an instant as columns show them: in UTC, in a named zone, or as the line itself says it. */
import { LogdError } from '../../error.ts';
import { dayOf, openHours, resolveZone, splitLabel } from '../../pack/hour.ts';

export interface DayAndHour {
  /** `2026-11-22` */
  readonly day: string;
  /** From 0. An hour that comes twice, when the clock is set back, has its number twice. */
  readonly hour: number;
}

/** `ms` is Unix milliseconds, `text` the time as the line has it. */
export type FindDayAndHour = (ms: number, text: string) => DayAndHour;

/** The zone of each line: the offset that is written in it. */
export const ZONE_OF_LINE = 'line';
const MINUTE_MS = 60_000;

const inUtc = (ms: number): DayAndHour => {
  const iso = new Date(ms).toISOString();
  return { day: iso.slice(0, 10), hour: Number(iso.slice(11, 13)) };
};

/** The offset at the end of `22/Nov/2026:16:03:11 +0530` or `2026-11-22T16:03:11+05:30` in milliseconds; 0 without one. */
const offsetOf = (text: string): number => {
  const [, sign, hours, minutes] = /:\d{2}(?:\.\d+)? ?([+-])(\d{2}):?(\d{2})$/.exec(text) ?? [];
  if (sign === undefined) return 0;
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * MINUTE_MS;
};

const inZone = (zone: string): FindDayAndHour => {
  const hours = openHours(zone);
  return (ms) => {
    const label = hours.labelAt(ms);
    return { day: splitLabel(dayOf(label)).date, hour: Number(label.slice(8, 10)) };
  };
};

/** The zone of columns `day` and `hour` as it is configured. Throws `config` for a zone that is not known. */
export const resolveColumnZone = (name: string): string => {
  if (name === ZONE_OF_LINE) return name;
  try {
    return resolveZone(name);
  } catch (error) {
    if (!(error instanceof LogdError)) throw error;
    throw new LogdError('config', `${error.message.replace(/\.$/, '')}, or line for that of each line.`);
  }
};

/** `zone` as {@link resolveColumnZone} gives it. */
export const dayAndHourIn = (zone: string): FindDayAndHour => {
  if (zone === 'UTC') return inUtc;
  if (zone === ZONE_OF_LINE) return (ms, text) => inUtc(ms + offsetOf(text));
  return inZone(zone);
};
