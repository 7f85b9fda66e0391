/**
 * Labels of sinks are hours of the agents' time zone. The monitor counts hours since 1970, UTC, so that it knows when each is due, and
 * translates at its two edges: what sinks report, and what it asks them.
 */
import { hourIndex } from '../../pack/hour-index.ts';
import { openHours } from '../../pack/hour.ts';

export interface HourZone {
  /** Hours since 1970 of the (first) hour of a label. */
  indexOf(label: string): number;
  /** The label of an hour: what sinks call it. */
  labelAt(index: number): string;
  dayLabelAt(index: number): string;
  /** Whether a day of the zone begins with this hour. */
  isDayStart(index: number): boolean;
}

const HOUR_MS = 3_600_000;
/** Labels of two years. */
const MOST_KNOWN = 20_000;

/** Keeps answers, and begins again when there are too many. */
const remembered = <Key, Value>(work: (key: Key) => Value): ((key: Key) => Value) => {
  const known = new Map<Key, Value>();
  return (key) => {
    const found = known.get(key);
    if (found !== undefined) return found;
    if (known.size >= MOST_KNOWN) known.clear();
    const value = work(key);
    known.set(key, value);
    return value;
  };
};

/** `zone` as {@link openHours} takes it. */
export const openHourZone = (zone: string): HourZone => {
  const hours = openHours(zone);
  /** Where hours begin at half past, an hour belongs to the UTC hour in which it begins. */
  const lastMs = (index: number): number => (index + 1) * HOUR_MS - 1;
  const indexOf = remembered((label: string): number => {
    const start = hours.startOf(label);
    // A label that the zone does not have: of an agent in another one.
    return start === undefined ? hourIndex(label) : Math.floor(start / HOUR_MS);
  });
  const labelAt = remembered((index: number): string => hours.labelAt(lastMs(index)));
  return {
    indexOf,
    labelAt,
    dayLabelAt: (index) => hours.dayLabelAt(lastMs(index)),
    isDayStart: (index) => hours.dayLabelAt(lastMs(index)) !== hours.dayLabelAt(lastMs(index - 1)),
  };
};

/** The label as it is in a sink's ledger, of an hour that a row has: a day for a row of days. */
export const sinkLabel = (zone: HourZone, index: number, isDaily: boolean): string =>
  isDaily ? zone.dayLabelAt(index) : zone.labelAt(index);
