/** `logd outputs`: how far each output of a sink is, and how to stop, resume, repeat or forget one. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Command, InvalidArgumentError } from 'commander';
import type { Deliveries } from '../ledger/delivery.ts';
import type { OutputProgress } from '../report/output-progress.ts';
import { isHourLabel } from '../pack/name.ts';
import { systemClock } from '../telemetry/clock.ts';
import { type Column, formatCount, painter, table, widthOf } from '../text/terminal.ts';
import { configOption } from './config-file.ts';
import { openSinkLedger, readSinkOutputs, recordOf } from './configured-outputs.ts';

/** Over so many milliseconds the rates are measured. */
const RATE_MS = 1_000;

interface ListOptions {
  readonly config: string;
  readonly json?: true;
  readonly rates?: true;
}

type OutputRow = OutputProgress & { readonly linesPerSecond?: number };

const say = (text: string): void => void process.stdout.write(`${text}\n`);

const duration = (ms: number): string =>
  ms === 0
    ? '-'
    : ms < 120_000
      ? `${Math.round(ms / 1000)} s`
      : ms < 7_200_000
        ? `${Math.round(ms / 60_000)} min`
        : `${Math.round(ms / 3_600_000)} h`;

const COLUMNS: readonly Column<OutputRow>[] = [
  { title: 'OUTPUT', importance: 9, cell: ({ name }) => name },
  { title: 'KIND', cell: ({ kind }) => kind },
  { title: 'STATE', importance: 8, cell: ({ state }) => state },
  { title: 'SEGMENTS', align: 'right', cell: ({ segments }) => formatCount(segments) },
  { title: 'BEHIND', importance: 7, align: 'right', cell: ({ lag }) => formatCount(lag) },
  { title: 'LINES', importance: 6, align: 'right', cell: ({ lagLines }) => formatCount(lagLines) },
  { title: 'FOR', importance: 6, align: 'right', cell: ({ lagMs }) => duration(lagMs) },
  { title: 'DELIVERED', importance: 5, align: 'right', cell: ({ delivered }) => formatCount(delivered) },
  { title: 'SKIPPED', importance: 4, align: 'right', cell: ({ dropped }) => formatCount(dropped) },
  { title: 'REJECTED', importance: 5, align: 'right', cell: ({ rejected }) => formatCount(rejected) },
  {
    title: 'LINES/S',
    align: 'right',
    cell: ({ linesPerSecond }) =>
      linesPerSecond === undefined ? '-' : formatCount(Math.round(linesPerSecond)),
  },
];

const doneOf = ({ delivered, dropped, rejected }: OutputProgress): number => delivered + dropped + rejected;

const listOutputs = async ({ config, json, rates }: ListOptions): Promise<void> => {
  const { outputProgress } = await import('../report/output-progress.ts');
  const outputs = await readSinkOutputs(config);
  await using ledger = await openSinkLedger(outputs, 'look');
  const look = async (): Promise<OutputProgress[]> => {
    const rows: OutputProgress[] = [];
    for (const record of await ledger.outputs()) {
      const known = outputs.known.find(({ name }) => name === record.name);
      rows.push(await outputProgress(ledger, record, known, systemClock.now()));
    }
    return rows;
  };
  let rows: OutputRow[] = await look();
  if (rates) {
    const before = new Map(rows.map((row) => [row.name, doneOf(row)]));
    const start = systemClock.monotonic();
    await sleep(RATE_MS);
    const after = await look();
    const seconds = (systemClock.monotonic() - start) / 1000;
    rows = after.map((row) => ({
      ...row,
      linesPerSecond: Math.max(0, doneOf(row) - (before.get(row.name) ?? 0)) / seconds,
    }));
  }
  if (json) return say(JSON.stringify({ outputs: rows }, undefined, 2));
  if (rows.length === 0) return say('No output has been started yet.');
  say(table(rows, COLUMNS, widthOf(process.stdout), painter(process.stdout)).join('\n'));
  for (const { name, error } of rows) if (error !== undefined) say(`${name}: ${error}`);
};

