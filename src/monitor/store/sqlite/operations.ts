/** The module that runs in the database thread of a monitor: any SQL, reads apart from transactions. */
import type { DatabaseSync } from 'node:sqlite';
import type { Schema } from '../../../sqlite/operations.ts';
import { migrationsFrom, STORE_VERSION } from '../schema.ts';
import type { SqlRow, SqlValue, Statement } from '../sql.ts';

const script = (statements: readonly string[]): string => statements.map((each) => `${each};`).join('\n');

export const schema: Schema = {
  applicationId: 0x6c6d6f6e,
  version: STORE_VERSION,
  title: "monitor's database",
  ifDamaged:
    'Move it away and start again: nodes register themselves, sinks are read from their beginning; events and users are lost.',
  create: script(migrationsFrom(0, 'sqlite').flat()),
  migrations: Object.fromEntries(
    Array.from({ length: STORE_VERSION - 1 }, (_, n) => [
      n + 1,
      script(migrationsFrom(n + 1, 'sqlite')[0] ?? []),
    ]),
  ),
};

/** Statements are prepared once: there are few, and they are built by us. */
const prepared = (db: DatabaseSync) => {
  const known = new Map<string, ReturnType<DatabaseSync['prepare']>>();
  return (sql: string) => {
    const found = known.get(sql) ?? db.prepare(sql);
    known.set(sql, found);
    return found;
  };
};

export const open = (db: DatabaseSync) => {
  const statement = prepared(db);
  return {
    reads: {
      all: (sql: string, values: readonly SqlValue[]): SqlRow[] => statement(sql).all(...values) as SqlRow[],
    },
    writes: {
      write: (statements: readonly Statement[]): void => {
        for (const { sql, values = [] } of statements) statement(sql).run(...values);
      },
    },
  };
};

export type MonitorOperations = ReturnType<typeof open>;
