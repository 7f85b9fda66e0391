/**
 * The contract of line formats: how one line becomes named fields. Used by outputs and by `logd etl`.
 *
 * Rules that every format keeps
 * - A line that does not fit is refused with a reason in one sentence; nothing throws, whatever the bytes.
 * - Bytes that are not UTF-8 become U+FFFD in the fields. Who must know asks {@link isUtf8} for the line.
 * - Time is bounded by the length of the line: no pattern can hang a worker.
 * - Fields are own properties of an object without a prototype, so that `__proto__` is a field like any other.
 */

/** What a line says. */
export type Fields = Record<string, unknown>;

export type ParsedLine = { readonly fields: Fields } | { readonly reason: string };

export interface LineFormat {
  /** As a user would write it in the config. */
  readonly name: string;
  /** The names of the fields where the format fixes them. */
  readonly fields?: readonly string[];
  /** Reads one line, without its newline. */
  read(line: Buffer): ParsedLine;
  /**
   * The quick way for lines that need no care. The line is `from` to `to` of the bytes, and holds no backslash. Writes where each of
   * {@link LineFormat.fields} begins and ends (-1 for one that is missing at the end), as `places[2n]` and `places[2n + 1]`.
   * False: ask read(), which also says what is wrong.
   */
  locate?(bytes: Uint8Array, from: number, to: number, places: Int32Array): boolean;
}

/** An object that holds nothing, not even what objects inherit. */
export const emptyFields = (): Fields => Object.create(null) as Fields;