/** `A..B` or one hour or day. */
const parseHours = (text: string): readonly [string, string] => {
  const [from = '', to = from] = text.replaceAll(/[-T ]/g, '').split('..');
  if (!isHourLabel(from) || !isHourLabel(to) || from.slice(0, to.length) > to)
    throw new InvalidArgumentError('Hours look like 2026112200..2026112223, or 20261122 for a day.');
  return [from, to];
};

const LOOK_AGAIN = 'A running sink notices within a second; a stopped one when it starts.';

/** Adds a subcommand that changes what the ledger has of one output. */
const change = (
  name: string,
  description: string,
  examples: string,
  act: (
    ledger: Deliveries,
    output: string,
    options: { readonly hours?: readonly [string, string] },
  ) => Promise<string>,
): Command =>
  new Command(name)
    .description(description)
    .argument('<name>', 'the name of the output')
    .addOption(configOption())
    .addHelpText('after', `\n${LOOK_AGAIN}\n\nExamples:\n${examples}`)
    .action(
      async (
        output: string,
        options: { readonly config: string; readonly hours?: readonly [string, string] },
      ) => {
        const outputs = await readSinkOutputs(options.config);
        await using ledger = await openSinkLedger(outputs, 'change');
        recordOf(await ledger.outputs(), output);
        say(await act(ledger, output, options));
      },
    );

const replayCommand = (): Command =>
  change(
    'replay',
    'Deliver hours again from the beginning. Outputs make nothing twice.',
    '  logd outputs replay mongo --hours 20261122\n  logd outputs replay mongo --hours 2026112206..2026112211',
    async (ledger, output, { hours: [from, to] = ['0', '9'] }) => {
      const count = await ledger.replay(output, from, to);
      return `${output} delivers ${formatCount(count)} hours again.`;
    },
  ).requiredOption('--hours <from..to>', 'hours or days, both ends included', parseHours);

const resume = async (ledger: Deliveries, output: string): Promise<string> => {
  await ledger.pauseOutput(output, false);
  const stuck = await ledger.retryStuck(output);
  return stuck > 0
    ? `${output} goes on, with ${formatCount(stuck)} hours that waited for you.`
    : `${output} goes on.`;
};

export const outputsCommand = (): Command =>
  new Command('outputs')
    .description('Show how far each output of the sink is; pause, resume, replay or forget one.')
    .addOption(configOption())
    .option('--json', 'one JSON document')
    .option('--rates', 'measure lines per second over one second')
    .addHelpText(
      'after',
      `
Columns: BEHIND packs (or sealed hours) that are stored and not delivered yet, LINES in them, FOR how long the oldest has waited.

Examples:
  logd outputs -c sink.yaml
  logd outputs --rates
  logd outputs --json | jq '.outputs[] | select(.lag > 0)'
  logd outputs replay mongo --hours 20261122
  logd outputs pause mongo

Exit codes:
  0  done
  1  the ledger cannot be read or written
  2  the command line or the configuration is wrong`,
    )
    .action((options: ListOptions) => listOutputs(options))
    .addCommand(replayCommand())
    .addCommand(
      change(
        'pause',
        'Stop delivering; the store keeps everything.',
        '  logd outputs pause mongo',
        async (ledger, output) => {
          await ledger.pauseOutput(output, true);
          return `${output} is paused. \`logd outputs resume ${output}\` goes on from there.`;
        },
      ),
    )
    .addCommand(
      change(
        'resume',
        'Go on delivering, also hours that are stuck on an error.',
        '  logd outputs resume mongo',
        resume,
      ),
    )
    .addCommand(
      change(
        'forget',
        'Remove the positions of an output that is not configured any more.',
        '  logd outputs forget old-mongo',
        async (ledger, output) => {
          await ledger.forgetOutput(output);
          return `${output} is forgotten. Configured again, it begins as its start says.`;
        },
      ),
    );
