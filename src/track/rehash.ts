/**
 * The digest of a segment after a restart: Node cannot save the state of a SHA-256, so the bytes that are cut already are
 * read again (about 2 GB/s from the page cache).
 */
import { type RunningDigest, runningDigest } from '../pack/digest.ts';
import { isSourceError, type Source } from '../tail/source.ts';
import type { Run } from '../marks/cut.ts';
import type { Marks } from '../marks/marks.ts';
import type { TrackedSegment, SourceState } from './segment.ts';
import type { SourceFiles } from './source-files.ts';

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

/** A digest where its segment stands; or why it cannot be made again, and the file that is gone where that is why. */
export type Rehashed =
  { readonly digest: RunningDigest } | { readonly digest: undefined; readonly gone: SourceState | undefined };

export interface RehashOptions {
  readonly marks: Marks;
  readonly files: SourceFiles;
  readonly signal: AbortSignal;
  /** Paths of the files that are read in place of sources, by the source's id. */
  readonly instead?: ReadonlyMap<number, string>;
}

/** Makes the digest of a segment again, and proves it by what the marks say. Rejects with `source` when a file cannot be read now. */
export const rehashSegment = async (
  segment: TrackedSegment,
  { marks, files, signal, instead }: RehashOptions,
): Promise<Rehashed> => {
  let gone: SourceState | undefined;
  const read: ReadSource = async (id, work) => {
    const path = instead?.get(id);
    if (path !== undefined) return files.readAt(path, work);
    const source = segment.sources.find((one) => one.id === id);
    if (source === undefined) throw new Error(`Source ${id} of ${segment.hour} has no row.`);
    return files.read(source, work).catch(async (error: unknown) => {
      if (isSourceError(error) && !error.retryable) if (await files.isGone(source)) gone = source;
      throw error;
    });
  };
  const runs = segment.bytes === 0 ? [] : await marks.read('runs', segment.id);
  const digest = await rehash(runs, read, signal).catch((error: unknown) => {
    if (gone === undefined) throw error;
    return undefined;
  });
  return digest?.hex() === segment.sha256 ? { digest } : { digest: undefined, gone };
};
