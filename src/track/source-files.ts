/**
 * The files behind the sources of an agent: opened by name or by their held link, closed when too many are open.
 *
 * Invariants: a file is not closed while someone reads it. A link goes only when no source that is kept needs it: the file of
 * a repeated hour is a source of two segments.
 */
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf, LogdError } from '../error.ts';
import { descriptorLimit, shareDescriptors } from '../disk/descriptors.ts';
import { bytesOfPath } from '../disk/path-bytes.ts';
import type { Holds } from '../tail/hold.ts';
import {
  beginningOf,
  type FileId,
  inodeOf,
  fingerprintBytes,
  fingerprintOf,
  hasFingerprint,
  openSource,
  type Source,
} from '../tail/source.ts';
import type { SourceState } from './segment.ts';

/** Bytes compared on each side of the place up to which a file is cut, when another file has taken its name. */
const COMPARED_BYTES = 1 << 16;

/**
 * Methods reject with `source`, retryable, when a file is there and cannot be opened or read now: permission, too many open
 * files, I/O error.
 */
export interface SourceFiles extends AsyncDisposable {
  /** Works on the open file. Rejects with `source`, not retryable, when it is found neither by its name nor by its link. */
  read<T>(source: SourceState, work: (file: Source) => Promise<T>): Promise<T>;
  /** Makes sure that the file stays readable though it is deleted: by a hard link, else by keeping it open. */
  keep(source: SourceState): Promise<void>;
  /** Of a source that is found neither by its name nor by its link: true when that is for good, its directory being there. */
  isGone(source: SourceState): Promise<boolean>;
  /** Everything of it is acked. */
  release(source: SourceState): Promise<void>;
  /** The fingerprint of the file at a path, or undefined when it is not there or another file than `id`. */
  fingerprintAt(path: string, id: FileId): Promise<string | undefined>;
  /** True when the file at a path begins with what the source began with. */
  beginsLike(path: string, source: SourceState): Promise<boolean>;
  /** The same, and the file has at its place what was last cut of the source. */
  continues(path: string, source: SourceState): Promise<boolean>;
  /** Works on the open file of a path, whatever file that is. Rejects with `source`. */
  readAt<T>(path: string, work: (file: Source) => Promise<T>): Promise<T>;
  /** The first bytes of the file at a path, up to where the source is cut. */
  beginningAt(path: string, source: SourceState): Promise<Buffer | undefined>;
  /** True when the file at a path, of so many bytes, is what the source began with: as far as fingerprint and beginning tell. */
  isPart(path: string, source: SourceState, size: number): Promise<boolean>;
  /** True when the file at a path, another one, holds the same bytes as the source around the place up to which that is cut. */
  isCopy(path: string, source: SourceState): Promise<boolean>;
}

interface OpenFile {
  readonly opening: Promise<Source>;
  /** Who reads it now. */
  readers: number;
}

/** Not there, or no regular file (ENXIO: a socket): someone else has the name. */
const isAbsence = (error: unknown): boolean => {
  const errno = error instanceof Error ? errnoOf(error.cause) : undefined;
  return errno === undefined || ['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO'].includes(errno);
};

const openIfThere = async (path: string): Promise<Source | undefined> => {
  try {
    return await openSource(path);
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw error;
  }
};

/** True when the file still has the bytes that were last cut of the source, where they are known. */
export const hasLastBytes = async (file: Source, { lastBytes, position }: SourceState): Promise<boolean> => {
  if (lastBytes === undefined) return true;
  const now = Buffer.alloc(lastBytes.length);
  const read = await file.read(now, position - lastBytes.length);
  return read === now.length && now.equals(lastBytes);
};

export interface SourceFilesOptions {
  /** Told of each file that has no link and so must be kept open. */
  readonly onUnlinked?: (path: string) => void;
  /** Told of each file that has no link and cannot be kept open either, for want of descriptors: it is opened by its name. */
  readonly onNotKept?: (path: string) => void;
  /** Most files that are kept open without a link, and most that are open beside them: reopening one costs little. */
  readonly most?: { readonly kept: number; readonly cached: number };
}

/** `holds` is the directory of links. */
const openByName = async (source: SourceState): Promise<Source | undefined> => {
  const file = await openIfThere(source.path);
  if (file === undefined) return undefined;
  const isSame = file.dev === source.dev && file.ino === source.ino;
  // While nothing of it is cut, any beginning will do.
  if (isSame && (source.position === 0 || (await hasFingerprint(file, source.fingerprint)))) return file;
  await file.close();
  return undefined;
};

