/** fsync of files, with the fault point before it at which a test makes a disk slow, or ends the process. */
import type { FileHandle } from 'node:fs/promises';
import { slowFault } from '../fault/fault.ts';

/** Makes the bytes and the attributes of a file durable. */
export const syncFile = async (handle: FileHandle): Promise<void> => {
  await slowFault('disk.sync');
  await handle.sync();
};

/** Makes the bytes of a file durable, and of its attributes only what finds them. */
export const syncData = async (handle: FileHandle): Promise<void> => {
  await slowFault('disk.sync');
  await handle.datasync();
};

/**
 * Shares a job among its callers: all who ask while it runs are answered by the next one. Each promise settles as a run of the job that
 * began after the call.
 */
export const shared = (job: () => Promise<void>): (() => Promise<void>) => {
  let last: Promise<void> = Promise.resolve();
  let next: Promise<void> | undefined;
  return () => {
    next ??= last.then(() => {
      next = undefined;
      const mine = job();
      last = mine.catch(() => undefined);
      return mine;
    });
    return next;
  };
};
