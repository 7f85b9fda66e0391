/**
 * Keeps two nodes out of one directory: an exclusive SQLite lock on an empty file in it. The kernel gives it back
 * when the process ends, however it ends, and it holds across containers, where process ids say nothing.
 */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { LogdError } from '../error.ts';

/** Locks `dir` by the file `name`, or throws `storage`; `use` says what for: `stores into`. The lock is given back on disposal. */
export const lockDirectory = (dir: string, name: string, use: string): Disposable => {
  const path = join(dir, name);
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
