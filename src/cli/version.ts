/** `logd version`. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';

/** The version of this package, from its package.json, which lies two folders above both src/cli and dist/cli. */
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

export const versionCommand = (): Command =>
  new Command('version')
    .description('Show the version of logd and of Node.js.')
    .addHelpText('after', '\nExamples:\n  logd version\n\nExit codes:\n  0  always')
    .action(() => {
      process.stdout.write(
        `logd ${packageVersion()} (Node.js ${process.version}, ${process.platform} ${process.arch})\n`,
      );
    });
