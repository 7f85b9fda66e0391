/**
 * File names are bytes, and need not be UTF-8. Where one is not, each byte from 0x80 on stands in the text as one character,
 * U+10FF00 + byte: the text can be matched, compared, stored in a database, and turned back into the same bytes.
 *
 * Invariant: two names have the same text only when they have the same bytes. A valid name that has such characters itself is
 * written byte by byte, too.
 */
import { isUtf8 } from 'node:buffer';

const BASE = 0x10ff00;
const STAND_IN = /[\u{10ff80}-\u{10ffff}]/u;

/** The text of a name or path that the file system gave as bytes. */
export const textOfPath = (bytes: Buffer): string => {
  if (isUtf8(bytes)) {
    const text = bytes.toString();
    if (!STAND_IN.test(text)) return text;
  }
  return String.fromCodePoint(...Array.from(bytes, (byte) => (byte < 0x80 ? byte : BASE + byte)));
};

/** What the file system is to be given for a path: the text itself, or the bytes that it stands for. */
export const bytesOfPath = (path: string): string | Buffer => {
  if (!STAND_IN.test(path)) return path;
  const parts = Array.from(path, (char) =>
    STAND_IN.test(char) ? Buffer.of((char.codePointAt(0) ?? BASE) - BASE) : Buffer.from(char),
  );
  return Buffer.concat(parts);
};
