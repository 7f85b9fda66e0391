/**
 * Strict patterns for names that come from outside. A name that passes is safe as a path component, a topic, a table.
 */
import { LogdError } from '../error.ts';
import type { SegmentKey } from './pack.ts';

const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$/;
const HOUR = /^\d{8}(?:\d{2}b?)?$/;

/** What {@link isName} accepts, for messages and docs. */
export const NAME_RULE =
  '1 to 64 letters, digits, ".", "-" or "_", beginning and ending with a letter or digit, no ".." and no "__"';

/** True for a name of a host, stream or node: see {@link NAME_RULE}. */
export const isName = (name: string): boolean =>
  NAME.test(name) && !name.includes('..') && !name.includes('__');

/**
 * Names, and other parts without `_`, as one file name: `web1_access_2026112216`. A `_` within a name is doubled, so that a single one
 * always stands between two parts: `db_1` and `access` give `db__1_access`. {@link splitNames} is its inverse.
 */
export const joinNames = (...parts: readonly (string | number)[]): string =>
  parts.map((part) => String(part).replaceAll('_', '__')).join('_');

/** The parts of what {@link joinNames} has made. Of other text, parts that are no names. */
export const splitNames = (text: string): string[] =>
  text.split(/(?<!_)_(?!_)/).map((part) => part.replaceAll('__', '_'));

/** True for what looks like an hour label (`2026112216`, `2026102502b`) or a day label (`20261122`) of a real date. */
export const isHourLabel = (label: string): boolean => {
  if (!HOUR.test(label)) return false;
  const [year, month, day] = [label.slice(0, 4), label.slice(4, 6), label.slice(6, 8)].map(Number);
  const hour = label.length > 8 ? Number(label.slice(8, 10)) : 0;
  const date = new Date(Date.UTC(year!, month! - 1, day!));
  return year! >= 1970 && date.getUTCMonth() === month! - 1 && date.getUTCDate() === day && hour < 24;
};

/** Throws `name` unless all three parts of the key are well formed. */
export const checkSegmentKey = (key: SegmentKey): void => {
  for (const part of ['host', 'stream'] as const)
    if (!isName(key[part]))
      throw new LogdError(
        'name',
        `The ${part} name ${JSON.stringify(key[part].slice(0, 80))} is not allowed: use ${NAME_RULE}.`,
      );
  if (!isHourLabel(key.hour))
    throw new LogdError(
      'name',
      `The hour ${JSON.stringify(key.hour.slice(0, 80))} is not a label such as 2026112216.`,
    );
};
