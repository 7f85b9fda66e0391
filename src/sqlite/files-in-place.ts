/**
 * Whether the files of an open database are still what lies at their paths. SQLite goes on with files that were deleted, as the
 * kernel does: whatever is committed to them is gone when the process ends.
 */
import { realpathSync, statSync } from 'node:fs';
import { LogdError } from '../error.ts';

/** Says why nothing may be acknowledged any more, or undefined. Costs one stat for each file. */
export type Displaced = () => LogdError | undefined;

const identityOf = (path: string): string | undefined => {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  return found === undefined ? undefined : `${found.dev}:${found.ino}`;
};

/** Watches a database that was just opened for writing, in WAL mode, and read once; `title` is what it is called in messages. */
export const watchFiles = (path: string, title: string): Displaced => {
  const database = realpathSync(path);
  const wal = `${database}-wal`;
  const [databaseId, walId] = [identityOf(database), identityOf(wal)];
  return () => {
    if (identityOf(database) !== databaseId)
      return new LogdError(
        'storage',
        `${path} was removed or replaced while it was open, and with it the ${title} of this node; nothing was acknowledged ` +
          `since. Do not start the node without it: restore the ${title}, see "The state directory is lost" in the operations manual.`,
      );
    if (identityOf(wal) !== walId)
      return new LogdError(
        'storage',
        `${path}-wal was removed or replaced while it was open, a part of the ${title} of this node; nothing was acknowledged ` +
          `since. What it held is written to ${path} as the node ends: start it again, and leave the -wal file to it.`,
      );
    return undefined;
  };
};
