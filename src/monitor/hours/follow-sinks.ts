/**
 * Follows the ledgers of all sinks by their number of the last change: nothing is scanned twice, and a sink that was away is caught up with.
 *
 *   GET /hours?after=N (the sink's own HTTP listener) ─▶ letters into the book ─▶ rows of whole days and the cursor into the store
 *
 * A page that the store did not take comes again: taking it twice changes nothing. Another ledger under the name of a sink,
 * or one that is older than the cursor, is read from its beginning.
 */
import { z } from 'zod';
import { LogdError, messageOf } from '../../error.ts';
import { type Expectation, type ExpectedHours } from '../../ledger/expectation.ts';
import { isHourLabel, isName } from '../../pack/name.ts';
import { HOUR_LETTERS } from '../../report/hour-letter.ts';
import { dayOf, type HourBook, type ReportedLetter, timeOf } from './hour-cells.ts';
import { type Cursor, type DayRow, type HourTable, pairOf } from './hour-table.ts';
import type { HourZone } from './hour-zone.ts';

const LETTERS = HOUR_LETTERS.flatMap((letter) => [letter, letter.toUpperCase()]);
const label = z.string().refine(isHourLabel);
const name = z.string().refine(isName);

/** What a sink answers to `GET /hours?after=N`. */
const hoursPage = z.object({
  /** The ledger's own id. */
  ledger: z.string().max(64),
  /** The highest number in the ledger. One below the cursor means that it is an older copy. */
  newest: z.int(),
  /** Number of the change, stream, host, label and letter; ascending. */
  changes: z.array(z.tuple([z.int(), name, name, label, z.enum(LETTERS)])),
  /** What somebody told this sink of who is expected. */
  expectations: z.array(
    z.object({ stream: name, host: name, since: label.optional(), retired: label.optional() }),
  ),
});

type HoursPage = z.output<typeof hoursPage>;

/** A sink that can be asked. */
export interface FollowedSink {
  /** Its name: what the store keeps its hours by. */
  readonly source: string;
  /** `http://10.0.0.5:7668`. */
  readonly url: string;
}

export interface SinkState {
  readonly source: string;
  /** Unix milliseconds of its last answer, or of the last hour that it reported to an earlier start of the monitor; 0 for none. */
  readonly answeredAt: number;
  /** Why it does not answer now. */
  readonly reason?: string;
}

export interface FollowSinksOptions {
  readonly sinks: () => readonly FollowedSink[];
  readonly ask: (url: string) => Promise<unknown>;
  readonly book: HourBook;
  readonly table: HourTable;
  readonly zone: HourZone;
  readonly now: () => number;
  /** Hours of these hosts and streams are other than before. */
  readonly changed: (pairs: readonly { readonly stream: string; readonly host: string }[]) => void;
}

export interface SinkFollower extends AsyncDisposable {
  /** Asks every sink for what is new. */
  round(): Promise<void>;
  states(): SinkState[];
  /** Who is expected, and who not, as the sinks were told; by stream and host. */
  expectations(): ReadonlyMap<string, ExpectedHours>;
}

const PAGE = 2_000;

const readPage = (value: unknown): HoursPage => {
  const page = hoursPage.safeParse(value);
  if (page.success) return page.data;
  throw new LogdError('protocol', 'It does not answer with hours: is it of another version?', {
    retryable: true,
  });
};

/** Takes a page into the book; the rows that the store must keep. */
const takePage = (book: HourBook, zone: HourZone, source: string, { changes }: HoursPage): DayRow[] => {
  const rows = new Map<string, { readonly stream: string; readonly host: string; readonly day: string }>();
  for (const [, stream, host, hour, letter] of changes) {
    const index = zone.indexOf(hour);
    book.set(source, stream, host, index, letter as ReportedLetter);
    const day = dayOf(index);
    rows.set(`${stream}/${host}/${day}`, { stream, host, day });
  }
  return [...rows.values()].map((row) => ({
    ...{ source, ...row },
    cells: book.dayCells(source, row.stream, row.host, row.day),
  }));
};

const hoursOf = (zone: HourZone, { since, retired }: Expectation): ExpectedHours => ({
  ...(since !== undefined && { since: zone.indexOf(since) }),
  ...(retired !== undefined && { retired: zone.indexOf(retired) }),
});

/** One sink: its cursor, and what it said last. */
const createFollowed = (options: FollowSinksOptions, source: string) => {
  const { book, table, zone, now } = options;
  const lastHour = book.lastOf(source);
  let cursor: Cursor | undefined;
  let state: SinkState = { source, answeredAt: lastHour === undefined ? 0 : timeOf(lastHour) };
  let expected: readonly Expectation[] = [];

  const startAgain = async (): Promise<Cursor> => {
    await table.forget(source);
    book.forget(source);
    options.changed([]);
    return { at: 0, ledger: '' };
  };

  const follow = async (url: string): Promise<void> => {
    for (;;) {
      const at: Cursor = (cursor ??= await table.cursor(source));
      const page = readPage(await options.ask(`${url}/hours?after=${at.at}&limit=${PAGE}`));
      if ((at.ledger !== '' && page.ledger !== at.ledger) || page.newest < at.at) {
        cursor = await startAgain();
        continue;
      }
      const rows = takePage(book, zone, source, page);
      const next = { at: page.changes.at(-1)?.[0] ?? at.at, ledger: page.ledger };
      if (next.at !== at.at || next.ledger !== at.ledger) await table.save(source, next, rows);
      cursor = next;
      expected = page.expectations;
      if (rows.length > 0) options.changed(rows);
      if (page.changes.length < PAGE) break;
    }
    state = { source, answeredAt: now() };
  };

  return {
    async follow(url: string): Promise<void> {
      try {
        await follow(url);
      } catch (error) {
        state = { ...state, reason: messageOf(error) };
      }
    },
    state: () => state,
    expected: () => expected.map((each) => [pairOf(each.stream, each.host), hoursOf(zone, each)] as const),
  };
};

export const followSinks = (options: FollowSinksOptions): SinkFollower => {
  const followed = new Map<string, ReturnType<typeof createFollowed>>();
  let running: Promise<void> | undefined;

  const round = async (): Promise<void> => {
    const sinks = options.sinks();
    const names = new Set(sinks.map(({ source }) => source));
    for (const source of followed.keys()) if (!names.has(source)) followed.delete(source);
    await Promise.all(
      sinks.map(({ source, url }) => {
        const one = followed.get(source) ?? createFollowed(options, source);
        followed.set(source, one);
        return one.follow(url);
      }),
    );
  };

  return {
    round: () => (running ??= round().finally(() => (running = undefined))),
    states: () => [...followed.values()].map((each) => each.state()),
    expectations: () => new Map([...followed.values()].flatMap((each) => each.expected())),
    async [Symbol.asyncDispose]() {
      await running;
    },
  };
};
