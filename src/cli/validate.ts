/** `logd validate`: is a configuration right, and if not, what is wrong with it and where. */
import { access, constants, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { Command } from 'commander';
import type { Fault } from '../config/fault.ts';
import type { Given } from '../config/load.ts';
import { errnoOf, LogdError, messageOf } from '../error.ts';
import { type LogdConfig, roleNames } from '../roles/options.ts';
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
      await warnOfPaths(config, (text) =>
        process.stderr.write(
          `${fitError(`${painter(process.stderr)('yellow', 'warning:')} `, printable(text), process.stderr)}\n`,
        ),
      );
      const roles = roleNames.filter((role) => config[role] !== undefined);
      const paint = painter(process.stdout);
      process.stdout.write(
        `${paint('green', 'ok')} ${printable(file)}: node ${config.node} is ${roles.join(' and ')}\n`,
      );
    });

/** Patterns that match nothing, and directories that cannot be written: a node would run, and do nothing of use. */
const warnOfPaths = async (
  { agent, state_dir: stateDir }: LogdConfig,
  warn: (text: string) => void,
): Promise<void> => {
  const { explainNoMatch } = await import('../tail/no-match.ts');
  const { openDiscovery } = await import('../tail/discover.ts');
  const { parsePattern } = await import('../tail/pattern.ts');
  const { openHours } = await import('../pack/hour.ts');
  for (const [stream, { path, zone }] of Object.entries(agent?.streams ?? {})) {
    const pattern = parsePattern(path);
    const found = await openDiscovery({ pattern, hours: openHours(zone), onError: () => undefined }).scan();
    if (found.length === 0)
      warn(`agent.streams.${stream}.path: ${path} matches no file. ${await explainNoMatch(pattern)}`);
  }
  if (!(await mayBeMade(stateDir))) warn(`state_dir: ${stateDir} cannot be written by this user.`);
};

/** Whether a directory is there and can be written, or can be made. */
const mayBeMade = async (path: string): Promise<boolean> => {
  for (let at = path; ; at = dirname(at)) {
    const stats = await stat(at).catch(() => undefined);
    // Nobody makes directories below /proc, whatever its mode says.
    if (stats !== undefined)
      return stats.isDirectory() && !/^\/(?:proc|sys)(?:\/|$)/.test(at) && (await isWritable(at));
    if (at === '/') return false;
  }
};

const isWritable = (path: string): Promise<boolean> =>
  access(path, constants.W_OK).then(
    () => true,
    () => false,
  );

const TOKEN_FILES = [
  ...['agent.token_file', 'relay.token_file', 'relay.send_token_file', 'sink.token_file'],
  ...['http.token_file', 'report.token_file', 'monitor.token_file', 'monitor.node_token_file'],
];

/** What `logd run` would say about the token files; of one that only this user may not read, as a warning. */
export const checkTokenFiles = async (
  given: Given | undefined,
  read: (path: string) => Promise<unknown> = readTokens,
): Promise<{ readonly faults: readonly Fault[]; readonly warnings: readonly Fault[] }> => {
  const faults: Fault[] = [];
  const warnings: Fault[] = [];
  for (const key of TOKEN_FILES) {
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
