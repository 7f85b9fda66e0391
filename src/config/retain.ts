/** How long something is kept: `forever`, a time, or `delivered`. */
import type { Kind } from './kind.ts';
import { DURATION_PATTERN, parseDuration } from './units.ts';

/** Milliseconds; `delivered`: until all outputs have it. */
export type Retain = 'forever' | 'delivered' | number;

export const retain = (): Kind<Retain> => ({
  name: 'forever, delivered or duration',
  parse: (text) => (text === 'forever' || text === 'delivered' ? text : parseDuration(text)),
  json: { anyOf: [{ enum: ['forever', 'delivered'] }, { type: 'string', pattern: DURATION_PATTERN }] },
});

/** Milliseconds; Infinity for ever. */
export const keepFor = (): Kind<number> => ({
  name: 'forever or duration',
  parse: (text) => (text === 'forever' ? Number.POSITIVE_INFINITY : parseDuration(text)),
  json: { anyOf: [{ enum: ['forever'] }, { type: 'string', pattern: DURATION_PATTERN }] },
});
