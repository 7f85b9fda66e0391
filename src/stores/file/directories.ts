/**
 * Directories below the store's root, and the durability of what is entered in them.
 *
 * A file survives power loss only when its directory was fsynced after the file was entered, and so on up to the root.
 * Invariant: a directory in `settled` is durably entered in its parent, and so are all above it.
 */
import { statSync } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import { dirname, sep } from 'node:path';
import { errnoOf, LogdError } from '../../error.ts';
import { atMost } from '../../disk/at-most.ts';
import { descriptorLimit, syncedDescriptors } from '../../disk/descriptors.ts';
import { syncDirectory } from '../../disk/durable-directory.ts';
import { checkLevels, DIRECTORY_MODE } from '../../disk/no-links.ts';
import { inTurn } from './turn.ts';

/** Only saves fsyncs; forgotten when it grows beyond this many directories. */
const MOST_SETTLED = 10_000;

export interface Directories {
  /** Rejects with a retryable `corrupt` where a directory above the path, below the root, is a link. */
  check(path: string): Promise<void>;
  /**
   * Makes the directory that is to hold `path`; the next {@link flush} makes the entry of `path` durable. Rejects with a retryable
   * `storage` while another directory is at the root's path, as when its file system is not mounted any more.
   */
  prepare(path: string): Promise<void>;
  /**
   * Resolves when everything prepared before this call is durably entered. What failed is tried again by the next call, but for
   * directories that are gone: whatever was in them has to be prepared again.
   */
  flush(): Promise<void>;
}

/** The directories below `root`, which exists. */
export const directoriesBelow = (root: string): Directories => {
  const pending = new Set<string>();
  const settled = new Set<string>([root]);
  const turn = inTurn();
  const syncing = atMost(syncedDescriptors(descriptorLimit()));
  const opened = statSync(root);

  const checkRoot = async (): Promise<void> => {
    const found = await stat(root).catch(() => undefined);
    if (found?.dev === opened.dev && found.ino === opened.ino) return;
    throw new LogdError(
      'storage',
      `${root} is not the directory that it was when this node started: is its file system mounted? Nothing is written to it until it is back.`,
      { retryable: true },
    );
  };

  /** The directory, and all that were below it, are not there any more. */
  const forget = (gone: string): void => {
    for (const directory of settled)
      if (directory === gone || directory.startsWith(gone + sep)) settled.delete(directory);
  };

  return {
    check: (path) => checkLevels(root, path),
    prepare: async (path) => {
      await checkRoot();
      await checkLevels(root, path);
      let level = dirname(path);
      // Also where it was made before: somebody may have taken it away, as one does with old hours.
      const firstMade = await mkdir(level, { recursive: true, mode: DIRECTORY_MODE });
      if (firstMade !== undefined) forget(firstMade);
      pending.add(level);
      while (!settled.has(level) && level !== root) pending.add((level = dirname(level)));
    },
    flush: () =>
      turn(async () => {
        if (pending.size === 0) return;
        const directories = [...pending];
        pending.clear();
        const results = await Promise.allSettled(
          directories.map((directory) => syncing(() => syncDirectory(directory))),
        );
        const failures = results.filter((result) => result.status === 'rejected').map(({ reason }) => reason);
        if (failures.length > 0) {
          for (const [n, directory] of directories.entries())
            if (isGone(results[n])) forget(directory);
            else pending.add(directory);
          throw failures.find((reason) => errnoOf(reason) !== 'ENOENT') ?? failures[0];
        }
        if (settled.size > MOST_SETTLED) {
          settled.clear();
          settled.add(root);
        }
        for (const directory of directories) settled.add(directory);
      }),
  };
};

const isGone = (result: PromiseSettledResult<void> | undefined): boolean =>
  result?.status === 'rejected' && errnoOf(result.reason) === 'ENOENT';
