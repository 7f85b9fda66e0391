/** `logd version`. */
import { Command } from 'commander';
import { packageVersion } from '../telemetry/version.ts';

export const versionCommand = (): Command =>
  new Command('version')
    .description('Show the version of logd and of Node.js.')
    .addHelpText('after', '\nExamples:\n  logd version\n\nExit codes:\n  0  always')
    .action(() => {
      process.stdout.write(
        `logd ${packageVersion()} (Node.js ${process.version}, ${process.platform} ${process.arch})\n`,
      );
    });
