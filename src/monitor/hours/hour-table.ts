/** The store's part of hours: rows by day and sink, how far each sink was followed, and what somebody expects or has retired. */
import type { ExpectedHours } from '../../ledger/expectation.ts';
import { isNull, number, type Sql, type Statement, text } from '../store/sql.ts';
import type { HourBook } from './hour-cells.ts';

export interface DayRow {
  readonly source: string;
  readonly stream: string;
  readonly host: string;
  readonly day: string;
  readonly cells: string;
}

/** A place in the changes of a ledger; of no ledger yet, at 0. */
export interface Cursor {
  readonly at: number;
  readonly ledger: string;
}

export interface HourTable {
  /** Fills a book with all that is kept. */
  load(book: HourBook): Promise<void>;
  /** How far a sink was followed, in which ledger. */
  cursor(source: string): Promise<Cursor>;
  /** Keeps rows, and that everything up to the cursor is in them: one transaction. */
  save(source: string, cursor: Cursor, rows: readonly DayRow[]): Promise<void>;
  /** Begins with a sink again, because its ledger is another one. */
  forget(source: string): Promise<void>;
  expectations(): Promise<Map<string, ExpectedHours>>;
  expect(stream: string, host: string, expectation: ExpectedHours): Promise<void>;
}

const PAGE = 20_000;

/** Names have no slash, so this is unique. */
export const pairOf = (stream: string, host: string): string => `${stream}/${host}`;

export const hourTable = (sql: Sql): HourTable => ({
  async load(book) {
    let after = ['', '', '', ''];
    for (;;) {
      const rows = await sql.all(
        `SELECT * FROM hour_day WHERE (source, stream, host, day) > (?, ?, ?, ?) ORDER BY source, stream, host, day LIMIT ${PAGE}`,
        after,
      );
      for (const row of rows) {
        after = [text(row, 'source'), text(row, 'stream'), text(row, 'host'), text(row, 'day')];
        const [source = '', stream = '', host = '', day = ''] = after;
        book.load(source, stream, host, day, text(row, 'cells'));
      }
      if (rows.length < PAGE) return;
    }
  },
  async cursor(source) {
    const [row] = await sql.all('SELECT cursor_at, ledger FROM followed_sink WHERE source = ?', [source]);
    return row === undefined
      ? { at: 0, ledger: '' }
      : { at: number(row, 'cursor_at'), ledger: text(row, 'ledger') };
  },
  save: (source, cursor, rows) =>
    sql.write([
      ...rows.map(({ stream, host, day, cells }): Statement => ({
        sql: 'REPLACE INTO hour_day (source, stream, host, day, cells) VALUES (?, ?, ?, ?, ?)',
        values: [source, stream, host, day, cells],
      })),
      {
        sql: 'REPLACE INTO followed_sink (source, cursor_at, ledger) VALUES (?, ?, ?)',
        values: [source, cursor.at, cursor.ledger],
      },
    ]),
  forget: (source) =>
    sql.write([
      { sql: 'DELETE FROM hour_day WHERE source = ?', values: [source] },
      { sql: 'DELETE FROM followed_sink WHERE source = ?', values: [source] },
    ]),
  async expectations() {
    const rows = await sql.all('SELECT * FROM expectation');
    return new Map(
      rows.map((row): [string, ExpectedHours] => [
        pairOf(text(row, 'stream'), text(row, 'host')),
        isNull(row, 'until') ? { since: number(row, 'since') } : { retired: number(row, 'until') },
      ]),
    );
  },
  expect: (stream, host, { since = 0, retired }) =>
    sql.write([
      {
        sql: 'REPLACE INTO expectation (stream, host, since, until) VALUES (?, ?, ?, ?)',
        values: [stream, host, since, retired ?? null],
      },
    ]),
});
