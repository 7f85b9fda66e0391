/** How many files this process may have open (`ulimit -n`, LimitNOFILE), and how they are shared out. */
import { closeSync, openSync, readFileSync } from 'node:fs';
import { errnoOf } from '../error.ts';

/** Where the system does not say. */
const USUAL = 1024;
/** For the standard streams, sockets, databases and threads. */
const RESERVED = 56;

/** The soft limit of this process. */
export const descriptorLimit = (): number => {
  try {
    const soft = /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    return soft === undefined || soft === 'unlimited' ? USUAL : Number(soft);
  } catch {
    return USUAL;
  }
};

/** `kept`: sources that must stay open, because they have no link; `cached`: those that are open to be read again soon. */
export const shareDescriptors = (limit: number): { readonly kept: number; readonly cached: number } => {
  const free = Math.max(12, limit - RESERVED);
  const cached = Math.min(64, Math.max(4, Math.floor(free / 4)));
  return { kept: Math.max(8, Math.floor(free / 2)), cached };
};

/**
 * Most stored files that are kept open to be written to, more than most sinks have hosts: a file that is closed is synced, and opened again
 * for the next pack of its hour. Fewer where the limit is low, so that sockets and databases have theirs.
 */
const MOST_STORED = 512;
const STORED_SHARE = 0.45;

export const storedDescriptors = (limit: number): number =>
  Math.min(MOST_STORED, Math.max(8, Math.floor((limit - RESERVED) * STORED_SHARE)));

/** Directories that are open at a time to be synced. */
export const syncedDescriptors = (limit: number): number =>
  Math.min(64, Math.max(4, Math.floor((limit - RESERVED) / 8)));

/** What a node may need that takes so many connections; undefined where the limit is enough. */
export const descriptorsNeeded = (connections: number, limit: number): number | undefined =>
  RESERVED + storedDescriptors(limit) + connections <= limit
    ? undefined
    : RESERVED + MOST_STORED + connections;

/** Whether this process can open no more files at the moment: for libraries that do not say why they failed. */
export const isOutOfDescriptors = (): boolean => {
  try {
    closeSync(openSync('/', 'r'));
    return false;
  } catch (error) {
    return errnoOf(error) === 'EMFILE';
  }
};