/** Whether a file has the bytes of a source around where that was cut. */
const isCopyOf = async (source: SourceState, copy: Source, read: SourceFiles['read']): Promise<boolean> => {
  const start = Math.max(0, source.position - COMPARED_BYTES);
  const [ours, theirs] = [0, 0].map(() => Buffer.alloc(source.position - start + COMPARED_BYTES));
  const size = await read(source, (file) => file.read(ours!, start)).catch(() => undefined);
  // Where the source is gone its first bytes must do; without any, nothing says that the file is a copy.
  if (size === undefined)
    return fingerprintBytes(source.fingerprint) > 0 && hasFingerprint(copy, source.fingerprint);
  if (size === 0) return false;
  const same = await copy.read(theirs!.subarray(0, size), start);
  return same === size && ours!.subarray(0, size).equals(theirs!.subarray(0, size));
};

export const createSourceFiles = (
  holds: Holds,
  { onUnlinked, onNotKept, most = shareDescriptors(descriptorLimit()) }: SourceFilesOptions = {},
): SourceFiles => {
  /** The longest unused first. */
  const files = new Map<number, OpenFile>();
  /** There is no link: once closed they may be gone. */
  const onlyOpen = new Set<number>();
  /** The sources that need the link of an inode. */
  const kept = new Map<string, Set<number>>();

  const openAnyhow = async (source: SourceState): Promise<Source> => {
    const file = (await openByName(source)) ?? (await holds.open(source));
    if (file !== undefined) return file;
    throw new LogdError('source', `${source.path} is gone, or another file has its name.`);
  };

  const closeSurplus = async (): Promise<void> => {
    for (const [id, { opening, readers }] of files) {
      if (files.size - onlyOpen.size <= most.cached) return;
      if (readers > 0 || onlyOpen.has(id)) continue;
      files.delete(id);
      await (await opening).close();
    }
  };

  const read = async <T>(source: SourceState, work: (file: Source) => Promise<T>): Promise<T> => {
    const entry = files.get(source.id) ?? { opening: openAnyhow(source), readers: 0 };
    files.delete(source.id);
    files.set(source.id, entry);
    entry.readers++;
    try {
      return await work(await entry.opening);
    } catch (error) {
      const failed = await entry.opening.then(
        () => false,
        () => true,
      );
      if (failed && files.get(source.id) === entry) files.delete(source.id);
      throw error;
    } finally {
      entry.readers--;
      await closeSurplus();
    }
  };

  /** Calls with the open file of a path; false when there is none. */
  const withFileAt = async (path: string, test: (file: Source) => Promise<boolean>): Promise<boolean> => {
    await using file = await openIfThere(path);
    return file !== undefined && (await test(file));
  };

  return {
    read,
    async keep(source) {
      const inode = inodeOf(source);
      kept.set(inode, (kept.get(inode) ?? new Set()).add(source.id));
      if ((await holds.hold(source.path, source)) === 'linked') return;
      if (onlyOpen.size >= most.kept) return onNotKept?.(source.path);
      onlyOpen.add(source.id);
      onUnlinked?.(source.path);
      await read(source, async () => undefined).catch(() => onlyOpen.delete(source.id));
    },
    async isGone(source) {
      const directory = await stat(bytesOfPath(dirname(source.path))).catch(() => undefined);
      if (directory === undefined) return false;
      // Its directory may have come back, with it, since it was looked for.
      await using file = await openByName(source);
      return file === undefined;
    },
    async release(source) {
      const entry = files.get(source.id);
      files.delete(source.id);
      onlyOpen.delete(source.id);
      await entry?.opening.then((file) => file.close()).catch(() => undefined);
      const inode = inodeOf(source);
      const users = kept.get(inode);
      users?.delete(source.id);
      if (users !== undefined && users.size > 0) return;
      kept.delete(inode);
      await holds.release(source);
    },
    async fingerprintAt(path, id) {
      await using file = await openIfThere(path);
      return file?.dev === id.dev && file.ino === id.ino ? await fingerprintOf(file) : undefined;
    },
    beginsLike: (path, source) => withFileAt(path, (file) => hasFingerprint(file, source.fingerprint)),
    continues: (path, source) =>
      withFileAt(
        path,
        async (file) => (await hasFingerprint(file, source.fingerprint)) && hasLastBytes(file, source),
      ),
    async readAt(path, work) {
      await using file = await openSource(path);
      return await work(file);
    },
    async beginningAt(path, source) {
      await using file = await openIfThere(path);
      return file === undefined ? undefined : beginningOf(file, source.position);
    },
    isPart: (path, source, size) =>
      withFileAt(path, async (file) => {
        if (size >= fingerprintBytes(source.fingerprint)) return hasFingerprint(file, source.fingerprint);
        const known = source.beginning?.subarray(0, size);
        return known?.length === size && known.equals(await beginningOf(file, size));
      }),
    isCopy: (path, source) => withFileAt(path, (copy) => isCopyOf(source, copy, read)),
    async [Symbol.asyncDispose]() {
      const opened = [...files.values()];
      files.clear();
      for (const { opening } of opened) await opening.then((file) => file.close()).catch(() => undefined);
    },
  };
};
