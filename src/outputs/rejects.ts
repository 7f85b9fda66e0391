/**
 * Records that an output could not deliver for good, kept for a person.
 *
 * Layout, below the output's state directory
 *   rejects/<hour>/<host>_<stream>_<pack>.jsonl   one Extended JSON object a line (Reject); a `_` within a host or stream is doubled
 *
 * Invariants
 * - A pack has one file at most, which holds all of its rejects. A pack that is delivered again replaces it, or removes it where nothing
 *   is rejected any more: so a repeated pack repeats no reject.
 * - keep() resolves once the file and its directory entry are durable.
 * Recovery: a file ending in `.tmp` is an unfinished write. Its pack comes again; such files are ignored and overwritten.
 */
import { mkdir, open, readdir, readFile, rename, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { syncDirectory } from '../disk/durable-directory.ts';
import { errnoOf, LogdError, messageOf } from '../error.ts';
import { isName, joinNames, splitNames } from '../pack/name.ts';
import type { SegmentKey } from '../pack/pack.ts';

/** A pack whose rejects are kept in one file. */
export interface RejectFile extends SegmentKey {
  readonly pack: number;
  readonly path: string;
}

export interface Rejects {
  /** Replaces what is kept of a pack by these lines of JSON; none removes the file. */
  keep(key: SegmentKey, pack: number, lines: readonly string[]): Promise<void>;
  /** Every file, by hour, then by name. */
  list(): Promise<RejectFile[]>;
  /** The lines of a file; none when it is gone. */
  read(file: RejectFile): Promise<string[]>;
}

/** The line numbers of a record, for people: Extended JSON writes numbers as objects. */
export const parseRejectLines = (lines: unknown): string =>
  (Array.isArray(lines) ? lines : [])
    .map((each: unknown) =>
      typeof each === 'object' && each !== null ? Object.values(each).join() : String(each),
    )
    .join(', ');

const ENDING = '.jsonl';

const readName = (name: string): Omit<RejectFile, 'hour' | 'path'> | undefined => {
  const [host = '', stream = '', pack = '', ...more] = splitNames(name.slice(0, -ENDING.length));
  if (!name.endsWith(ENDING) || more.length > 0 || !/^\d+$/.test(pack)) return undefined;
  return isName(host) && isName(stream) ? { host, stream, pack: Number(pack) } : undefined;
};

const namesIn = async (path: string): Promise<string[]> => {
  try {
    return (await readdir(path)).sort();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return [];
    throw error;
  }
};

const writeDurably = async (path: string, text: string): Promise<void> => {
  const temporary = `${path}.tmp`;
  const isNew = (await mkdir(dirname(path), { recursive: true })) !== undefined;
  {
    await using file = await open(temporary, 'w', 0o600);
    await file.writeFile(text);
    await file.sync();
  }
  await rename(temporary, path);
  await syncDirectory(dirname(path));
  if (!isNew) return;
  await syncDirectory(dirname(dirname(path)));
  await syncDirectory(dirname(dirname(dirname(path))));
};

/** The rejects below an output's state directory. Methods reject with a retryable `storage` error. */
export const openRejects = (stateDir: string): Rejects => {
  const root = join(stateDir, 'rejects');
  const failing = async <T>(doing: string, job: () => Promise<T>): Promise<T> => {
    try {
      return await job();
    } catch (error) {
      const why = messageOf(error).replace(/\.?$/, '.');
      throw new LogdError('storage', `Cannot ${doing} rejected records in ${root}: ${why}`, {
        retryable: true,
        cause: error,
      });
    }
  };
  return {
    keep: ({ host, stream, hour }, pack, lines) =>
      failing('keep', async () => {
        const path = join(root, hour, joinNames(host, stream, pack) + ENDING);
        if (lines.length > 0) return writeDurably(path, `${lines.join('\n')}\n`);
        await rm(path, { force: true });
        // The directory goes with its last file; where it is missing or in use, nothing has to be done.
        return rmdir(dirname(path)).catch(() => undefined);
      }),
    list: () =>
      failing('list', async () => {
        const files: RejectFile[] = [];
        for (const hour of await namesIn(root))
          for (const name of await namesIn(join(root, hour))) {
            const read = readName(name);
            if (read !== undefined) files.push({ ...read, hour, path: join(root, hour, name) });
          }
        return files;
      }),
    read: ({ path }) =>
      failing('read', async () => {
        const text = await readFile(path, 'utf8').catch((error: unknown) => {
          if (errnoOf(error) === 'ENOENT') return '';
          throw error;
        });
        return text.split('\n').filter((line) => line !== '');
      }),
  };
};
