/** How many files this process may have open (`ulimit -n`, LimitNOFILE), and how they are shared out. */
import { readFileSync } from 'node:fs';

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
