/**
 * Durations and sizes as people write them.
 *
 * duration: a number with a unit, `ms`, `s`, `m`, `h` or `d`; fractions allowed (`1.5s`); whole milliseconds.
 * size: a number with a unit, `B`, `KiB`, `MiB`, `GiB`, `TiB` (powers of 1024) or `KB`, `MB`, `GB`, `TB` (powers of 1000); a bare number is bytes.
 */
import { LogdError } from '../error.ts';

const DURATIONS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const SIZES = {
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  TiB: 1024 ** 4,
} as const;

export const DURATION_PATTERN = '^\\d+(\\.\\d+)?(ms|s|m|h|d)$';
export const SIZE_PATTERN = '^\\d+(\\.\\d+)?(B|[KMGT]i?B)?$';

const quote = (text: string): string => JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);

const amount = (
  text: string,
  pattern: string,
  units: Readonly<Record<string, number>>,
): number | undefined => {
  if (!new RegExp(pattern).test(text)) return undefined;
  const unit = /[A-Za-z]+$/.exec(text)?.[0] ?? 'B';
  const value = Number.parseFloat(text) * (units[unit] ?? Number.NaN);
  // The product of a decimal fraction is rarely exact: 1.1 × 1000 is 1100.0000000000002.
  const whole = Math.round(value);
  return Number.isSafeInteger(whole) && Math.abs(value - whole) < 1e-6 ? whole : undefined;
};

/** `250ms`, `5s`, `4d` → milliseconds. Throws `config`. */
export const parseDuration = (text: string): number => {
  const value = amount(text, DURATION_PATTERN, DURATIONS);
  if (value === undefined)
    throw new LogdError(
      'config',
      `${quote(text)} is not a duration: write a number with ms, s, m, h or d, such as 250ms, 5s or 4d.`,
    );
  return value;
};

/** `64MiB`, `1MB`, `512` → bytes. Throws `config`. */
export const parseSize = (text: string): number => {
  const value = amount(text, SIZE_PATTERN, SIZES);
  if (value === undefined)
    throw new LogdError(
      'config',
      `${quote(text)} is not a size: write whole bytes, such as 512, or a number with a unit, such as 64MiB or 1MB.`,
    );
  return value;
};

/** Milliseconds as {@link parseDuration} reads them, exactly: 90000 → `90s`. */
export const formatDuration = (ms: number): string => {
  const unit = (['d', 'h', 'm', 's'] as const).find((each) => ms % DURATIONS[each] === 0) ?? 'ms';
  return ms === 0 ? '0s' : `${ms / DURATIONS[unit]}${unit}`;
};
