/** Prepared statements as functions of their values. */
import type { DatabaseSync, SQLInputValue } from 'node:sqlite';

/** Returns the id of the row that was added. */
export const inserting =
  (db: DatabaseSync) =>
  (sql: string): ((...values: SQLInputValue[]) => number) => {
    const statement = db.prepare(sql);
    return (...values) => Number(statement.run(...values).lastInsertRowid);
  };

/** Returns whether there was a row to change. */
export const changing =
  (db: DatabaseSync) =>
  (sql: string): ((...values: SQLInputValue[]) => boolean) => {
    const statement = db.prepare(sql);
    return (...values) => statement.run(...values).changes !== 0;
  };
