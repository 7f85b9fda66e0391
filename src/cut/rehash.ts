/**
 * The digest of a segment after a restart: Node cannot save the state of a SHA-256, so the bytes that are cut already are
 * read again (about 2 GB/s from the page cache).
 */
import { type RunningDigest, runningDigest } from '../pack/digest.ts';
import type { Source } from '../tail/source.ts';
import type { Run } from './cut.ts';

const STEP_BYTES = 1 << 20;

/** Works on the open file of a source. */
export type ReadSource = <T>(source: number, work: (file: Source) => Promise<T>) => Promise<T>;

/** The digest over `runs`, in order; undefined when a source does not have these bytes any more. */
export const rehash = async (
  runs: readonly Run[],
  read: ReadSource,
  signal: AbortSignal,
): Promise<RunningDigest | undefined> => {
  const digest = runningDigest();
  const buffer = Buffer.allocUnsafe(STEP_BYTES);
  const take = async (file: Source, { start, end }: Run): Promise<boolean> => {
    for (let position = start; position < end;) {
      signal.throwIfAborted();
      const wanted = buffer.subarray(0, Math.min(buffer.length, end - position));
      if ((await file.read(wanted, position)) < wanted.length) return false;
      digest.update(wanted);
      position += wanted.length;
    }
    return true;
  };
  for (const run of runs) if (!(await read(run.source, (file) => take(file, run)))) return undefined;
  return digest;
};
