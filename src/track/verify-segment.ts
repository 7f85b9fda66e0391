/** Whether the files of an ended hour still hold the bytes that were sent: by their SHA-256, and by that of each pack where cuts are kept. */
import type { KeptDigest } from '../marks/cut.ts';
import type { Marks } from '../marks/marks.ts';
import type { SourceVerdict } from '../pack/source-verdict.ts';
import { runningDigest } from '../pack/digest.ts';
import { isSourceError, type Source } from '../tail/source.ts';
import type { SourceState, TrackedSegment } from './segment.ts';
import type { SourceFiles } from './source-files.ts';

const STEP_BYTES = 256 << 10;
const PAGE = 256;

export interface VerifyOptions {
  readonly marks: Marks;
  readonly files: Pick<SourceFiles, 'readAt' | 'isGone'>;
  /** Waits after so many bytes. */
  readonly pace: (bytes: number) => Promise<void>;
}

/** The ends of the segment's packs, as far as they are kept, with the digest up to there. */
async function* packEnds(marks: Marks, segment: number): AsyncGenerator<KeptDigest> {
  for (let after = 0; ;) {
    const page = await marks.read('keptDigests', segment, after, PAGE);
    yield* page;
    if (page.length < PAGE) return;
    after = page.at(-1)!.id;
  }
}

class SourceDiffers extends Error {}

/**
 * Undefined where nobody can tell: a file cannot be read now, or bytes were lost and the runs with them. Files are known by their bytes alone:
 * one that was copied over its name is the same.
 */
export const verifySegment = async (
  segment: TrackedSegment,
  { marks, files, pace }: VerifyOptions,
): Promise<SourceVerdict | undefined> => {
  const runs = await marks.read('runs', segment.id);
  if (runs.reduce((sum, { start, end }) => sum + end - start, 0) !== segment.bytes) return undefined;
  const digest = runningDigest();
  const ends = packEnds(marks, segment.id);
  const buffer = Buffer.allocUnsafe(STEP_BYTES);
  let next = (await ends.next()).value as KeptDigest | undefined;
  let lastPath = '';

  const pass = async (): Promise<void> => {
    for (
      ;
      next !== undefined && next.end <= digest.bytes;
      next = (await ends.next()).value as KeptDigest | undefined
    )
      if (next.end === digest.bytes && digest.hex() !== next.sha256)
        throw new SourceDiffers(
          `${lastPath} differs within pack ${next.id}, bytes ${next.end - next.bytes} to ${next.end} of the hour`,
        );
  };
  const readRun = async (file: Source, path: string, start: number, end: number): Promise<void> => {
    for (let position = start; position < end;) {
      const toPackEnd = next === undefined ? STEP_BYTES : Math.max(1, next.end - digest.bytes);
      const wanted = buffer.subarray(0, Math.min(STEP_BYTES, end - position, toPackEnd));
      const read = await file.read(wanted, position);
      if (read < wanted.length)
        throw new SourceDiffers(`${path} ends at byte ${position + read}, and was read up to byte ${end}`);
      digest.update(wanted);
      position += read;
      lastPath = path;
      await pass();
      await pace(read);
    }
  };
  const sourceOf = (id: number): SourceState | undefined => segment.sources.find((one) => one.id === id);

  try {
    for (const { source: id, start, end } of runs) {
      const source = sourceOf(id);
      if (source === undefined) return undefined;
      const { path } = source;
      try {
        await files.readAt(path, (file) => readRun(file, path, start, end));
      } catch (error) {
        if (!isSourceError(error)) throw error;
        return (await files.isGone(source)) ? { source: 'gone' } : undefined;
      }
    }
  } catch (error) {
    if (error instanceof SourceDiffers) return { source: 'changed', place: `${error.message}.` };
    throw error;
  }
  if (digest.hex() === segment.sha256) return { source: 'same' };
  return { source: 'changed', place: `${lastPath} holds other bytes than were sent.` };
};
