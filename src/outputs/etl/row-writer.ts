/** Bytes of rows on their way to a file: a buffer that grows, and copies without making strings. */

/** Small, since there may be a writer for each of very many partitions. */
const FIRST_BYTES = 1024;

export interface RowWriter {
  bytes: Buffer;
  end: number;
}

export const createRowWriter = (): RowWriter => ({ bytes: Buffer.allocUnsafe(FIRST_BYTES), end: 0 });

/** Makes room for so many more bytes. */
export const makeRoom = (out: RowWriter, count: number): void => {
  if (out.end + count <= out.bytes.length) return;
  const larger = Buffer.allocUnsafe(Math.max(out.bytes.length * 2, out.end + count));
  out.bytes.copy(larger, 0, 0, out.end);
  out.bytes = larger;
};

/** Most fields are short: a loop is quicker than a call into the engine. */
const SHORT = 48;

/** Copies `from` to `to` of other bytes; there must be room. */
export const copyBytes = (out: RowWriter, source: Uint8Array, from: number, to: number): void => {
  const { bytes } = out;
  let { end } = out;
  if (to - from > SHORT) {
    bytes.set(source.subarray(from, to), end);
    out.end = end + to - from;
    return;
  }
  for (let at = from; at < to; at++) bytes[end++] = source[at]!;
  out.end = end;
};

export const putByte = (out: RowWriter, byte: number): void => {
  out.bytes[out.end++] = byte;
};
