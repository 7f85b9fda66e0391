/** The files of a spool: which there are, which is written to, and when one is deleted. */
import { readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { syncDirectory } from '../disk/durable-directory.ts';
import type { Emit } from '../telemetry/events.ts';
import { readPosition, type SpoolPosition } from './position.ts';
import { donePosition, openSpoolFile, type SpoolFile, surveySpoolFile } from './spool-file.ts';

export interface SpoolFiles {
  /** Oldest first. */
  all(): readonly SpoolFile[];
  has(file: SpoolFile): boolean;
  find(number: number): SpoolFile | undefined;
  bytes(): number;
  /** Packs that are not done. */
  packs(): number;
  /** When the oldest of them was spooled. */
  oldest(): number | undefined;
  /** Where a restart goes on. */
  position(): SpoolPosition;
  /** The file to write to: a new one where the last is full, or none is written to. */
  roll(): Promise<SpoolFile>;
  /** Nothing more is written to the file that is written to. */
  leaveCurrent(): void;
  /** A file's handle is in use, so it is not deleted yet. */
  reading(file: SpoolFile | undefined): void;
  /** Deletes files of which everything is done; the one that is being written to only between two batches. */
  sweep(isWritten: boolean): void;
  close(): Promise<void>;
}

const NAME = /^(\d{10})\.spool$/;

/** Files as a start finds them, oldest first, with what is damaged told and what is done deleted. */
export const recoverSpoolFiles = async (
  dir: string,
  emit: Emit,
): Promise<{ files: SpoolFile[]; last: number }> => {
  const position = await readPosition(dir);
  const names = (await readdir(dir)).filter((name) => NAME.test(name)).sort();
  const files: SpoolFile[] = [];
  for (const [index, name] of names.entries()) {
    const path = join(dir, name);
    const number = Number(name.slice(0, 10));
    if (number < position.file) {
      await unlink(path);
      continue;
    }
    const file = await openSpoolFile(path, number, 'r+');
    const newest = index === names.length - 1;
    const rest = await surveySpoolFile(file, number === position.file ? position.at : 0, newest);
    if (rest > 0 && newest) {
      await file.handle.truncate(file.size);
      emit('spool.torn', { path, bytes: rest });
    } else if (rest > 0) emit('spool.damaged', { path, bytes: rest });
    if (file.undone > 0) files.push(file);
    else {
      await file.handle.close();
      await unlink(path);
    }
  }
  const numbers = names.map((name) => Number(name.slice(0, 10)));
  return { files, last: Math.max(position.file, ...numbers) };
};

/** `files`: those of before, which are only read. `last`: the highest number so far. `fileBytes`: a file that has so many is full. */
export const createSpoolFiles = (
  dir: string,
  files: SpoolFile[],
  last: number,
  fileBytes: number,
): SpoolFiles => {
  /** Always the last of `files`. */
  let current: SpoolFile | undefined;
  let number = last;
  let beingRead: SpoolFile | undefined;

  const drop = (file: SpoolFile): void => {
    files.splice(files.indexOf(file), 1);
    if (current === file) current = undefined;
    void file.handle
      .close()
      .then(() => unlink(file.path))
      .catch(() => undefined);
  };

  return {
    all: () => files,
    has: (file) => files.includes(file),
    find: (wanted) => files.find((one) => one.number === wanted),
    bytes: () => files.reduce((sum, { size }) => sum + size, 0),
    packs: () => files.reduce((sum, { undone }) => sum + undone, 0),
    oldest: () => files.find(({ undone }) => undone > 0)?.since,
    position() {
      const [first] = files;
      return first === undefined
        ? { file: number + 1, at: 0 }
        : { file: first.number, at: donePosition(first) };
    },
    async roll() {
      if (current !== undefined && current.size < fileBytes) return current;
      const path = join(dir, `${String(++number).padStart(10, '0')}.spool`);
      const file = await openSpoolFile(path, number, 'wx+');
      try {
        await syncDirectory(dir);
      } catch (error) {
        await file.handle.close();
        throw error;
      }
      files.push(file);
      current = file;
      return file;
    },
    leaveCurrent() {
      current = undefined;
    },
    reading(file) {
      beingRead = file;
    },
    sweep(isWritten) {
      for (const file of [...files]) {
        const mayGo = file !== beingRead && !(file === current && isWritten && file.size < fileBytes);
        if (file.undone === 0 && mayGo) drop(file);
      }
    },
    async close() {
      for (const { handle } of files) await handle.close().catch(() => undefined);
    },
  };
};
