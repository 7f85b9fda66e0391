/** How many segments of each day are sealed, counted in the transaction that seals or reopens one. */
import type { DatabaseSync } from 'node:sqlite';
import type { DayRecord, SegmentRecord } from '../ledger.ts';
import { dayShare } from '../rules.ts';
import { type Parameters, readDay } from './rows.ts';

export interface DayCounts {
  /** The day that a segment counts in, once it is sealed; undefined where it counts in none. */
  of(segment: SegmentRecord): DayRecord | undefined;
  /** One more is sealed. */
  add(segment: SegmentRecord): DayRecord | undefined;
  /** Before a sealed segment becomes open again: its day has one sealed segment less. */
  remove(segment: SegmentRecord | undefined): void;
}

export const dayCounts = (db: DatabaseSync): DayCounts => {
  const ofDay = 'host = :host AND stream = :stream AND day = :day AND daily = :daily';
  const count = db.prepare(
    `INSERT INTO day (host, stream, day, daily, sealed, hours) VALUES (:host, :stream, :day, :daily, 1, :hours)
     ON CONFLICT DO UPDATE SET sealed = sealed + 1, hours = max(hours, excluded.hours) RETURNING *`,
  );
  const uncount = db.prepare(`UPDATE day SET sealed = sealed - 1 WHERE ${ofDay}`);
  const find = db.prepare(`SELECT * FROM day WHERE ${ofDay}`);

  const keyOf = (
    segment: SegmentRecord,
  ): { readonly key: Parameters; readonly hours: number } | undefined => {
    const share = segment.expected === undefined ? undefined : dayShare(segment.hour, segment.expected);
    if (share === undefined) return undefined;
    const { host, stream } = segment;
    return { key: { host, stream, day: share.day, daily: share.daily ? 1 : 0 }, hours: share.hours };
  };
  const read = (row: ReturnType<typeof find.get>): DayRecord | undefined =>
    row === undefined ? undefined : readDay(row);
  return {
    of(segment) {
      const day = keyOf(segment);
      return day && read(find.get(day.key));
    },
    add(segment) {
      const day = keyOf(segment);
      return day && read(count.get({ ...day.key, hours: day.hours }));
    },
    remove(segment) {
      const day = segment?.state === 'sealed' ? keyOf(segment) : undefined;
      if (day !== undefined) uncount.run(day.key);
    },
  };
};
