/** `logd expect`: which hosts must have each hour of a stream, and why. */
import { Command } from 'commander';
import { LogdError } from '../error.ts';
import type { ExpectedHost } from '../ledger/expected-set.ts';
import { hourIndex, hourLabel } from '../pack/hour-index.ts';
import { plainLabel } from '../pack/hour.ts';
import { isName, NAME_RULE } from '../pack/name.ts';
import { showHour } from '../report/segment-text.ts';
import { systemClock } from '../telemetry/clock.ts';
import { type Column, painter, table, widthOf } from '../text/terminal.ts';
import { configOption } from './config-file.ts';
import { openExpected } from './expected.ts';
import { parseHour } from './selection.ts';

interface ExpectOptions {
  readonly config: string;
  readonly json?: true;
}

const say = (text: string): void => void process.stdout.write(`${text}\n`);

const WHY: Readonly<Record<ExpectedHost['origin'], string>> = {
  history: 'had hours',
  added: 'added',
  fixed: 'configured',
  retired: 'retired',
};

const COLUMNS: readonly Column<ExpectedHost>[] = [
  { title: 'STREAM', importance: 9, cell: ({ stream }) => stream },
  { title: 'HOST', importance: 9, cell: ({ host }) => host },
  { title: 'EXPECTED', importance: 8, cell: ({ origin }) => (origin === 'retired' ? 'no' : 'yes') },
  { title: 'WHY', importance: 7, cell: ({ origin }) => WHY[origin] },
  { title: 'FROM', importance: 5, cell: ({ from }) => (from === undefined ? '-' : showHour(from)) },
  {
    title: 'LAST HOUR',
    importance: 6,
    cell: ({ lastHour }) => (lastHour === undefined ? '-' : showHour(lastHour)),
  },
];

const list = async ({ config, json }: ExpectOptions): Promise<void> => {
  const { ledger: opened, rules } = await openExpected({ config });
  await using ledger = opened;
  const { expectedHosts } = await import('../ledger/expected-set.ts');
  const rows = await expectedHosts(ledger, rules, systemClock.now());
  if (json) return say(JSON.stringify({ expected: rows }, undefined, 2));
  if (rows.length === 0) return say('Nothing is expected yet: logd expect add STREAM HOST changes that.');
  say(table(rows, COLUMNS, widthOf(process.stdout), painter(process.stdout)).join('\n'));
};

const currentHour = (): string => {
  const at = new Date(systemClock.now());
  const [year, month, day, hour] = [at.getFullYear(), at.getMonth() + 1, at.getDate(), at.getHours()];
  return plainLabel({ year, month, day, hour });
};

const checkNames = (...names: readonly string[]): void => {
  for (const name of names)
    if (!isName(name))
      throw new LogdError('usage', `${JSON.stringify(name.slice(0, 80))} is no name: use ${NAME_RULE}.`);
};

/** Adds a subcommand that keeps one expectation. */
const change = (
  name: 'add' | 'retire',
  text: { readonly description: string; readonly hour: string; readonly example: string },
): Command =>
  new Command(name)
    .description(text.description)
    .argument('<stream>', 'the stream')
    .argument('<host>', 'the host')
    .addOption(configOption())
    .option('--from <hour>', text.hour, parseHour)
    .addHelpText('after', `\nA running sink follows it at once.\n\nExamples:\n${text.example}`)
    .action(
      async (stream: string, host: string, options: { readonly config: string; readonly from?: string }) => {
        checkNames(stream, host);
        const { ledger: opened, rules } = await openExpected(options, 'change');
        await using ledger = opened;
        const { expectedHosts } = await import('../ledger/expected-set.ts');
        const known = await expectedHosts(ledger, rules, systemClock.now());
        const last = known.find((each) => each.stream === stream && each.host === host)?.lastHour;
        const next = last === undefined ? currentHour() : hourLabel(hourIndex(last) + 1);
        const from = options.from ?? (name === 'retire' ? next : currentHour());
        await ledger.expect({ stream, host, ...(name === 'add' ? { since: from } : { retired: from }) });
        const outputs = await ledger.outputs();
        // Markers of whole streams may be due now, or be too early.
        if (outputs.some((output) => output.name === 'markers')) await ledger.replay('markers', from, '9');
        say(
          name === 'add'
            ? `${host} is expected to have each hour of ${stream} from ${showHour(from)} on.`
            : `${host} is not expected to have hours of ${stream} from ${showHour(from)} on. Hours that come all the same are kept, and then more are expected.`,
        );
      },
    );

export const expectCommand = (): Command =>
  new Command('expect')
    .description('Show which hosts must have each hour of a stream; add or retire one.')
    .addHelpText(
      'after',
      `
A host that had an hour of a stream within sink.expect_within (7 days by default) is expected to have each hour of it. What is missing
is "absent" in logd status, and keeps logd wait waiting. The ledger keeps what is added and retired.

Examples:
  logd expect list -c sink.yaml
  logd expect add access web9
  logd expect retire access web2

Exit codes:
  0  done
  1  the ledger cannot be read or written
  2  the command line or the configuration is wrong`,
    )
    .addCommand(
      new Command('list')
        .description('Show who is expected, and why.')
        .addOption(configOption())
        .option('--json', 'one JSON document')
        .action(list),
    )
    .addCommand(
      change('add', {
        description: 'Expect a host to have each hour of a stream, also when none has come.',
        hour: 'first hour, 2026112216 (default: the hour it is now on this machine)',
        example: '  logd expect add access web9\n  logd expect add access web9 --from 2026112216',
      }),
    )
    .addCommand(
      change('retire', {
        description: 'Expect no more hours of a host and stream.',
        hour: 'first hour that is not expected (default: the one after the last that is there)',
        example: '  logd expect retire access web2\n  logd expect retire access web2 --from 2026112216',
      }),
    );
