/**
 * The digest of a segment after a restart: Node cannot save the state of a SHA-256, so the bytes that are cut already are
 * read again (about 2 GB/s from the page cache).
 */
import { type RunningDigest, runningDigest } from '../pack/digest.ts';
import type { Source } from '../tail/source.ts';
import type { Run } from './cut.ts';

const STEP_BYTES = 1 << 20;

/** The digest over `runs`, in order; undefined when a source does not have these bytes any more. */
export const rehash = async (
  runs: readonly Run[],
  open: (source: number) => Promise<Source>,
  signal: AbortSignal,
): Promise<RunningDigest | undefined> => {
  const digest = runningDigest();
  const buffer = Buffer.allocUnsafe(STEP_BYTES);
  for (const { source, start, end } of runs) {
    const file = await open(source);
    for (let position = start; position < end;) {
      signal.throwIfAborted();
      const wanted = buffer.subarray(0, Math.min(buffer.length, end - position));
      const read = await file.read(wanted, position);
      if (read < wanted.length) return undefined;
      digest.update(wanted);
      position += read;
    }
  }
  return digest;
};
