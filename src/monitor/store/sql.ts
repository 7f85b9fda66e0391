/**
 * The contract of a monitor's store: a database that takes SQL. SQLite and MariaDB fulfil it, over one schema (see schema.ts) and the
 * SQL that both understand: `?` for values, REPLACE INTO, LIMIT. Times are Unix milliseconds, but in the two tables that the Go
 * system had: there `ctime` is `2026-11-22 16:03:11`, UTC, as its own tools read it.
 */
import type { Variant } from '../../config/option.ts';
import type { z } from 'zod';

export type SqlValue = string | number | null;
export type SqlRow = Readonly<Record<string, SqlValue>>;

export interface Statement {
  readonly sql: string;
  readonly values?: readonly SqlValue[];
}

/** All calls reject with a `storage` LogdError where the database does not answer; what was asked may be asked again. */
export interface Sql extends AsyncDisposable {
  all(sql: string, values?: readonly SqlValue[]): Promise<SqlRow[]>;
  /** Runs the statements in one transaction. */
  write(statements: readonly Statement[]): Promise<void>;
}

/** Where the two differ. */
export type Dialect = 'sqlite' | 'mariadb';

export interface SqlKind<Schema extends z.ZodObject = z.ZodObject> {
  readonly kind: Dialect;
  readonly summary: string;
  readonly schema: Schema;
  /** Opens the database, and brings its tables to the version of this build. Rejects with `storage`. */
  open(options: Variant, stateDir: string): Promise<Sql>;
}

export const text = (row: SqlRow, column: string): string => String(row[column] ?? '');
export const number = (row: SqlRow, column: string): number => Number(row[column] ?? 0);
export const isNull = (row: SqlRow, column: string): boolean =>
  row[column] === null || row[column] === undefined;

/** `2026-11-22 16:03:11`, UTC: a DATETIME of the Go system's tables. */
export const toDateTime = (at: number): string => new Date(at).toISOString().slice(0, 19).replace('T', ' ');
export const fromDateTime = (value: string): number => Date.parse(`${value.replace(' ', 'T')}Z`);
