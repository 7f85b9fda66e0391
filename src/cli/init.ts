/** `logd init`: a commented configuration to start from. */
import { writeFile } from 'node:fs/promises';
import { Command, Option } from 'commander';
import { errnoOf, LogdError, messageOf } from '../error.ts';

const ROLES = ['agent', 'relay', 'sink', 'monitor'] as const;
type InitRole = (typeof ROLES)[number] | 'both';

/** The text of a starter configuration. */
export const starterConfig = async (role: InitRole): Promise<string> => {
  const { exampleConfig } = await import('../config/example.ts');
  const { outline } = await import('../config/option-tree.ts');
  const { logdOptions } = await import('../roles/options.ts');
  const head = [
    '## Configuration of a logd node. Check it with: logd validate · an option in detail: logd explain KEY',
    '## A # before a key is an option that is left out. Its value is the default or, where the text above it says',
    '## what "Left out" means, an example. To set it remove the #, and that of the section above it, if there is one.',
    '',
    '',
  ].join('\n');
  const body = exampleConfig(outline(logdOptions), {
    without: [
      ...ROLES.filter((one) => (role === 'both' ? one === 'relay' || one === 'monitor' : one !== role)),
      // Its address must be given, and most begin without a monitor: docs/monitor.md.
      'report',
      // For those who come from the Go system only, and without a token: docs/migration.md.
      ...['relay.gowire', 'sink.gowire'],
    ],
    set: role === 'both' ? { 'agent.send_to': '127.0.0.1:7667' } : {},
  });
  return head + body;
};

export const initCommand = (): Command =>
  new Command('init')
    .description('Write a commented configuration to start from.')
    .argument('[file]', 'where to write it; without a file it is printed')
    .addOption(
      new Option('--role <role>', 'what the node shall be').choices([...ROLES, 'both']).default('both'),
    )
    .option('--force', 'replace a file that is there')
    .addHelpText(
      'after',
      `
Examples:
  logd init                               print a configuration with both roles
  logd init logd.yaml --role agent        write one for a host that ships its logs
  logd init --role sink > sink.yaml

Exit codes:
  0  written
  1  the file could not be written
  2  the file is there already (--force replaces it)`,
    )
    .action(async (file: string | undefined, { role, force }: { role: InitRole; force?: boolean }) => {
      const text = await starterConfig(role);
      if (file === undefined) {
        process.stdout.write(text);
        return;
      }
      await write(file, text, force === true);
      process.stdout.write(`Wrote ${file}. Next: edit it, then logd validate ${file}\n`);
    });

const write = async (file: string, text: string, force: boolean): Promise<void> => {
  try {
    await writeFile(file, text, { flag: force ? 'w' : 'wx' });
  } catch (error) {
    if (errnoOf(error) === 'EEXIST')
      throw new LogdError('usage', `${file} is there already: give another name, or --force to replace it.`);
    throw new LogdError('storage', `Cannot write ${file}: ${messageOf(error)}.`, { cause: error });
  }
};
