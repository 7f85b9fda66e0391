/** The monitor's store in MariaDB or MySQL, for those who want it where their other data is. */
import { readFile } from 'node:fs/promises';
import type { Pool, PoolConnection } from 'mysql2/promise';
import type { z } from 'zod';
import { integer, path, text } from '../../../config/kind.ts';
import { option, section, type Variant } from '../../../config/option.ts';
import { LogdError, messageOf } from '../../../error.ts';
import { migrationsFrom } from '../schema.ts';
import type { Sql, SqlKind, SqlRow, SqlValue, Statement } from '../sql.ts';

const schema = section('A MariaDB or MySQL database.', {
  host: option(text(), { summary: 'Host name or address.', default: '127.0.0.1', example: 'db1' }),
  port: option(integer(), { summary: 'Port.', default: '3306', example: '3307', min: '1', max: '65535' }),
  socket: option(path(), {
    summary: 'Unix socket to use instead of host and port.',
    absent: 'host and port',
    example: '/run/mysqld/mysqld.sock',
  }),
  user: option(text(), { summary: 'User.', default: 'logd', example: 'monitor' }),
  password_file: option(path(), {
    summary: 'File whose first line is the password.',
    absent: 'no password',
    example: '/etc/logd/mariadb-password',
  }),
  database: option(text(), { summary: 'Database; it must exist.', default: 'logd', example: 'monitor' }),
});

type Options = z.output<typeof schema>;

const CONNECTIONS = 4;
const CONNECT_TIMEOUT_MS = 5_000;
const QUERY_TIMEOUT_MS = 30_000;
/** MariaDB's answers to a statement that ran before. */
const ALREADY_THERE = new Set<unknown>(['ER_DUP_KEYNAME', 'ER_TABLE_EXISTS_ERROR', 'ER_DUP_FIELDNAME']);

const codeOf = (error: unknown): unknown => (error as { readonly code?: unknown }).code;

const storageError = (where: string, error: unknown): LogdError =>
  new LogdError('storage', `MariaDB at ${where} does not answer: ${messageOf(error)}`, {
    retryable: true,
    cause: error,
  });

const migrate = async (connection: PoolConnection): Promise<void> => {
  await connection.query('CREATE TABLE IF NOT EXISTS monitor_schema (version INTEGER NOT NULL PRIMARY KEY)');
  const [rows] = await connection.query('SELECT MAX(version) AS version FROM monitor_schema');
  let version = Number((rows as { readonly version: number | null }[])[0]?.version ?? 0);
  for (const statements of migrationsFrom(version, 'mariadb')) {
    for (const statement of statements)
      try {
        await connection.query(statement);
      } catch (error) {
        if (!ALREADY_THERE.has(codeOf(error))) throw error;
      }
    await connection.query('REPLACE INTO monitor_schema VALUES (?)', [++version]);
  }
};

/** A store over a pool that makes connections as they are needed, and again where the server was away. */
const storeOver = (pool: Pool, where: string): Sql => {
  let isReady = false;
  /** Tables are made at the first use: a database that is dead when the monitor starts is no reason not to start. */
  const connected = async (): Promise<PoolConnection> => {
    const connection = await pool.getConnection();
    try {
      if (!isReady) await migrate(connection);
      isReady = true;
      return connection;
    } catch (error) {
      connection.destroy();
      throw error;
    }
  };
  const using = async <T>(work: (connection: PoolConnection) => Promise<T>): Promise<T> => {
    let connection: PoolConnection | undefined;
    try {
      connection = await connected();
      const result = await work(connection);
      connection.release();
      return result;
    } catch (error) {
      connection?.destroy();
      throw storageError(where, error);
    }
  };
  const query = (connection: PoolConnection, sql: string, values: readonly SqlValue[]) =>
    connection.query({ sql, values: [...values], timeout: QUERY_TIMEOUT_MS });
  return {
    all: (sql, values = []) =>
      using(async (connection) => (await query(connection, sql, values))[0] as SqlRow[]),
    write: (statements: readonly Statement[]) =>
      using(async (connection) => {
        await connection.beginTransaction();
        for (const { sql, values = [] } of statements) await query(connection, sql, values);
        await connection.commit();
      }),
    [Symbol.asyncDispose]: () => pool.end(),
  };
};

const open = async (given: Variant): Promise<Sql> => {
  const options = given as unknown as Options;
  const { createPool } = await import('mysql2/promise');
  const password =
    options.password_file === undefined
      ? undefined
      : (await readFile(options.password_file, 'utf8')).split('\n', 1)[0];
  const pool = createPool({
    ...(options.socket === undefined
      ? { host: options.host, port: options.port }
      : { socketPath: options.socket }),
    ...{ user: options.user, database: options.database },
    ...(password !== undefined && { password }),
    ...{ connectionLimit: CONNECTIONS, connectTimeout: CONNECT_TIMEOUT_MS },
    ...{ dateStrings: true, timezone: 'Z', charset: 'utf8mb4', enableKeepAlive: true },
  });
  return storeOver(pool, options.socket ?? `${options.host}:${options.port}`);
};

export const mariadbStore: SqlKind<typeof schema> = {
  kind: 'mariadb',
  summary: 'In a MariaDB or MySQL database.',
  schema,
  open,
};
