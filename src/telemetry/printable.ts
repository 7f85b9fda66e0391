/** Text that came from elsewhere, made fit for a terminal. */

// oxlint-disable-next-line no-control-regex
const CONTROL = /[\x00-\x1f\x7f-\x9f]/g;

/** Characters without a place of their own that change the order, or the look, of what stands beside them. */
const INVISIBLE = /[\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

/** What stands for a byte of a file name that is not UTF-8: see disk/path-bytes.ts. */
const BYTE = /[\u{10ff80}-\u{10ffff}]/gu;

/** Control characters shown as escapes, so that a hostile name cannot steer the terminal; and bytes that are no text. */
export const printable = (text: string): string =>
  escapeBytes(
    text
      .replace(CONTROL, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`)
      .replace(INVISIBLE, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`),
  );

/** Bytes of a file name that is not UTF-8, shown as escapes. */
export const escapeBytes = (text: string): string =>
  text.replace(BYTE, (char) => `\\x${((char.codePointAt(0) ?? 0) & 0xff).toString(16)}`);
