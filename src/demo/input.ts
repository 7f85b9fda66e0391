/** `logd demo --input FILE…`: the user's own files, each as an hour of a host. */
import { constants, copyFile, link, realpath, rename, stat } from 'node:fs/promises';
import { errnoOf, LogdError, messageOf } from '../error.ts';

/** The real paths of the files. Rejects with `usage` for what is no regular file. */
export const checkInput = async (files: readonly string[]): Promise<string[]> =>
  Promise.all(
    files.map(async (file) => {
      const path = await realpath(file).catch((error: unknown) => {
        throw new LogdError('usage', `Cannot read the input ${file}: ${messageOf(error)}.`);
      });
      if (!(await stat(path)).isFile())
        throw new LogdError('usage', `The input ${file} is not a regular file: give files, not directories.`);
      return path;
    }),
  );

/**
 * Makes `file` appear at `path`, whole and at once: as a hard link where the file system allows, else as a copy (a clone where
 * there is such a thing). The demo only ever reads it.
 */
export const placeInput = async (file: string, path: string): Promise<void> => {
  try {
    await link(file, path);
  } catch (error) {
    if (!['EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP', 'EACCES'].includes(errnoOf(error) ?? '')) throw error;
    const temporary = `${path}.part`; // does not match the agent's pattern
    await copyFile(file, temporary, constants.COPYFILE_FICLONE);
    await rename(temporary, path);
  }
};
