/**
 * A virtual machine gives memory that is not used back to its host, and takes seconds of system time to have it again. Written
 * before each measured part, so that the page cache of both sides grows into memory that is there.
 */
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** More than this is never needed at a time: what is written back makes room. */
const MOST_BYTES = 4 * 2 ** 30;

/** Fills so many bytes of page cache, and frees them. */
export const touchMemory = async (dir: string, bytes: number): Promise<void> => {
  const path = join(dir, 'touch');
  const block = Buffer.alloc(1 << 20, 1);
  const file = await open(path, 'w');
  for (let at = 0; at < Math.min(bytes, MOST_BYTES); at += block.length) await file.write(block);
  await file.close();
  await rm(path);
};
