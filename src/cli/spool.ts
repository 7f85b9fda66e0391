/** `logd spool`: packs that the next hop of a relay refused for good: show them, send them again, delete them. */
import { Command } from 'commander';
import { LogdError } from '../error.ts';
import type { RefusedPack } from '../spool/refused.ts';
import { printable } from '../telemetry/printable.ts';
import { type Column, formatCount, painter, table, widthOf } from '../text/terminal.ts';
import { configOption, readConfig } from './config-file.ts';

interface SpoolCommandOptions {
  readonly config: string;
  readonly json?: true;
  readonly all?: true;
}

const say = (text: string): void => void process.stdout.write(`${text}\n`);

const spoolDirOf = async (file: string): Promise<string> => {
  const { relay } = await readConfig(file);
  if (relay === undefined)
    throw new LogdError(
      'usage',
      `${file} has no relay, so it has no spool: name the configuration of a relay.`,
    );
  return relay.spool.dir;
};

const COLUMNS: readonly Column<RefusedPack>[] = [
  { title: 'NAME', importance: 9, cell: ({ name }) => printable(name) },
  { title: 'LINES', align: 'right', importance: 5, cell: ({ header }) => formatCount(header.lines) },
  { title: 'BYTES', align: 'right', cell: ({ bodyBytes }) => formatCount(bodyBytes) },
  { title: 'STATE', importance: 6, cell: ({ retrying }) => (retrying ? 'sent again' : 'kept') },
  { title: 'REASON', importance: 7, cell: ({ reason }) => printable(reason) },
];

const list = async ({ config, json }: SpoolCommandOptions): Promise<void> => {
  const { listRefused } = await import('../spool/refused.ts');
  const packs = await listRefused(await spoolDirOf(config));
  if (json) return say(JSON.stringify({ refused: packs }, undefined, 2));
  if (packs.length === 0) return say('No pack has been refused.');
  say(table(packs, COLUMNS, widthOf(process.stdout), painter(process.stdout)).join('\n'));
};

/** The packs that are meant: those named, or all. */
const chosen = async (
  names: readonly string[],
  { config, all }: SpoolCommandOptions,
): Promise<{ readonly dir: string; readonly names: readonly string[] }> => {
  const { listRefused } = await import('../spool/refused.ts');
  const dir = await spoolDirOf(config);
  const kept = (await listRefused(dir)).filter(({ retrying }) => !retrying).map(({ name }) => name);
  const unknown = names.find((name) => !kept.includes(name));
  if (unknown !== undefined)
    throw new LogdError('usage', `${printable(unknown)} is not kept here: see \`logd spool list\`.`);
  if (names.length === 0 && !all)
    throw new LogdError('usage', 'Name the packs as `logd spool list` does, or give --all.');
  return { dir, names: all ? kept : names };
};

export const spoolCommand = (): Command => {
  const command = new Command('spool')
    .description(
      'Packs that the next hop of a relay refused for good: show them, send them again, delete them.',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  logd spool list -c relay.yaml\n  logd spool retry -c relay.yaml --all\n\nExit codes:\n  0  done\n  1  something cannot be read or written\n  2  the command line or the configuration is wrong',
    );
  command
    .command('list')
    .description('Show the packs that are kept, and why they were refused.')
    .addOption(configOption())
    .option('--json', 'one JSON document')
    .addHelpText(
      'after',
      '\nExamples:\n  logd spool list -c relay.yaml\n  logd spool list -c relay.yaml --json\n\nExit codes:\n  0  done\n  1  something cannot be read or written\n  2  the command line or the configuration is wrong',
    )
    .action(list);
  command
    .command('retry')
    .description('Let the running relay, or its next start, send packs again.')
    .argument('[names...]', 'as `logd spool list` shows them')
    .addOption(configOption())
    .option('--all', 'all packs')
    .addHelpText(
      'after',
      '\nExamples:\n  logd spool retry -c relay.yaml web1_access_2026112216_7\n  logd spool retry -c relay.yaml --all\n\nExit codes:\n  0  done\n  1  something cannot be read or written\n  2  the command line or the configuration is wrong',
    )
    .action(async (names: readonly string[], options: SpoolCommandOptions) => {
      const { retryRefused } = await import('../spool/refused.ts');
      const found = await chosen(names, options);
      for (const name of found.names) await retryRefused(found.dir, name);
      say(`${found.names.length} packs are sent again.`);
    });
  command
    .command('drop')
    .description('Delete packs for good. Their lines are then missing at the sink.')
    .argument('[names...]', 'as `logd spool list` shows them')
    .addOption(configOption())
    .option('--all', 'all packs')
    .addHelpText(
      'after',
      '\nExamples:\n  logd spool drop -c relay.yaml web1_access_2026112216_7\n\nExit codes:\n  0  done\n  1  something cannot be read or written\n  2  the command line or the configuration is wrong',
    )
    .action(async (names: readonly string[], options: SpoolCommandOptions) => {
      const { dropRefused } = await import('../spool/refused.ts');
      const found = await chosen(names, options);
      for (const name of found.names) await dropRefused(found.dir, name);
      say(`${found.names.length} packs are deleted.`);
    });
  return command;
};
