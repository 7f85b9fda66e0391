/**
 * Streams that agents say they follow, and of which nothing ever came: expected from the hour in which the monitor first heard of them,
 * so that an agent whose lines go nowhere is seen.
 */
import type { ExpectedHours } from '../../ledger/expectation.ts';
import type { NodeStatus } from '../../telemetry/status.ts';
import { type HourBook, indexAt } from './hour-cells.ts';
import { pairOf } from './hour-table.ts';

export interface RegisteredStreams {
  /** Takes what nodes say of themselves now. */
  heard(statuses: readonly NodeStatus[]): void;
  /** Those of which a sink has nothing. */
  expectations(): [string, ExpectedHours][];
}

interface Heard {
  readonly stream: string;
  readonly host: string;
  readonly since: number;
}

export const createRegisteredStreams = (book: HourBook, now: () => number): RegisteredStreams => {
  const known = new Map<string, Heard>();
  return {
    heard(statuses) {
      for (const { host, parts } of statuses.flatMap(({ roles }) => roles))
        for (const { kind, name: stream } of host === undefined ? [] : parts) {
          const pair = pairOf(stream, host ?? '');
          if (kind === 'stream' && host !== undefined && !known.has(pair))
            known.set(pair, { stream, host, since: indexAt(now()) });
        }
    },
    expectations: () =>
      [...known].flatMap(([pair, { stream, host, since }]): [string, ExpectedHours][] =>
        book.row(stream, host) === undefined ? [[pair, { since }]] : [],
      ),
  };
};
