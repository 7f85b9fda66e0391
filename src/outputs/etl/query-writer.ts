/**
 * The parameters of a query as the map of Hive text, byte by byte:
 *
 *   a=1&b=x+y%21   ─▶   a \x03 1 \x02 b \x03 x y!
 */
import { isUtf8 } from 'node:buffer';
import { putByte, type RowWriter } from './row-writer.ts';

const [AND, EQUALS, PLUS, PERCENT, SPACE] = [0x26, 0x3d, 0x2b, 0x25, 0x20];
const [BETWEEN_ENTRIES, BETWEEN_KEY_AND_VALUE] = [0x02, 0x03];
/** With more, finding a repeated key by comparing would take too long. */
const MOST_PAIRS = 32;

/** The value of a hexadecimal digit, else -1. */
const HEX = new Int8Array(256).fill(-1);
for (const [value, digit] of Array.from('0123456789abcdef').entries()) {
  HEX[digit.charCodeAt(0)] = value;
  HEX[digit.toUpperCase().charCodeAt(0)] = value;
}

/** Bytes that Hive text uses itself, or that end a row. */
const isOwn = (byte: number): boolean => byte === 0x0a || byte === 0x0d || (byte >= 1 && byte <= 3);

/** Where keys begin and end in what is written: to find one that comes again. */
const keys = new Int32Array(2 * MOST_PAIRS);

const isRepeated = (bytes: Uint8Array, count: number, from: number, to: number): boolean => {
  for (let n = 0; n < count; n++) {
    const start = keys[2 * n]!;
    if (keys[2 * n + 1]! - start !== to - from) continue;
    let at = 0;
    while (at < to - from && bytes[start + at] === bytes[from + at]) at++;
    if (at === to - from) return true;
  }
  return false;
};

/**
 * Writes the map of the query at `from` to `to`. False where that needs care: keys that repeat, very many, escapes that are not UTF-8.
 * There must be room for `to - from` bytes and two.
 */
export const writeQuery = (out: RowWriter, source: Uint8Array, from: number, to: number): boolean => {
  let count = 0;
  let hasHigh = false;
  const began = out.end;
  for (let at = from; at < to;) {
    if (source[at] === AND) {
      at++;
      continue;
    }
    if (count === MOST_PAIRS) return false;
    if (count > 0) putByte(out, BETWEEN_ENTRIES);
    const start = out.end;
    let keyEnd = -1;
    for (; at < to && source[at] !== AND; at++) {
      let byte = source[at]!;
      if (byte === EQUALS && keyEnd < 0) {
        keyEnd = out.end;
        putByte(out, BETWEEN_KEY_AND_VALUE);
        continue;
      }
      if (byte === PLUS) byte = SPACE;
      else if (byte === PERCENT && at + 2 < to) {
        const [high, low] = [HEX[source[at + 1]!]!, HEX[source[at + 2]!]!];
        if (high >= 0 && low >= 0) {
          byte = high * 16 + low;
          if (byte >= 0x80) hasHigh = true;
          if (isOwn(byte)) byte = SPACE;
          at += 2;
        }
      }
      putByte(out, byte);
    }
    if (keyEnd < 0) {
      keyEnd = out.end;
      putByte(out, BETWEEN_KEY_AND_VALUE);
    }
    if (isRepeated(out.bytes, count, start, keyEnd)) return false;
    keys[2 * count] = start;
    keys[2 * count + 1] = keyEnd;
    count++;
  }
  return !hasHigh || isUtf8(out.bytes.subarray(began, out.end));
};
