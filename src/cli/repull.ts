/** `logd repull`: has an hour's missing or damaged packs sent again by its agent, and says what came of it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Command, InvalidArgumentError } from 'commander';
import { LogdError } from '../error.ts';
import { parseIdRuns } from '../ledger/sqlite/repull-operations.ts';
import type { IdRun, RepullRequest } from '../ledger/repull.ts';
import { segmentName } from '../pack/pack.ts';
import { systemClock } from '../telemetry/clock.ts';
import { printable } from '../telemetry/printable.ts';
import { type Column, painter, table, widthOf } from '../text/terminal.ts';
import { configOption } from './config-file.ts';
import { openSinkLedger, readSinkOutputs } from './configured-outputs.ts';
import { EXIT } from './exit-codes.ts';
import { parseHour, parseName } from './selection.ts';

const LOOK_MS = 250;
const MOST_LISTED = 200;

interface RepullCommandOptions {
  readonly config: string;
  readonly packs?: readonly IdRun[];
  readonly wait?: true;
  readonly json?: true;
}

const say = (text: string): void => void process.stdout.write(`${text}\n`);

const parsePacks = (text: string): readonly IdRun[] => {
  const runs = parseIdRuns(text);
  if (runs === undefined) throw new InvalidArgumentError('Packs look like 3,7-9.');
  return runs;
};

const COLUMNS: readonly Column<RepullRequest>[] = [
  { title: 'HOUR', importance: 9, cell: (row) => segmentName(row) },
  { title: 'STATE', importance: 8, cell: ({ state }) => state },
  {
    title: 'ASKED AT',
    importance: 4,
    cell: ({ requestedAt }) => new Date(requestedAt).toISOString().slice(0, 19),
  },
  { title: 'WHAT CAME OF IT', importance: 7, cell: ({ note }) => printable(note ?? '-') },
];

const list = async ({ config, json }: RepullCommandOptions): Promise<void> => {
  await using ledger = await openSinkLedger(await readSinkOutputs(config), 'look');
  const rows = await ledger.repulls(undefined, MOST_LISTED);
  if (json) return say(JSON.stringify({ repulls: rows }, undefined, 2));
  if (rows.length === 0) return say('Nothing has been asked for again.');
  say(table(rows, COLUMNS, widthOf(process.stdout), painter(process.stdout)).join('\n'));
};

const request = async (
  names: readonly [string, string, string],
  { config, packs = [], wait, json }: RepullCommandOptions,
): Promise<void> => {
  const [host, stream, hour] = names;
  const key = { host: parseName(host), stream: parseName(stream), hour: parseHour(hour) };
  await using ledger = await openSinkLedger(await readSinkOutputs(config), 'change');
  await ledger.requestRepull(key, packs, systemClock.now());
  if (!wait) {
    if (json) return say(JSON.stringify(await ledger.repull(key)));
    return say(
      `${segmentName(key)} is looked at, and ${host} is asked for what is missing or damaged. \`logd repull\` shows what came of it. A stopped sink does it when it starts.`,
    );
  }
  let found = await ledger.repull(key);
  for (; found?.state === 'waiting'; found = await ledger.repull(key)) await sleep(LOOK_MS);
  say(json ? JSON.stringify(found) : `${segmentName(key)} ${found?.state}: ${found?.note ?? ''}`);
  process.exitCode = found?.state === 'done' ? EXIT.ok : EXIT.failed;
};

export const repullCommand = (): Command =>
  new Command('repull')
    .description(
      'Have missing or damaged packs of an hour sent again by its agent; without an hour, list what was asked for.',
    )
    .argument(
      '[hour...]',
      'host, stream and hour: web1 access 2026112216, or a day where the stream has one segment a day',
    )
    .addOption(configOption())
    .option('--packs <ids>', 'only these packs: 3,7-9 (default: all that are missing or damaged)', parsePacks)
    .option('--wait', 'wait until it is done, or something cannot be had again')
    .option('--json', 'one JSON document')
    .addHelpText(
      'after',
      `
The sink compares each stored pack with its checksum. Those that are damaged, and those that are missing, are asked for on the connection that
the host's packs come by, through relays. The agent reads them from its files, exactly as they were cut (agent.keep_cuts says for how
long it can). A damaged file stays where it is until a new one, with the SHA-256 of its seal, takes its place. An hour that was
refused is proven again. Packs that are right are not asked for, and never written over.

Examples:
  logd repull web1 access 2026112216 -c sink.yaml
  logd repull web1 access 2026112216 --packs 3,7-9 --wait
  logd repull -c sink.yaml

Exit codes:
  0  asked; with --wait: all of it is here and right
  1  with --wait: something cannot be had again; or the ledger cannot be read or written
  2  the command line or the configuration is wrong`,
    )
    .action(async (names: readonly string[], options: RepullCommandOptions) => {
      const [host, stream, hour] = names;
      if (host === undefined) return list(options);
      if (stream === undefined || hour === undefined || names.length > 3)
        throw new LogdError(
          'usage',
          'Name a host, a stream and an hour: logd repull web1 access 2026112216.',
        );
      return request([host, stream, hour], options);
    });
