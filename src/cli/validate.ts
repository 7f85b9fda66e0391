/** `logd validate`: is a configuration right, and if not, what is wrong with it and where. */
import { resolve } from 'node:path';
import { Command } from 'commander';
import type { Fault } from '../config/fault.ts';
import type { Given } from '../config/load.ts';
import { errnoOf, LogdError, messageOf } from '../error.ts';
import { readTokens } from '../roles/token.ts';
import { configOption, describeUnknown, loadFile, refusal } from './config-file.ts';
import { printable } from '../telemetry/printable.ts';
import { fitError } from '../text/prose.ts';
import { painter } from '../text/terminal.ts';

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
  runuser -u logd -- logd validate /etc/logd/logd.yaml

The token files are read as well. One that this user may not read is a warning: the node may run as
another user. To be sure, validate as that one.

Exit codes:
  0  the configuration is right
  2  it has faults, a token file cannot be used, or the configuration cannot be read`,
    )
    .action(async (argument: string | undefined, options: { config: string }) => {
      const file = argument ?? options.config;
      const loaded = await loadFile(file);
      const tokens = await checkTokenFiles(loaded.given);
      const { formatFault } = await import('../config/load.ts');
      for (const warning of tokens.warnings)
        process.stderr.write(
          `${fitError(`${painter(process.stderr)('yellow', 'warning:')} `, printable(formatFault(file, warning)), process.stderr)}\n`,
        );
      for (const unknown of loaded.given?.unknownVariables ?? [])
        process.stderr.write(
          `${fitError(`${painter(process.stderr)('yellow', 'warning:')} `, printable(describeUnknown(unknown)), process.stderr)}\n`,
        );
      const faults = [...(loaded.ok ? [] : loaded.faults), ...tokens.faults];
      if (!loaded.ok || faults.length > 0) throw await refusal(file, faults);
      const config = loaded.value;
      const roles = [config.agent && 'agent', config.relay && 'relay', config.sink && 'sink'].filter(
        (role) => role !== undefined,
      );
      const paint = painter(process.stdout);
      process.stdout.write(
        `${paint('green', 'ok')} ${printable(file)}: node ${config.node} is ${roles.join(' and ')}\n`,
      );
    });

/** What `logd run` would say about the token files; of one that only this user may not read, as a warning. */
export const checkTokenFiles = async (
  given: Given | undefined,
  read: (path: string) => Promise<unknown> = readTokens,
): Promise<{ readonly faults: readonly Fault[]; readonly warnings: readonly Fault[] }> => {
  const faults: Fault[] = [];
  const warnings: Fault[] = [];
  for (const key of ['agent.token_file', 'relay.token_file', 'relay.send_token_file', 'sink.token_file']) {
    const path = given?.textOf(key);
    // That a path is empty, or none, is said by the options.
    if (given === undefined || path === undefined || path === '' || path.includes('\0')) continue;
    try {
      await read(resolve(path));
    } catch (error) {
      const errno = error instanceof LogdError ? errnoOf(error.cause) : undefined;
      if (errno === 'EACCES' || errno === 'EPERM')
        warnings.push(
          given.faultOf(key, `${messageOf(error)} The user that the node runs as must be able to.`),
        );
      else faults.push(given.faultOf(key, messageOf(error)));
    }
  }
  return { faults, warnings };
};
