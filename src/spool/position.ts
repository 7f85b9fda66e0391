/** `<dir>/position`: where a restart goes on. Replaced by rename, not fsynced: an old one costs repeats, nothing more. */
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface SpoolPosition {
  /** Number of the file. */
  readonly file: number;
  /** Everything before it is done. */
  readonly at: number;
}

export interface PositionWriter extends AsyncDisposable {
  /** Something was done: the position is written soon. */
  schedule(): void;
}

/** The position is written at most so often: what was done since comes again after a crash. */
const EVERY_MS = 200;

export const readPosition = async (dir: string): Promise<SpoolPosition> => {
  try {
    const { file, at } = JSON.parse(await readFile(join(dir, 'position'), 'utf8')) as Record<string, unknown>;
    if (Number.isSafeInteger(file) && Number.isSafeInteger(at)) return { file: Number(file), at: Number(at) };
  } catch {
    // None yet, or torn: everything that is there comes again.
  }
  return { file: 0, at: 0 };
};

/** Writes what `position` gives; once more when it is disposed of. */
export const createPositionWriter = (dir: string, position: () => SpoolPosition): PositionWriter => {
  let timer: NodeJS.Timeout | undefined;
  const write = async (): Promise<void> => {
    const path = join(dir, 'position');
    await writeFile(`${path}~`, JSON.stringify(position()))
      .then(() => rename(`${path}~`, path))
      .catch(() => undefined);
  };
  return {
    schedule() {
      timer ??= setTimeout(() => {
        timer = undefined;
        void write();
      }, EVERY_MS).unref();
    },
    async [Symbol.asyncDispose]() {
      clearTimeout(timer);
      await write();
    },
  };
};
