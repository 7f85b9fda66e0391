/**
 * Names of files that carry the hour: `/var/log/nginx/access.log.<%Y%m%d%H>`.
 *
 * Format
 *   <…>   a time: the fields %Y %m %d %H %M (local time) and literal characters between them; several may stand in
 *         one pattern, in directories too: `/logs/<%Y-%m-%d>/access.<%H>.log`; a field that comes twice must agree
 *   *  ?  outside <…>: any characters, any one character, within one part of the path; no leading dot
 *   all else is literal
 *
 * %Y, %m and %d are needed. With %H a file holds (part of) an hour, without it a day; with %M there are several files
 * an hour, in the order of their minutes. Files that agree in all of these (a wildcard tells them apart) are ordered
 * by path, as text.
 */
import { LogdError } from '../error.ts';
import { isHourLabel } from '../pack/name.ts';
import { plainLabel } from '../pack/hour.ts';
import type { LocalFields } from '../pack/hour.ts';

const FIELDS = {
  Y: { name: 'year', digits: '\\d{4}' },
  m: { name: 'month', digits: '\\d{2}' },
  d: { name: 'day', digits: '\\d{2}' },
  H: { name: 'hour', digits: '\\d{2}' },
  M: { name: 'minute', digits: '\\d{2}' },
} as const;

type Letter = keyof typeof FIELDS;

/** The fields that a name, or the first parts of a path, have fixed. */
export type PatternFields = { readonly [Field in (typeof FIELDS)[Letter]['name']]?: number };

/** What a path that matches says. */
export interface MatchedName {
  readonly fields: LocalFields;
  /** 0 where the pattern has no %M. */
  readonly minute: number;
}

/** One part of the path below {@link Pattern.root}. */
export interface PatternPart {
  /** Set where the part is literal: there is no need to list the directory. */
  readonly literal: string | undefined;
  /** The fields of a name that matches, merged with those given; undefined when it does not match or contradicts them. */
  match(name: string, fields: PatternFields): PatternFields | undefined;
}

export interface Pattern {
  readonly text: string;
  readonly unit: 'hour' | 'day';
  /** True when there may be several files an hour, told apart by %M. */
  readonly minutes: boolean;
  /** The deepest directory that every file lies below. */
  readonly root: string;
  /** The parts below the root; the last is the file's name. */
  readonly parts: readonly PatternPart[];
  /** What an absolute path says, or undefined when it does not match or names no real time. */
  match(path: string): MatchedName | undefined;
}

const isLetter = (letter: string): letter is Letter => Object.hasOwn(FIELDS, letter);

/** What complete fields say, or undefined for an impossible date or time. */
export const finishFields = (fields: PatternFields): MatchedName | undefined => {
  const { year, month, day, hour, minute = 0 } = fields;
  if (year === undefined || month === undefined || day === undefined || minute > 59) return undefined;
  const local: LocalFields = { year, month, day, hour };
  return isHourLabel(plainLabel(local)) ? { fields: local, minute } : undefined;
};

/** The first digits of the label that every file below has, as far as they are known: `2026`, `202611`, `20261122`. */
export const labelPrefix = ({ year, month, day }: PatternFields): string => {
  if (year === undefined) return '';
  if (month === undefined) return plainLabel({ year, month: 0, day: 0 }).slice(0, 4);
  return plainLabel({ year, month, day: day ?? 0 }).slice(0, day === undefined ? 6 : 8);
};

const mergeFields = (
  known: PatternFields,
  found: Readonly<Record<string, string>>,
): PatternFields | undefined => {
  const merged: { -readonly [Field in keyof PatternFields]: PatternFields[Field] } = { ...known };
  for (const letter of Object.keys(found)) {
    if (!isLetter(letter)) continue;
    const { name } = FIELDS[letter];
    const value = Number(found[letter]);
    if (merged[name] !== undefined && merged[name] !== value) return undefined;
    merged[name] = value;
  }
  return merged;
};

