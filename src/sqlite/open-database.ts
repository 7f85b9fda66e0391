/**
 * Opens one of logd's SQLite files, and creates it durably where it is not there.
 *
 * Settings: WAL with `synchronous=FULL`, so that a COMMIT that returned survives power loss (one fsync of the -wal file);
 * readers in other processes never block the writer. `application_id` says which database this is, `user_version` its schema.
 * Recovery after a crash is SQLite's own: the next opening replays the -wal file up to its last whole commit.
 */
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { errnoOf, LogdError, messageOf } from '../error.ts';
import { readInteger } from './row.ts';
import type { Schema } from './operations.ts';

/** How long a write waits for another process's write lock, milliseconds. */
const BUSY_TIMEOUT = 5_000;
/** The -wal file is copied into the database when it holds this many pages of 4 KiB, and cut back to this many bytes. */
const CHECKPOINT_PAGES = 1_000;
const WAL_BYTES = 8 * 1024 * 1024;
const CACHE_KIB = 4_096;

/**
 * Blocks, so call it in a database thread. Read-only opening never creates the database, and needs no write to it; SQLite may leave
 * empty `-wal` and `-shm` files beside one that no other process has open.
 * @throws LogdError `storage` where the file cannot be opened, is another kind of file, or comes from a newer logd.
 */
export const openDatabase = (
  path: string,
  schema: Schema,
  options: { readonly readOnly: boolean },
): DatabaseSync => {
  if (options.readOnly && !existsSync(path))
    throw new LogdError(
      'storage',
      `There is no ${schema.title} at ${path}: check the configured path, or start the node once.`,
    );
  if (!options.readOnly) createDirectory(dirname(resolve(path)));
  const db = new DatabaseSync(path, { readOnly: options.readOnly, timeout: BUSY_TIMEOUT });
  try {
    if (!options.readOnly) {
      // Before anything is written: a file that is not ours is left as it is.
      if (!isEmpty(db)) checkSchema(db, path, schema, mayMigrate);
      db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON`);
      db.exec(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}; PRAGMA journal_size_limit = ${WAL_BYTES}`);
      if (isEmpty(db)) createSchema(db, schema);
      else migrate(db, schema);
      syncDirectory(dirname(resolve(path)));
    }
    checkSchema(db, path, schema);
    db.exec(`PRAGMA cache_size = -${CACHE_KIB}; PRAGMA temp_store = MEMORY`);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
};

const pragma = (db: DatabaseSync, name: 'application_id' | 'user_version'): number =>
  readInteger(db.prepare(`PRAGMA ${name}`).get() ?? {}, name);

const isEmpty = (db: DatabaseSync): boolean =>
  db.prepare('SELECT 1 FROM sqlite_schema LIMIT 1').get() === undefined;

/** All or nothing: a crash in the middle leaves an empty file, which the next opening fills. */
const createSchema = (db: DatabaseSync, schema: Schema): void => {
  db.exec(`BEGIN IMMEDIATE;
    PRAGMA application_id = ${schema.applicationId};
    PRAGMA user_version = ${schema.version};
    ${schema.create};
    COMMIT`);
};

/** One version after the other, each in a transaction of its own: a crash leaves a file of one version or the next. */
const migrate = (db: DatabaseSync, { version, migrations }: Schema): void => {
  for (let from = pragma(db, 'user_version'); from < version; from++)
    db.exec(`BEGIN IMMEDIATE; ${migrations?.[from] ?? ''}; PRAGMA user_version = ${from + 1}; COMMIT`);
};

const mayMigrate = (from: number, { version, migrations }: Schema): boolean =>
  Array.from({ length: version - from }, (_, n) => from + n).every(
    (each) => migrations?.[each] !== undefined,
  );

const checkSchema = (
  db: DatabaseSync,
  path: string,
  schema: Schema,
  isFine: (version: number, schema: Schema) => boolean = () => false,
): void => {
  if (pragma(db, 'application_id') !== schema.applicationId)
    throw new LogdError(
      'storage',
      `The file ${path} is no ${schema.title} of logd: check the configured path.`,
    );
  const version = pragma(db, 'user_version');
  if (version > schema.version)
    throw new LogdError(
      'storage',
      `The ${schema.title} ${path} was written by a newer logd (schema ${version}, this one knows ${schema.version}): update logd.`,
    );
  if (version < schema.version && !isFine(version, schema))
    throw new LogdError(
      'storage',
      `The ${schema.title} ${path} has schema ${version} and this logd needs ${schema.version}: ${mayMigrate(version, schema) ? 'start the node once, which brings it up to date' : 'move it away or use the older logd'}.`,
    );
};

/** Creates the directory and its parents, and makes their names durable. Without Node's `recursive`, which tries for ever below /proc. */
const createDirectory = (directory: string): void => {
  if (isDirectory(directory)) return;
  const above = dirname(directory);
  createDirectory(above);
  try {
    mkdirSync(directory);
  } catch (error) {
    if (isDirectory(directory)) return;
    const why = existsSync(directory)
      ? 'a file is in the way'
      : errnoOf(error) === 'ENOENT'
        ? 'the directory above it takes none'
        : messageOf(error);
    throw new LogdError(
      'storage',
      `Cannot make the directory ${directory}: ${why}. Check the configured path.`,
      {
        cause: error,
      },
    );
  }
  syncDirectory(above);
};

const isDirectory = (path: string): boolean => {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
};

const syncDirectory = (directory: string): void => {
  const handle = openSync(directory, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
};
