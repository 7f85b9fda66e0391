/**
 * The kinds of option values. Every value comes from text (YAML scalars are read as text, so do environment variables
 * and defaults), and a kind says how to read it, what it is called in the reference, and what an editor may check.
 */
import { resolve } from 'node:path';
import { LogdError } from '../error.ts';
import { type Address, ADDRESS_PATTERN, parseAddress } from './address.ts';
import { nearest } from './nearest.ts';
import { DURATION_PATTERN, parseDuration, parseSize, SIZE_PATTERN } from './units.ts';

/** What an editor is told about a value; a subset of JSON Schema draft 2020-12. */
export interface ValueSchema {
  readonly type?: string | readonly string[];
  readonly pattern?: string;
  readonly enum?: readonly (string | number)[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly anyOf?: readonly ValueSchema[];
}

/** How the text of an option becomes a value. */
export interface Kind<T> {
  /** One or two words for the reference: `duration`, `one of none, zstd`. */
  readonly name: string;
  /** Throws a `config` LogdError whose message names the text and says what to write instead. */
  parse(text: string): T;
  readonly json: ValueSchema;
}

/** `5s` → 5000 (milliseconds). */
export const duration = (): Kind<number> => ({
  name: 'duration',
  parse: parseDuration,
  json: { type: 'string', pattern: DURATION_PATTERN },
});

/** `64MiB` → 67108864 (bytes). */
export const size = (): Kind<number> => ({
  name: 'size',
  parse: parseSize,
  json: {
    anyOf: [
      { type: 'string', pattern: SIZE_PATTERN },
      { type: 'integer', minimum: 0 },
    ],
  },
});

/** A whole number. */
export const integer = (): Kind<number> => ({
  name: 'integer',
  parse: (text) => {
    const value = Number(text);
    if (!/^-?\d{1,16}$/.test(text) || !Number.isSafeInteger(value))
      throw new LogdError('config', `${JSON.stringify(text)} is not a whole number.`);
    return value;
  },
  json: { type: 'integer' },
});

/** One of a few words; a wrong one is answered with the nearest. */
export const choice = <const Word extends string>(...words: readonly Word[]): Kind<Word> => ({
  name: `one of ${words.join(', ')}`,
  parse: (text) => {
    const word = words.find((each) => each === text);
    if (word !== undefined) return word;
    const meant = nearest(text, words);
    const hint = meant === undefined ? '.' : `: did you mean ${meant}?`;
    throw new LogdError('config', `${JSON.stringify(text)} is not one of ${words.join(', ')}${hint}`);
  },
  json: { enum: words },
});

/** Any text that has at least one character. */
export const text = (): Kind<string> => ({
  name: 'text',
  parse: (value) => value,
  json: { type: ['string', 'number'] },
});

/** Text with a rule of its own. `parse` throws a `config` LogdError. */
export const textWith = <T>(
  name: string,
  parse: (text: string) => T,
  json: ValueSchema = { type: 'string' },
): Kind<T> => ({
  name,
  parse,
  json,
});

/** A file or directory; a relative one is taken from the working directory. */
export const path = (): Kind<string> => ({
  name: 'path',
  parse: (value) => {
    if (value.includes('\0')) throw new LogdError('config', 'A path cannot hold a NUL character.');
    return resolve(value);
  },
  json: { type: 'string' },
});

/** `sink1:7667` or `[::1]:7667` to connect to. */
export const address = (): Kind<Address> => ({
  name: 'address',
  parse: (value) => parseAddress(value),
  json: { type: 'string', pattern: ADDRESS_PATTERN },
});

/** `127.0.0.1:7667` to listen on; port 0 lets the system choose. */
export const listenAddress = (): Kind<Address> => ({
  name: 'address',
  parse: (value) => parseAddress(value, true),
  json: { type: 'string', pattern: ADDRESS_PATTERN },
});

/** Parts separated by commas; empty ones do not count. */
export const commaList = () =>
  textWith('comma-separated list', (value): readonly string[] =>
    value
      .split(',')
      .map((each) => each.trim())
      .filter((each) => each !== ''),
  );
