/**
 * A link below a directory of our own leads to what is not ours: nothing is written, read, or changed in its mode through one.
 *
 * Faults are retryable `corrupt`: what belongs there is missing, until the link is taken away.
 */
import { constants, lstatSync, type Stats } from 'node:fs';
import { type FileHandle, lstat, open } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { errnoOf, LogdError } from '../error.ts';

/** The most that is allowed on what we make, whatever the umask. */
export const DIRECTORY_MODE = 0o755;
export const FILE_MODE = 0o644;

const linkFault = (path: string, what: string): LogdError =>
  new LogdError(
    'corrupt',
    `${path} is ${what}, so nothing is written or read there: it may be somebody else's. Remove it, or put back what logd had there.`,
    { retryable: true },
  );

const lstatIfThere = async (path: string): Promise<Stats | undefined> => {
  try {
    return await lstat(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
};

const checkOwn = (path: string, found: Stats | undefined): Stats | undefined => {
  if (found === undefined) return undefined;
  if (found.isSymbolicLink()) throw linkFault(path, 'a symbolic link');
  if (!found.isFile()) throw linkFault(path, found.isDirectory() ? 'a directory' : 'not a regular file');
  if (found.nlink > 1) throw linkFault(path, `a file with ${found.nlink} names (hard links)`);
  return found;
};

/** What lies at the path of a file of our own; undefined where nothing does. */
export const statOwnFile = async (path: string): Promise<Stats | undefined> =>
  checkOwn(path, await lstatIfThere(path));

/** The same at once, on the event loop. */
export const statOwnFileNow = (path: string): Stats | undefined =>
  checkOwn(path, lstatSync(path, { throwIfNoEntry: false }));

/** Opens a file of our own. `flags`: O_RDONLY unless told. Rejects with ENOENT as open does. */
export const openOwnFile = async (path: string, flags = 0, mode = FILE_MODE): Promise<FileHandle> => {
  try {
    return await open(path, flags | constants.O_NOFOLLOW, mode);
  } catch (error) {
    throw errnoOf(error) === 'ELOOP' ? linkFault(path, 'a symbolic link') : error;
  }
};

/** Rejects where a directory between `root` and the path is a link, or none at all. Those that are missing are no fault. */
export const checkLevels = async (root: string, path: string): Promise<void> => {
  let level = root;
  for (const name of relative(root, dirname(path)).split(sep)) {
    if (name === '') return;
    level = join(level, name);
    const found = await lstatIfThere(level);
    if (found === undefined) return;
    if (!found.isDirectory())
      throw linkFault(level, found.isSymbolicLink() ? 'a symbolic link' : 'not a directory');
  }
};
