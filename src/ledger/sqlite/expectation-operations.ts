/** Expectations, and what hosts and streams have, as operations inside the database thread. */
import type { DatabaseSync } from 'node:sqlite';
import { isNull, readInteger, readText } from '../../sqlite/row.ts';
import type { Expectation, Presence } from '../expectation.ts';
import type { SegmentFilter } from '../ledger.ts';
import { readState } from './rows.ts';

export const expectationReads = (db: DatabaseSync) => {
  const list = db.prepare('SELECT * FROM expectation ORDER BY stream, host');
  /** One step from a host and stream to the next: their number counts, not that of their hours. */
  const next = db.prepare(
    'SELECT host, stream FROM segment WHERE (host, stream, hour) > (?, ?, ?) ORDER BY host, stream, hour LIMIT 1',
  );
  const hoursOf = db.prepare(
    `SELECT hour, state, last_arrival, expected_hours FROM segment
     WHERE host = :host AND stream = :stream AND hour >= :day AND hour <= :to AND (hour >= :from OR hour = :day) ORDER BY hour`,
  );

  function* pairs(host: string | undefined) {
    for (let after = { host: host ?? '', stream: '' }; ;) {
      const row = next.get(after.host, after.stream, after.stream === '' ? '' : '~');
      if (row === undefined) return;
      after = { host: readText(row, 'host'), stream: readText(row, 'stream') };
      if (host !== undefined && after.host !== host) return;
      yield after;
    }
  }

  return {
    expectations: (): Expectation[] =>
      list.all().map((row) => ({
        ...{ stream: readText(row, 'stream'), host: readText(row, 'host') },
        ...(isNull(row, 'since') ? {} : { since: readText(row, 'since') }),
        ...(isNull(row, 'retired') ? {} : { retired: readText(row, 'retired') }),
      })),
    /** `~` sorts after every character of a label: a day as `to` has all of its hours. */
    presence: (filter: Pick<SegmentFilter, 'host' | 'stream'>, from: string, to: string): Presence[] => {
      const found: Presence[] = [];
      for (const { host, stream } of pairs(filter.host)) {
        if (filter.stream !== undefined && stream !== filter.stream) continue;
        const range = { from, to: `${to}~`, day: from.slice(0, 8) };
        const hours = hoursOf.all({ host, stream, ...range }).map((row) => ({
          ...{ hour: readText(row, 'hour'), state: readState(row, 'state') },
          lastArrival: readInteger(row, 'last_arrival'),
          ...(isNull(row, 'expected_hours') ? {} : { hoursInDay: readInteger(row, 'expected_hours') }),
        }));
        if (hours.length > 0) found.push({ host, stream, hours });
      }
      return found;
    },
  };
};

export const expectationWrites = (db: DatabaseSync) => {
  const replace = db.prepare(
    'INSERT OR REPLACE INTO expectation (stream, host, since, retired) VALUES (?, ?, ?, ?)',
  );
  return {
    expect: ({ stream, host, since, retired }: Expectation): void =>
      void replace.run(stream, host, since ?? null, retired ?? null),
  };
};
