/** A directory's entries survive power loss only once the directory itself was fsynced. */
import { mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Makes what was entered in a directory, or removed from it, durable. */
export const syncDirectory = async (path: string): Promise<void> => {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
};

/** Makes `path` and what is missing above it, durably. */
export const makeDirectory = async (path: string, mode = 0o777): Promise<void> => {
  const topmost = await mkdir(path, { recursive: true, mode });
  if (topmost === undefined) return;
  for (let level = path; level.length >= topmost.length; level = dirname(level))
    await syncDirectory(dirname(level));
};
