/**
 * Keeps source files readable until they are acked, though someone deletes them: a hard link each.
 *
 * Layout: `<state_dir>/held/<dev>-<ino>`, a hard link to the source. The name tells the inode, so holding a file twice,
 * or under another name after a rename, is one link; what a crash leaves behind is found by {@link Holds.list}.
 * Invariant: a name that `open` opens has the inode that its name says.
 * Where there can be no link (other file system, no permission, too many links) an open handle must do.
 */
import { link, lstat, mkdir, open, readdir, realpath, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { bytesOfPath } from '../disk/path-bytes.ts';
import { LogdError, errnoOf, messageOf } from '../error.ts';
import { fault } from '../fault/fault.ts';
import { inodeOf, openSource } from './source.ts';
import type { FileId, Source } from './source.ts';

/** The directory of held files. */
export interface Holds {
  /**
   * Links the file that `path` named when `id` was read from it, durably. `unlinked`: the path is another file by now, or
   * the file system refuses; whoever has the file open still reads it until the process ends.
   */
  hold(path: string, id: FileId): Promise<'linked' | 'unlinked'>;
  /** Removes the link; it is no error when there is none. */
  release(id: FileId): Promise<void>;
  /** Opens a held file; undefined when it is not held. */
  open(id: FileId): Promise<Source | undefined>;
  /** Every file held. */
  list(): Promise<FileId[]>;
}

const NAME = /^(\d+)-(\d+)$/;

const isFile = async (path: string, id: FileId): Promise<boolean> => {
  // lstat: a link to a symbolic link would not keep the file behind it.
  const stats = await lstat(bytesOfPath(path), { bigint: true });
  return stats.isFile() && String(stats.dev) === id.dev && String(stats.ino) === id.ino;
};

/** Opens the directory of held files, creating it where needed. Rejects with `storage`. */
export const openHolds = async (directory: string): Promise<Holds> => {
  const nameOf = (id: FileId): string => join(directory, inodeOf(id));

  const sync = async (): Promise<void> => {
    await using handle = await open(directory);
    await handle.sync();
  };

  const remove = async (id: FileId): Promise<void> => {
    fault('hold.before-unlink');
    await rm(nameOf(id), { force: true });
  };

  const linkOnce = async (path: string, id: FileId): Promise<void> => {
    fault('hold.before-link');
    await link(await realpath(bytesOfPath(path), { encoding: 'buffer' }), nameOf(id)).catch(
      (error: unknown) => {
        if (errnoOf(error) !== 'EEXIST') throw error;
      },
    );
  };

  try {
    await mkdir(directory, { recursive: true, mode: 0o750 });
  } catch (error) {
    throw new LogdError('storage', `Cannot create ${directory}: ${messageOf(error)}. Check state_dir.`, {
      cause: error,
    });
  }

  return {
    async hold(path, id) {
      try {
        // What is held already needs no name any more.
        if (!(await isFile(nameOf(id), id).catch(() => false))) await linkOnce(path, id);
        if (!(await isFile(nameOf(id), id))) {
          // A stale name (a state directory that was copied), or the path was given to another file before the link.
          await remove(id);
          await linkOnce(path, id);
          if (!(await isFile(nameOf(id), id))) {
            await remove(id);
            return 'unlinked';
          }
        }
        await sync();
        return 'linked';
      } catch (error) {
        if (errnoOf(error) === undefined) throw error;
        return 'unlinked';
      }
    },
    async release(id) {
      try {
        await remove(id);
      } catch (error) {
        throw new LogdError('storage', `Cannot remove ${nameOf(id)}: ${messageOf(error)}.`, {
          retryable: true,
          cause: error,
        });
      }
    },
    async open(id) {
      if (!(await isFile(nameOf(id), id).catch(() => false))) return undefined;
      return openSource(nameOf(id));
    },
    async list() {
      const names = (await readdir(directory)).map((name) => NAME.exec(name));
      return names.flatMap((match) => (match === null ? [] : [{ dev: match[1]!, ino: match[2]! }]));
    },
  };
};
