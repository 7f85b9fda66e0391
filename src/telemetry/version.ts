/** What this logd calls itself. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The version of this package, from its package.json, which lies two folders above both src/telemetry and dist/telemetry. */
export const packageVersion = (): string => {
  const parsed: unknown = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8'));
  if (
    typeof parsed === 'object' &&
    parsed !== null &&
    'version' in parsed &&
    typeof parsed.version === 'string'
  )
    return parsed.version;
  throw new Error('The package.json of logd has no version: install logd again.');
};
