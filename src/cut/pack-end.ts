/**
 * Where a pack ends. A pure function of the bytes at hand, so that any way of reading gives packs that add up to the file.
 */

const NEWLINE = 10;

export interface CutRule {
  /** A pack ends behind the last newline within so many bytes. */
  readonly packBytes: number;
  /** A line that is longer than this (and than `packBytes`) is split. */
  readonly maxLine: number;
  /** The bytes end where the segment ends: the last line may lack its newline. */
  readonly final: boolean;
}

export interface CutPoint {
  /** Bytes of the next pack; 0 when the line at hand is not whole yet. */
  readonly length: number;
  /** The pack ends inside a line that is too long. */
  readonly split: boolean;
}

/** Most bytes that {@link cutPoint} needs to see to decide. */
export const bytesToSee = ({ packBytes, maxLine }: Pick<CutRule, 'packBytes' | 'maxLine'>): number =>
  Math.max(packBytes, maxLine);

/**
 * Cuts the unread bytes of a source, or the first {@link bytesToSee} of them: behind the last whole line that fits, else behind
 * the first whole line, else inside a line that is longer than allowed.
 */
export const cutPoint = (bytes: Buffer, rule: CutRule): CutPoint => {
  const limit = bytesToSee(rule);
  const fitting = bytes.length > rule.packBytes ? bytes.subarray(0, rule.packBytes) : bytes;
  const last = fitting.lastIndexOf(NEWLINE);
  if (last !== -1) {
    const wholeRest = rule.final && bytes.length <= rule.packBytes;
    return { length: wholeRest ? bytes.length : last + 1, split: false };
  }
  const first = bytes.indexOf(NEWLINE, fitting.length);
  if (first !== -1 && first < limit) return { length: first + 1, split: false };
  if (bytes.length >= limit) return { length: limit, split: !(rule.final && bytes.length === limit) };
  return { length: rule.final ? bytes.length : 0, split: false };
};
