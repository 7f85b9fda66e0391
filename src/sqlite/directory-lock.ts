/**
 * Keeps two nodes out of one directory: an exclusive SQLite lock on the empty file `.logd-lock`. The kernel gives it back
 * when the process ends, however it ends, and it holds across containers, where process ids say nothing.
 */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { LogdError } from '../error.ts';

/** Locks `dir`, or throws `storage`; `use` says what for: `stores into`. The lock is given back on disposal. */
export const lockDirectory = (dir: string, use: string): Disposable => {
  const path = join(dir, '.logd-lock');
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path);
    database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
  } catch (error) {
    database?.close();
    const busy = error instanceof Error && 'errcode' in error && error.errcode === 5;
    throw new LogdError(
      'storage',
      busy
        ? `Another logd ${use} ${dir}: stop it, or give this one a directory of its own.`
        : `Cannot lock ${path}: check that the directory may be written.`,
      { cause: error },
    );
  }
  return { [Symbol.dispose]: () => database.close() };
};
