/**
 * Brings the tables of a MariaDB or MySQL database up to date. The table `monitor_schema` has a row for each version that was reached.
 *
 * Statements that define tables commit by themselves there, so a crash may leave half a version: each may be run again. Monitors that
 * start at the same time take turns by a named lock.
 */
import type { Connection, RowDataPacket } from 'mysql2/promise';
import { LogdError } from '../../../error.ts';
import { migrationsFrom, STORE_VERSION } from '../schema.ts';

const LOCK = 'logd monitor_schema';
const LOCK_SECONDS = 30;
/** Answers to a statement that ran before, or whose table the Go system has made. */
const ALREADY_THERE = new Set<unknown>([
  'ER_DUP_KEYNAME',
  'ER_TABLE_EXISTS_ERROR',
  'ER_DUP_FIELDNAME',
  'ER_MULTIPLE_PRI_KEY',
]);

const runAgain = async (connection: Connection, statement: string): Promise<void> => {
  try {
    await connection.query(statement);
  } catch (error) {
    if (!ALREADY_THERE.has((error as { readonly code?: unknown }).code)) throw error;
  }
};

const versionOf = async (connection: Connection): Promise<number> => {
  const [rows] = await connection.query<RowDataPacket[]>(
    'SELECT MAX(version) AS version FROM monitor_schema',
  );
  return Number(rows[0]?.['version'] ?? 0);
};

export const migrateMariadb = async (connection: Connection): Promise<void> => {
  await connection.query('SELECT GET_LOCK(?, ?)', [LOCK, LOCK_SECONDS]);
  try {
    await connection.query(
      'CREATE TABLE IF NOT EXISTS monitor_schema (version INTEGER NOT NULL PRIMARY KEY)',
    );
    let version = await versionOf(connection);
    if (version > STORE_VERSION)
      throw new LogdError(
        'storage',
        `The tables of the monitor were made by a newer logd (version ${version}, this one knows ${STORE_VERSION}): update logd.`,
      );
    for (const statements of migrationsFrom(version, 'mariadb')) {
      for (const statement of statements) await runAgain(connection, statement);
      await connection.query('REPLACE INTO monitor_schema VALUES (?)', [++version]);
    }
  } finally {
    await connection.query('SELECT RELEASE_LOCK(?)', [LOCK]).catch(() => undefined);
  }
};
