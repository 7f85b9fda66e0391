/** A directory's entries survive power loss only once the directory itself was fsynced. */
import { mkdir, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncFile } from './sync.ts';
import { errnoOf, LogdError, messageOf } from '../error.ts';
import { DIRECTORY_MODE } from './no-links.ts';

/** Makes what was entered in a directory, or removed from it, durable. */
export const syncDirectory = async (path: string): Promise<void> => {
  const handle = await open(path, 'r');
  try {
    await syncFile(handle);
  } finally {
    await handle.close();
  }
};

/**
 * Makes `path` and what is missing above it, durably. Rejects with `storage` where that cannot be.
 * @param setting what the user has set to the path, for the message.
 */
export const makeDirectory = async (path: string, setting: string, mode = DIRECTORY_MODE): Promise<void> => {
  try {
    for (const made of await makeLevels(path, mode)) await syncDirectory(dirname(made));
  } catch (error) {
    throw new LogdError('storage', `Cannot make the directory ${path}: ${whyNot(error)}. Check ${setting}.`, {
      cause: error,
    });
  }
};

/**
 * What was made, the topmost last. Not Node's own `recursive`: where the system says ENOENT though the directory above is there, as
 * below /proc, that one tries for ever.
 */
const makeLevels = async (path: string, mode: number, isRepeat = false): Promise<string[]> => {
  try {
    await mkdir(path, { mode });
    return [path];
  } catch (error) {
    if (await isDirectory(path)) return [];
    const above = dirname(path);
    if (errnoOf(error) !== 'ENOENT' || isRepeat) throw error;
    // Another process may have made it since: once more tells that from a directory that takes none.
    if (await isDirectory(above)) return await makeLevels(path, mode, true);
    const made = await makeLevels(above, mode);
    return [...(await makeLevels(path, mode)), ...made];
  }
};

const isDirectory = (path: string): Promise<boolean> =>
  stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );

const whyNot = (error: unknown): string => {
  switch (errnoOf(error)) {
    case 'ENOENT':
      return 'the directory above it takes none';
    case 'EEXIST':
    case 'ENOTDIR':
      return 'a file is in the way';
    default:
      return messageOf(error);
  }
};
