#!/usr/bin/env node
/** The `logd` command. One file for each subcommand; what takes long to load is loaded by its action. */
import './no-debugger.ts';
import { Command, CommanderError } from 'commander';
import { messageOf } from '../error.ts';
import { auditCommand } from './audit.ts';
import { catCommand } from './cat.ts';
import { demoCommand } from './demo.ts';
import { etlCommand } from './etl.ts';
import { EXIT, EXIT_CODES_HELP, failureExit } from './exit-codes.ts';
import { expectCommand } from './expect.ts';
import { explainCommand } from './explain.ts';
import { initCommand } from './init.ts';
import { guardOutput } from './output.ts';
import { fitError, proseWidth, wrapHelp } from '../text/prose.ts';
import { queryCommand } from './query.ts';
import { runCommand } from './run.ts';
import { outputsCommand } from './outputs.ts';
import { rejectsCommand } from './rejects.ts';
import { repairCommand } from './repair.ts';
import { repullCommand } from './repull.ts';
import { importCommand } from './import.ts';
import { spoolCommand } from './spool.ts';
import { statusCommand } from './status.ts';
import { painter } from '../text/terminal.ts';
import { tapCommand } from './tap.ts';
import { topCommand } from './top.ts';
import { usersCommand } from './users.ts';
import { validateCommand } from './validate.ts';
import { packageVersion } from '../telemetry/version.ts';
import { versionCommand } from './version.ts';
import { waitCommand } from './wait.ts';

const SUBCOMMANDS = [
  runCommand,
  statusCommand,
  waitCommand,
  expectCommand,
  topCommand,
  tapCommand,
  usersCommand,
  auditCommand,
  catCommand,
  outputsCommand,
  rejectsCommand,
  repairCommand,
  repullCommand,
  spoolCommand,
  importCommand,
  validateCommand,
  explainCommand,
  initCommand,
  etlCommand,
  queryCommand,
  demoCommand,
  versionCommand,
];

const HELP = `
Examples:
  logd init logd.yaml                 write a configuration to start from
  logd validate logd.yaml             check it
  logd run -c logd.yaml               run the node
  logd status -c logd.yaml            which hours are complete
  logd expect list -c logd.yaml       which hosts must have each hour
  logd cat web1 access 2026112216     print the lines of an hour
  logd audit -c logd.yaml             compare what is stored with the seals
  logd outputs -c logd.yaml           how far each output is
  logd explain sink.listen            what an option means

${EXIT_CODES_HELP}

"logd help COMMAND" has the examples and exit codes of a command.`;

const errorMark = (): string => painter(process.stderr)('red', 'logd:');

const withSubcommands = (command: Command): Command[] => [
  command,
  ...command.commands.flatMap(withSubcommands),
];

const program = (): Command => {
  const root = new Command('logd')
    .description(
      'Ships log files, and proves for every host and hour that nothing was lost and nothing came twice.',
    )
    .version(packageVersion(), '-V, --version', 'show the version')
    .helpOption('-h, --help', 'show this help')
    .helpCommand('help [command]', 'Show the help of a command.')
    .addHelpText('after', HELP)
    .showSuggestionAfterError()
    // `logd outputs pause NAME -c FILE`: options after a subcommand are its own.
    .enablePositionalOptions()
    // The help comes here in lines of any length, and is fitted as a whole.
    .configureOutput({
      getOutHelpWidth: () => Infinity,
      outputError: (text, write) =>
        write(text.replace(/^error: (.)/, (_, letter: string) => `${errorMark()} ${letter.toUpperCase()}`)),
      writeOut: (text) => process.stdout.write(wrapHelp(text, proseWidth(process.stdout))),
    })
    .configureHelp({ styleTitle: (title) => painter(process.stdout)('bold', title) });
  for (const subcommand of SUBCOMMANDS) root.addCommand(subcommand());
  for (const each of withSubcommands(root)) each.copyInheritedSettings(root).exitOverride();
  return root;
};

/** Faults have a line each, all alike; the line that follows them says whose they are. */
const shownError = (message: string): string => {
  const lines = message.split('\n');
  const [last = ''] = lines.splice(-1);
  if (!/^\d+ faults? in /.test(last)) return fitError(`${errorMark()} `, message, process.stderr);
  return [
    ...lines.map((line) => fitError('', line, process.stderr)),
    fitError(`${errorMark()} `, last, process.stderr),
  ].join('\n');
};

/** Runs the command; a failure becomes a message on standard error and an exit code. */
const main = async (argv: readonly string[]): Promise<void> => {
  try {
    await program().parseAsync(argv);
  } catch (error) {
    // Commander has printed its message, or the help that was asked for.
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
      return;
    }
    process.stderr.write(`${shownError(messageOf(error))}\n`);
    process.exitCode = failureExit(error);
  }
};

guardOutput(process, (code) => process.exit(code));
await main(process.argv);
