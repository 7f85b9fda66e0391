/**
 * Directories below the sink's root, and the durability of what is entered in them.
 *
 * A file survives power loss only when its directory was fsynced after the file was entered, and so on up to the root.
 * Invariant: a directory in `settled` is durably entered in its parent, and so are all above it.
 */
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncDirectory } from '../durable-directory.ts';
import { inTurn } from './turn.ts';

/** Only saves fsyncs; forgotten when it grows beyond this many directories. */
const MOST_SETTLED = 10_000;

export interface Directories {
  /** Makes the directory that is to hold `path`; the next {@link flush} makes the entry of `path` durable. */
  prepare(path: string): Promise<void>;
  /** Resolves when everything prepared before this call is durably entered. What failed is tried again by the next call. */
  flush(): Promise<void>;
}

/** The directories below `root`, which exists. */
export const directoriesBelow = (root: string): Directories => {
  const pending = new Set<string>();
  const settled = new Set<string>([root]);
  const turn = inTurn();

  return {
    prepare: async (path) => {
      let level = dirname(path);
      if (!settled.has(level)) await mkdir(level, { recursive: true });
      pending.add(level);
      while (!settled.has(level) && level !== root) pending.add((level = dirname(level)));
    },
    flush: () =>
      turn(async () => {
        if (pending.size === 0) return;
        const directories = [...pending];
        pending.clear();
        try {
          await Promise.all(directories.map(syncDirectory));
        } catch (error) {
          for (const directory of directories) pending.add(directory);
          throw error;
        }
        if (settled.size > MOST_SETTLED) {
          settled.clear();
          settled.add(root);
        }
        for (const directory of directories) settled.add(directory);
      }),
  };
};
