/** Alerts and their history. */
import { isNull, number, type Sql, type SqlRow, text } from '../store/sql.ts';

export type Severity = 'warn' | 'error';

/** Something that somebody must look at, for as long as it is so. */
export interface AlertProblem {
  /** The same problem has the same key: `node/web1`, `late/access/20261126`. */
  readonly key: string;
  readonly severity: Severity;
  /** One sentence. */
  readonly title: string;
}

export interface Alert extends AlertProblem {
  readonly id: number;
  readonly openedAt: number;
  readonly resolvedAt?: number;
}

export interface AlertTable {
  open(): Promise<Alert[]>;
  /** Open and resolved ones, the newest first. */
  history(limit: number, before?: number): Promise<Alert[]>;
  begin(problem: AlertProblem, at: number): Promise<void>;
  /** The problem is still there, and its sentence is another one. */
  retitle(id: number, title: string, severity: Severity): Promise<void>;
  resolve(id: number, at: number): Promise<void>;
}

const readAlert = (row: SqlRow): Alert => ({
  id: number(row, 'id'),
  key: text(row, 'problem'),
  severity: text(row, 'severity') === 'error' ? 'error' : 'warn',
  title: text(row, 'title'),
  openedAt: number(row, 'opened_at'),
  ...(isNull(row, 'resolved_at') ? {} : { resolvedAt: number(row, 'resolved_at') }),
});

export const alertTable = (sql: Sql): AlertTable => ({
  async open() {
    return (await sql.all('SELECT * FROM alert WHERE resolved_at IS NULL ORDER BY opened_at DESC')).map(
      readAlert,
    );
  },
  async history(limit, before = Number.MAX_SAFE_INTEGER) {
    const rows = await sql.all(
      `SELECT * FROM alert WHERE id < ? ORDER BY id DESC LIMIT ${Math.trunc(limit)}`,
      [before],
    );
    return rows.map(readAlert);
  },
  begin: ({ key, severity, title }, at) =>
    sql.write([
      {
        sql: 'INSERT INTO alert (problem, severity, title, opened_at) VALUES (?, ?, ?, ?)',
        values: [key, severity, title, at],
      },
    ]),
  retitle: (id, title, severity) =>
    sql.write([
      { sql: 'UPDATE alert SET title = ?, severity = ? WHERE id = ?', values: [title, severity, id] },
    ]),
  resolve: (id, at) =>
    sql.write([{ sql: 'UPDATE alert SET resolved_at = ? WHERE id = ?', values: [at, id] }]),
});
