/**
 * Strict patterns for names that come from outside. A name that passes is safe as a path component, a topic, a table.
 */
import { LogdError } from '../error.ts';
import type { SegmentKey } from './pack.ts';

const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,62}[A-Za-z0-9])?$/;
const HOUR = /^\d{8}(?:\d{2}b?)?$/;

/** What {@link isName} accepts, for messages and docs. */
export const NAME_RULE =
  '1 to 64 letters, digits, "." or "-", beginning and ending with a letter or digit, no ".."';

/** True for a name of a host, stream or node: see {@link NAME_RULE}. No underscore: marker files are joined by it. */
export const isName = (name: string): boolean => NAME.test(name) && !name.includes('..');

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
