/** `logd validate`: is a configuration right, and if not, what is wrong with it and where. */
import { Command } from 'commander';
import { configOption, readConfig } from './config-file.ts';
import { printable } from '../telemetry/printable.ts';
import { painter } from './terminal.ts';

export const validateCommand = (): Command =>
  new Command('validate')
    .description('Check a configuration: all faults at once, each with line and column.')
    .argument('[file]', 'configuration file, instead of -c')
    .addOption(configOption())
    .addHelpText(
      'after',
      `
Examples:
  logd validate
  logd validate /etc/logd/logd.yaml

Exit codes:
  0  the configuration is right
  2  it has faults, or cannot be read`,
    )
    .action(async (argument: string | undefined, options: { config: string }) => {
      const file = argument ?? options.config;
      const config = await readConfig(file);
      const roles = [config.agent && 'agent', config.sink && 'sink'].filter((role) => role !== undefined);
      const paint = painter(process.stdout);
      process.stdout.write(
        `${paint('green', 'ok')} ${printable(file)}: node ${config.node} is ${roles.join(' and ')}\n`,
      );
    });
