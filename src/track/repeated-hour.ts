/**
 * The repeated hour of an autumn night, in a file that is named in local time: it holds the lines of both occurrences.
 *
 * What is in the file when the clock begins the second occurrence belongs to the first, what comes later to the second. When
 * nobody watched at that moment, the file's own times may still tell; else all of it counts as the first, with a warning.
 */
import type { Source } from '../tail/source.ts';

const NEWLINE = 10;
const STEP_BYTES = 1 << 16;
/** How long the second occurrence lasts. */
const HOUR_MS = 3_600_000;

export interface RepeatedHourFacts {
  /** Start of the second occurrence: Unix milliseconds. */
  readonly secondStart: number;
  readonly now: number;
  readonly birthtimeMs: number;
  readonly mtimeMs: number;
  /** The file was watched when the second occurrence began. */
  readonly watched: boolean;
  /** Bytes of it are cut already, as the first occurrence. */
  readonly begun: boolean;
}

/**
 * first: all of it belongs to the first occurrence so far · split: what it holds now to the first, what comes to the second ·
 * second: all of it to the second · unknown: it was written in both and nobody saw where.
 */
export type Occurrence = 'first' | 'split' | 'second' | 'unknown';

export const occurrenceOf = ({
  secondStart,
  now,
  birthtimeMs,
  mtimeMs,
  watched,
  begun,
}: RepeatedHourFacts): Occurrence => {
  if (now < secondStart) return 'first';
  if (watched || mtimeMs < secondStart) return 'split';
  // A file that was made after both is a copy: its times say nothing of its lines.
  if (birthtimeMs >= secondStart && birthtimeMs < secondStart + HOUR_MS && !begun) return 'second';
  return 'unknown';
};

/** The end of the last whole line within the first `size` bytes, but not before `from`: a line is not torn. */
export const endOfLastLine = async (file: Source, from: number, size: number): Promise<number> => {
  const buffer = Buffer.allocUnsafe(STEP_BYTES);
  for (let end = size; end > from;) {
    const start = Math.max(from, end - buffer.length);
    const read = await file.read(buffer.subarray(0, end - start), start);
    const at = buffer.subarray(0, read).lastIndexOf(NEWLINE);
    if (at !== -1) return start + at + 1;
    end = start;
  }
  return from;
};
