/** `logd rejects`: the records that an output could not deliver for good. */
import { join } from 'node:path';
import { Command } from 'commander';
import { LogdError } from '../error.ts';
import type { RejectFile, Rejects } from '../outputs/rejects.ts';
import { configOption } from './config-file.ts';
import { EXIT } from './exit-codes.ts';
import { readSinkOutputs, type SinkOutputs } from './configured-outputs.ts';

interface RejectOptions {
  readonly config: string;
  readonly hour?: string;
  readonly json?: true;
}

const say = (text: string): void => void process.stdout.write(`${text}\n`);

interface Selected {
  readonly outputs: SinkOutputs;
  readonly rejects: Rejects;
  readonly files: readonly RejectFile[];
}

const select = async (name: string, { config, hour }: RejectOptions): Promise<Selected> => {
  const { openRejects } = await import('../outputs/rejects.ts');
  const outputs = await readSinkOutputs(config);
  if (!outputs.known.some((each) => each.name === name))
    throw new LogdError('usage', `There is no output called ${name} in ${config}.`);
  const rejects = openRejects(join(outputs.config.state_dir, 'outputs', name));
  const files = (await rejects.list()).filter((file) => hour === undefined || file.hour.startsWith(hour));
  return { outputs, rejects, files };
};

const nameOf = ({ host, stream, hour, pack }: RejectFile): string => `${host}/${stream}/${hour} pack ${pack}`;

const list = async (name: string, options: RejectOptions): Promise<void> => {
  const { rejects, files } = await select(name, options);
  let count = 0;
  for (const file of files)
    for (const line of await rejects.read(file)) {
      count++;
      if (options.json) say(line);
      else {
        const { lines, reason } = JSON.parse(line) as { readonly lines?: unknown; readonly reason?: unknown };
        const { parseRejectLines } = await import('../outputs/rejects.ts');
        say(`${nameOf(file)} line ${parseRejectLines(lines)}: ${String(reason)}`);
      }
    }
  if (!options.json) say(count === 0 ? `${name} has no rejected records.` : `${count} rejected records.`);
};

const drop = async (name: string, options: RejectOptions): Promise<void> => {
  const { rejects, files } = await select(name, options);
  for (const file of files) await rejects.keep(file, file.pack, []);
  say(`Removed the rejected records of ${files.length} packs.`);
};

const retry = async (name: string, options: RejectOptions): Promise<void> => {
  const { outputs, rejects, files } = await select(name, options);
  const { outputKindOf } = await import('../outputs/registry.ts');
  const config = outputs.sink.outputs?.[name];
  const kind = config === undefined ? undefined : outputKindOf(config);
  if (config === undefined || kind?.retryRejects === undefined)
    throw new LogdError(
      'usage',
      `The rejected records of ${name} cannot be retried. Replay its hours instead.`,
    );
  const { delivered, left } = await kind.retryRejects(config, rejects, files);
  say(`Delivered ${delivered} rejected records; ${left} are still refused.`);
  if (left > 0) process.exitCode = EXIT.failed;
};

const subcommand = (
  name: string,
  description: string,
  example: string,
  act: (output: string, options: RejectOptions) => Promise<void>,
): Command =>
  new Command(name)
    .description(description)
    .argument('<output>', 'the name of the output')
    .addOption(configOption())
    .option('--hour <prefix>', 'only hours that begin so: 2026112216, or 20261122 for a day')
    .addHelpText('after', `\nExample:\n  ${example}`)
    .action(act);

export const rejectsCommand = (): Command =>
  new Command('rejects')
    .description('List, retry or drop the records that an output could not deliver for good.')
    .addHelpText(
      'after',
      `
Examples:
  logd rejects list mongo
  logd rejects retry mongo --hour 20261122
  logd rejects drop mongo --hour 2026112216

Exit codes:
  0  done
  1  retry: some records are still refused
  2  the command line or the configuration is wrong`,
    )
    .addCommand(
      subcommand('list', 'Show them, with the reason of each.', 'logd rejects list mongo', list).option(
        '--json',
        'the records themselves, one Extended JSON object a line',
      ),
    )
    .addCommand(
      subcommand(
        'retry',
        'Deliver them again, after what refused them was mended.',
        'logd rejects retry mongo',
        retry,
      ),
    )
    .addCommand(subcommand('drop', 'Remove them for good.', 'logd rejects drop mongo --hour 20261122', drop));
