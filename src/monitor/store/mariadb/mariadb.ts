/**
 * A monitor's store on a MariaDB or MySQL server.
 *
 *   call ─▶ a connection of the pool ─▶ tables up to date? ─ no ─▶ migrate, once for all callers ─▶ run
 *
 * A server that is away, or hangs, makes calls fail within seconds. Nothing is kept here meanwhile: nodes keep their events, and
 * register again.
 */
import { readFile } from 'node:fs/promises';
import { createPool, type Pool, type PoolConnection } from 'mysql2/promise';
import { LogdError, messageOf } from '../../../error.ts';
import type { Sql, SqlRow, Statement } from '../sql.ts';
import { migrateMariadb } from './migrate.ts';
import type { MariadbOptions } from './options.ts';

const CONNECTIONS = 4;
const CONNECT_MS = 5_000;
const CALL_MS = 15_000;
const MOST_WAITING = 1_000;
/** The server undoes a transaction that stands in the way of another: it is run again. */
const DEADLOCK_TRIES = 5;
/** In UTC; and text ends where our escaping of values says so, whatever the server's own mode. */
const SESSION = "SET time_zone = '+00:00', sql_mode = 'STRICT_TRANS_TABLES'";

const codeOf = (error: unknown): unknown => (error as { readonly code?: unknown } | null)?.code;

const poolOf = async (options: MariadbOptions): Promise<Pool> => {
  const { host, port, socket, user, database, password_file: file } = options;
  const password = file === undefined ? undefined : (await readFile(file, 'utf8')).split(/\r?\n/, 1)[0];
  return createPool({
    ...(socket === undefined ? { host, port } : { socketPath: socket }),
    ...{ user, database, ...(password !== undefined && { password }) },
    ...{ connectTimeout: CONNECT_MS, connectionLimit: CONNECTIONS, queueLimit: MOST_WAITING },
    ...{ charset: 'utf8mb4_bin', timezone: 'Z', dateStrings: true, enableKeepAlive: true },
  });
};

/** A connection whose answer is late cannot be used again. */
const inTime = async <T>(connection: PoolConnection, work: Promise<T>): Promise<T> => {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    connection.destroy();
    late.reject(new Error(`no answer within ${CALL_MS / 1000} seconds`));
  }, CALL_MS);
  work.catch(() => undefined);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
};

const transact = async (
  connection: PoolConnection,
  statements: readonly Statement[],
  tries = DEADLOCK_TRIES,
): Promise<void> => {
  await connection.query('BEGIN');
  try {
    for (const { sql, values = [] } of statements) await connection.query(sql, [...values]);
    await connection.query('COMMIT');
  } catch (error) {
    await connection.query('ROLLBACK');
    if (codeOf(error) !== 'ER_LOCK_DEADLOCK' || tries <= 1) throw error;
    await transact(connection, statements, tries - 1);
  }
};

/** Opens it; resolves whether or not the server is there. */
export const openMariadb = async (options: MariadbOptions): Promise<Sql> => {
  const where = `${options.socket ?? `${options.host}:${options.port}`}/${options.database}`;
  let pool: Promise<Pool> | undefined;
  let migrated: Promise<void> | undefined;

  const migrate = async (connection: PoolConnection): Promise<void> => {
    const own = (migrated ??= migrateMariadb(connection));
    try {
      await own;
    } catch (error) {
      if (migrated === own) migrated = undefined;
      throw error;
    }
  };
  const closePool = async (): Promise<void> => {
    const closing = pool;
    pool = undefined;
    await (await closing?.catch(() => undefined))?.end().catch(() => undefined);
  };
  const call = async <T>(work: (connection: PoolConnection) => Promise<T>): Promise<T> => {
    try {
      const connection = await (await (pool ??= poolOf(options))).getConnection();
      try {
        const all = async (): Promise<T> => {
          await connection.query(SESSION);
          await migrate(connection);
          return work(connection);
        };
        const result = await inTime(connection, all());
        connection.release();
        return result;
      } catch (error) {
        connection.destroy();
        throw error;
      }
    } catch (error) {
      if (error instanceof LogdError) throw error;
      // The password may be another one by now, or its file be there.
      if (codeOf(error) === 'ER_ACCESS_DENIED_ERROR' || codeOf(error) === 'ENOENT') await closePool();
      const reason = messageOf(error) || String(codeOf(error));
      throw new LogdError('storage', `The database ${where} failed: ${reason}.`, {
        retryable: true,
        cause: error,
      });
    }
  };
  return {
    all: (sql, values = []) =>
      call(async (connection) => (await connection.query(sql, [...values]))[0] as SqlRow[]),
    write: (statements) => call((connection) => transact(connection, statements)),
    [Symbol.asyncDispose]: closePool,
  };
};
