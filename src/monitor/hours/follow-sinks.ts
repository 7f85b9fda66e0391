/**
 * Follows the ledgers of all sinks by their number of the last change: nothing is scanned twice, and a sink that was away is caught up with.
 *
 *   GET /hours?after=N (the sink's own HTTP listener) ─▶ letters into the book ─▶ rows of whole days and the cursor into the store
 */
import { LogdError, messageOf } from '../../error.ts';
import type { SegmentRecord } from '../../ledger/ledger.ts';
import { dayOf, type HourBook, hourIndex, letterOf } from './hour-cells.ts';
import type { DayRow, HourTable } from './hour-table.ts';

/** What a sink answers to `GET /hours?after=N`. */
export interface HoursPage {
  /** Numbers of the changes, ascending. */
  readonly changes: readonly { readonly change: number; readonly segment: SegmentRecord }[];
  /** The highest number in the ledger. One below the cursor means that it is another ledger. */
  readonly newest: number;
}

/** A sink that can be asked. */
export interface FollowedSink {
  /** Its name: what the store keeps its hours by. */
  readonly source: string;
  /** `http://10.0.0.5:7668`. */
  readonly url: string;
}

export interface SinkState {
  readonly source: string;
  /** Unix milliseconds of its last answer; 0 before the first. */
  readonly answeredAt: number;
  readonly reason?: string;
}

export interface FollowSinksOptions {
  readonly sinks: () => readonly FollowedSink[];
  readonly ask: (url: string) => Promise<unknown>;
  readonly book: HourBook;
  readonly table: HourTable;
  readonly now: () => number;
  /** Hours of these hosts and streams are other than before. */
  readonly changed: (pairs: readonly { readonly stream: string; readonly host: string }[]) => void;
}

export interface SinkFollower extends AsyncDisposable {
  /** Asks every sink for what is new. */
  round(): Promise<void>;
  states(): SinkState[];
}

const PAGE = 1_000;

const isPage = (value: unknown): value is HoursPage =>
  typeof value === 'object' &&
  value !== null &&
  Array.isArray((value as { readonly changes?: unknown }).changes) &&
  typeof (value as { readonly newest?: unknown }).newest === 'number';

/** Takes a page into the book; the rows that the store must keep, also those that a failed save left out before. */
const takePage = (book: HourBook, source: string, { changes }: HoursPage): DayRow[] => {
  const rows = new Map<string, { readonly stream: string; readonly host: string; readonly day: string }>();
  for (const { segment } of changes) {
    const index = hourIndex(segment.hour);
    const { stream, host } = segment;
    if (index === undefined) continue;
    book.set(source, stream, host, index, letterOf(segment));
    const day = dayOf(index);
    rows.set(`${stream}/${host}/${day}`, { stream, host, day });
  }
  return [...rows.values()].map((row) => ({
    source,
    ...row,
    cells: book.dayCells(source, row.stream, row.host, row.day),
  }));
};

export const followSinks = (options: FollowSinksOptions): SinkFollower => {
  const { book, table, now } = options;
  const cursors = new Map<string, number>();
  const states = new Map<string, SinkState>();
  let running: Promise<void> | undefined;

  const follow = async ({ source, url }: FollowedSink): Promise<void> => {
    let cursor = cursors.get(source) ?? (await table.cursor(source));
    for (;;) {
      const page = await options.ask(`${url}/hours?after=${cursor}&limit=${PAGE}`);
      if (!isPage(page))
        throw new LogdError('protocol', 'What it answers are no hours.', { retryable: true });
      if (page.newest < cursor) {
        await table.forget(source);
        cursor = 0;
        cursors.set(source, cursor);
        continue;
      }
      const rows = takePage(book, source, page);
      cursor = page.changes.at(-1)?.change ?? cursor;
      if (page.changes.length > 0) await table.save(source, cursor, rows);
      cursors.set(source, cursor);
      if (rows.length > 0) options.changed(rows);
      if (page.changes.length < PAGE) break;
    }
    states.set(source, { source, answeredAt: now() });
  };

  const round = async (): Promise<void> => {
    const sinks = options.sinks();
    const names = new Set(sinks.map(({ source }) => source));
    for (const source of states.keys()) if (!names.has(source)) states.delete(source);
    await Promise.all(
      sinks.map((sink) =>
        follow(sink).catch((error: unknown) => {
          const answeredAt = states.get(sink.source)?.answeredAt ?? 0;
          states.set(sink.source, { source: sink.source, answeredAt, reason: messageOf(error) });
        }),
      ),
    );
  };

  return {
    round: () => (running ??= round().finally(() => (running = undefined))),
    states: () => [...states.values()],
    async [Symbol.asyncDispose]() {
      await running;
    },
  };
};
