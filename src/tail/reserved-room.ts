/**
 * Room that a writer has reserved at the end of its file (ftruncate, fallocate) and fills in later: zeros up to the file's end.
 */
import type { Source } from './source.ts';

/** So many zeros at the end of a file are room that its writer has reserved; fewer may be of a line. */
export const LEAST_RESERVED = 4096;
const STEP_BYTES = 1 << 16;

/** How many bytes are left without the zeros at the end. */
export const lengthWithout = (bytes: Buffer): number => {
  let length = bytes.length;
  while (length > 0 && bytes[length - 1] === 0) length--;
  return length;
};

/**
 * True when the file holds nothing but zeros from `from` to `size`. Unless `thorough`, its first and last bytes there must do: a
 * GiB of zeros would be read at each look. To be called with it before what is there is left out for good.
 */
export const reservedFrom = async (
  file: Source,
  from: number,
  size: number,
  thorough: boolean,
): Promise<boolean> => {
  const buffer = Buffer.allocUnsafe(STEP_BYTES);
  const isZero = async (start: number): Promise<boolean> => {
    const wanted = buffer.subarray(0, Math.min(STEP_BYTES, size - start));
    return lengthWithout(wanted.subarray(0, await file.read(wanted, start))) === 0;
  };
  if (from >= size) return true;
  if (!thorough) return (await isZero(from)) && isZero(Math.max(from, size - STEP_BYTES));
  for (let start = from; start < size; start += STEP_BYTES) if (!(await isZero(start))) return false;
  return true;
};

/** The size of a file without room that is reserved at its end: up to its last byte that is not zero. */
export const sizeWithoutReserved = async (file: Source, size: number): Promise<number> => {
  const buffer = Buffer.allocUnsafe(STEP_BYTES);
  for (let end = size; end > 0;) {
    const start = Math.max(0, end - STEP_BYTES);
    const read = await file.read(buffer.subarray(0, end - start), start);
    const left = lengthWithout(buffer.subarray(0, read));
    if (left > 0) return size - (start + left) >= LEAST_RESERVED ? start + left : size;
    end = start;
  }
  return size >= LEAST_RESERVED ? 0 : size;
};
