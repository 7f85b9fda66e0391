/**
 * The files behind the sources of a stream: opened by name or by their held link, closed when too many are open.
 */
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf, LogdError } from '../error.ts';
import type { Holds } from '../tail/hold.ts';
import { fingerprintOf, hasFingerprint, openSource, type Source } from '../tail/source.ts';
import type { SourceState } from './segment.ts';

/** Files kept open though linked: reopening one costs little. */
const OPEN_FILES = 64;

export interface SourceFiles extends AsyncDisposable {
  /** The open file of a source. Rejects with `source` when it can be found neither by its name nor by its link. */
  open(source: SourceState): Promise<Source>;
  /** Makes sure that the file stays readable though it is deleted: by a hard link, else by keeping it open. */
  keep(source: SourceState): Promise<void>;
  /** True when its name is gone from a directory that is there. */
  isGone(source: SourceState): Promise<boolean>;
  /** Everything of it is acked. */
  release(source: SourceState): Promise<void>;
  /** The fingerprint of the file at a path, or undefined when it is not there or another file than `id`. */
  fingerprintAt(
    path: string,
    id: { readonly dev: string; readonly ino: string },
  ): Promise<string | undefined>;
  /** True when the file at a path begins with what the source began with. */
  beginsLike(path: string, source: SourceState): Promise<boolean>;
}

interface OpenFile {
  readonly file: Source;
  /** There is no link: once closed it may be gone. */
  onlyHandle: boolean;
}

/** `holds` is the directory of links. */
export const createSourceFiles = (holds: Holds): SourceFiles => {
  const files = new Map<number, OpenFile>();

  const openByName = async (source: SourceState): Promise<Source | undefined> => {
    const file = await openSource(source.path).catch(() => undefined);
    if (file === undefined) return undefined;
    if (
      file.dev === source.dev &&
      file.ino === source.ino &&
      (await hasFingerprint(file, source.fingerprint))
    )
      return file;
    await file.close();
    return undefined;
  };

  const closeSurplus = async (): Promise<void> => {
    for (const [id, { file, onlyHandle }] of files) {
      if (files.size <= OPEN_FILES) return;
      if (onlyHandle) continue;
      files.delete(id);
      await file.close();
    }
  };

  const open = async (source: SourceState): Promise<Source> => {
    const opened = files.get(source.id);
    if (opened !== undefined) return opened.file;
    const file = (await openByName(source)) ?? (await holds.open(source));
    if (file === undefined)
      throw new LogdError('source', `${source.path} is gone, or another file has its name.`);
    files.set(source.id, { file, onlyHandle: false });
    await closeSurplus();
    return file;
  };

  return {
    open,
    async keep(source) {
      if ((await holds.hold(source.path, source)) === 'linked') return;
      await open(source).catch(() => undefined);
      const opened = files.get(source.id);
      if (opened !== undefined) opened.onlyHandle = true;
    },
    async isGone({ path }) {
      const there = (name: string): Promise<boolean> =>
        stat(name).then(
          () => true,
          (error: unknown) => errnoOf(error) !== 'ENOENT',
        );
      return !(await there(path)) && (await there(dirname(path)));
    },
    async release(source) {
      const opened = files.get(source.id);
      files.delete(source.id);
      await opened?.file.close();
      await holds.release(source);
    },
    async fingerprintAt(path, id) {
      const file = await openSource(path).catch(() => undefined);
      if (file === undefined) return undefined;
      try {
        return file.dev === id.dev && file.ino === id.ino ? await fingerprintOf(file) : undefined;
      } finally {
        await file.close();
      }
    },
    async beginsLike(path, source) {
      const file = await openSource(path).catch(() => undefined);
      if (file === undefined) return false;
      try {
        return await hasFingerprint(file, source.fingerprint);
      } finally {
        await file.close();
      }
    },
    async [Symbol.asyncDispose]() {
      for (const { file } of files.values()) await file.close();
      files.clear();
    },
  };
};