/** Reads one pattern from left to right; `fail` knows the position. */
const compile = (text: string) => {
  const fail = (position: number, what: string): LogdError =>
    new LogdError(
      'config',
      `The pattern ${JSON.stringify(text)} is wrong at character ${position + 1}: ${what}`,
    );
  if (!text.startsWith('/')) throw fail(0, 'write an absolute path, beginning with /.');
  if (text.includes('\0')) throw fail(text.indexOf('\0'), 'a path cannot contain NUL.');

  const letters = new Set<Letter>();
  const parts: PatternPart[] = [];
  let source = '';
  let literal: string | undefined = '';
  let inPart = new Set<Letter>();
  let open = -1;

  const endPart = (position: number): void => {
    if (source === '') throw fail(position, 'a part of the path is empty.');
    if (literal === '.' || literal === '..')
      throw fail(position - literal.length, 'write the path without . and .. parts.');
    const regex = new RegExp(`^${source}$`, 's');
    const fixed = literal;
    parts.push({
      literal: fixed,
      match: (name, fields) => {
        if (fixed !== undefined) return name === fixed ? fields : undefined;
        const found = regex.exec(name);
        return found === null ? undefined : mergeFields(fields, found.groups ?? {});
      },
    });
    [source, literal, inPart] = ['', '', new Set()];
  };

  for (let at = 1; at < text.length; at++) {
    const character = text[at]!;
    const inside = open >= 0;
    if (character === '/' && inside) throw fail(at, 'a time between < and > cannot contain /.');
    if (character === '/') {
      endPart(at);
    } else if (character === '<') {
      if (inside) throw fail(at, 'a time between < and > cannot contain another <.');
      [open, literal] = [at, undefined];
    } else if (character === '>') {
      if (!inside) throw fail(at, '> without a < before it.');
      if (open === at - 1) throw fail(open, 'there is no time between < and >.');
      open = -1;
    } else if (inside && character === '%') {
      const letter = text[++at] ?? '';
      if (!isLetter(letter)) throw fail(at - 1, `%${letter} is not a field: use %Y, %m, %d, %H or %M.`);
      source += inPart.has(letter) ? `\\k<${letter}>` : `(?<${letter}>${FIELDS[letter].digits})`;
      inPart.add(letter);
      letters.add(letter);
    } else if (character === '*' || character === '?') {
      if (inside) throw fail(at, `a time between < and > cannot contain ${character}.`);
      source += (source === '' ? '(?!\\.)' : '') + (character === '*' ? '.*' : '.');
      literal = undefined;
    } else {
      source += character.replace(/[\\^$.*+?()[\]{}|]/, '\\$&');
      if (literal !== undefined) literal += character;
    }
  }
  if (open >= 0) throw fail(open, '< without a > behind it.');
  endPart(text.length);

  const missing = (['Y', 'm', 'd'] as const).filter((letter) => !letters.has(letter));
  if (missing.length > 0) {
    const names = missing.map((letter) => `%${letter}`).join(', ');
    throw fail(text.length - 1, `${names} missing: a file's name must tell its day, as in <%Y%m%d%H>.`);
  }
  if (letters.has('M') && !letters.has('H')) throw fail(text.indexOf('%M'), '%M needs %H beside it.');
  return { parts, letters };
};

/** Reads a pattern. Throws `config`, with the character's position, for one that cannot tell a file's day. */
export const parsePattern = (text: string): Pattern => {
  const { parts, letters } = compile(text);
  const first = parts.slice(0, -1).findIndex((part) => part.literal === undefined);
  const depth = first < 0 ? parts.length - 1 : first;
  const root = `/${text
    .split('/')
    .slice(1, depth + 1)
    .join('/')}`;
  return {
    text,
    unit: letters.has('H') ? 'hour' : 'day',
    minutes: letters.has('M'),
    root,
    parts: parts.slice(depth),
    match(path) {
      const names = path.split('/').slice(1);
      if (!path.startsWith('/') || names.length !== parts.length) return undefined;
      let fields: PatternFields | undefined = {};
      for (const [index, part] of parts.entries()) {
        fields = part.match(names[index]!, fields);
        if (fields === undefined) return undefined;
      }
      return finishFields(fields);
    },
  };
};
