/** `logd etl run`: on a file, on standard input, or on hours that a sink has stored. */
import { createReadStream } from 'node:fs';
import { basename, resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { LogdError, messageOf } from '../error.ts';
import type { BackfillStep } from '../outputs/etl/backfill.ts';
import type { EtlCounts } from '../outputs/etl/hour-etl.ts';
import type { RuleOptions } from '../outputs/etl/load-rules.ts';
import { isHourLabel } from '../pack/name.ts';
import { openSinkLedger, readSinkOutputs } from './configured-outputs.ts';
import { type EtlFlags, firstLines, formatFor, formOption, ruleFlags, rulesOf } from './etl-flags.ts';
import { EXIT } from './exit-codes.ts';

interface RunFlags extends EtlFlags {
  readonly config?: string;
  readonly output?: string;
  readonly stream?: string;
  readonly host?: string;
  readonly hours?: readonly [string, string];
  readonly force?: true;
  readonly parallel: number;
}

const count = (n: number): string => n.toLocaleString('en-US');

/** `1,000 lines = 990 rows + 8 dropped (host 8) + 2 rejected`. */
const accountOf = (counts: EtlCounts): string => {
  const dropped = Object.entries(counts.dropped);
  const total = dropped.reduce((sum, [, n]) => sum + n, 0);
  const by = total > 0 ? ` (${dropped.map(([rule, n]) => `${rule} ${count(n)}`).join(', ')})` : '';
  return `${count(counts.lines)} lines = ${count(counts.rows)} rows + ${count(total)} dropped${by} + ${count(counts.rejected)} rejected`;
};

const runOnFile = async (flags: RunFlags, input: string): Promise<void> => {
  const fromStdin = input === '-';
  if (fromStdin && flags.format === undefined)
    throw new LogdError(
      'usage',
      'Standard input can be read once only, so its format cannot be guessed: add --format.',
    );
  const format = await formatFor(flags, fromStdin ? [] : await firstLines(input));
  const { runHour } = await import('../outputs/etl/run-hour.ts');
  const stream: AsyncIterable<Buffer> = fromStdin
    ? process.stdin
    : createReadStream(input, { highWaterMark: 1024 * 1024 });
  const dir = resolve(flags.out);
  const part = `part-${fromStdin ? 'stdin' : basename(input).replaceAll(/[^\w.-]/g, '_')}`;
  const { counts, files } = await runHour(rulesOf(flags, format), { dir, part }, stream);
  if (flags.json === true) {
    process.stdout.write(`${JSON.stringify({ ...counts, dir, files })}\n`);
    return;
  }
  process.stdout.write(
    `${accountOf(counts)}\n${count(files.length)} files below ${dir}:\n${files
      .slice(0, 10)
      .map((file) => `  ${file}\n`)
      .join('')}${files.length > 10 ? `  … and ${files.length - 10} more\n` : ''}`,
  );
};

/** The rules and the directory of an ETL output of the sink; or those of the flags. */
const rulesFor = async (
  flags: RunFlags,
  outputs: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
): Promise<{ readonly rules: RuleOptions; readonly dir: string }> => {
  const etls = Object.entries(outputs).filter(([, { kind }]) => kind === 'etl');
  const [name, chosen] = etls.find(([each]) => flags.output === undefined || each === flags.output) ?? [];
  if (flags.output !== undefined && name === undefined)
    throw new LogdError('usage', `The sink has no ETL output called ${flags.output}.`);
  if (chosen !== undefined && flags.format === undefined && flags.columns === undefined)
    return { rules: chosen as unknown as RuleOptions, dir: String(chosen['dir']) };
  if (flags.format === undefined)
    throw new LogdError(
      'usage',
      'The sink has no ETL output, so the format of the lines is not known: add --format.',
    );
  return { rules: rulesOf(flags, flags.format), dir: resolve(flags.out) };
};

/** Says what becomes of the hours: a line for each on a terminal's last line, failures and the sum for good. */
const createReport = (total: number) => {
  const sums = { done: 0, same: 0, open: 0, failed: 0, lines: 0 };
  const began = performance.now();
  const isTerminal = process.stderr.isTTY === true;
  return {
    sums,
    told(step: BackfillStep): void {
      sums[step.kind]++;
      const { host, stream, hour } = step.segment;
      if (step.kind === 'done') sums.lines += step.counts.lines;
      if (step.kind === 'failed')
        process.stderr.write(
          `${isTerminal ? '\r\x1b[K' : ''}${host}/${stream}/${hour}: ${messageOf(step.error)}\n`,
        );
      if (!isTerminal) return;
      const finished = sums.done + sums.same + sums.open + sums.failed;
      const rate = Math.round(sums.lines / ((performance.now() - began) / 1000));
      process.stderr.write(
        `\r\x1b[K${finished} of ${total} hours, ${count(sums.lines)} lines, ${count(rate)}/s`,
      );
    },
    end: () => void (isTerminal && process.stderr.write('\r\x1b[K')),
  };
};

const runOnHours = async (flags: RunFlags, config: string): Promise<void> => {
  const { backfill, backfillHours } = await import('../outputs/etl/backfill.ts');
  const { viewStore } = await import('../stores/registry.ts');
  const outputs = await readSinkOutputs(config);
  const { rules, dir } = await rulesFor(flags, outputs.sink.outputs ?? {});
  await using ledger = await openSinkLedger(outputs, 'look');
  const store = await viewStore(outputs.sink.store);
  const [from, to] = flags.hours ?? [];
  const which = { ledger, filter: { stream: flags.stream, host: flags.host }, from, to };
  let total = 0;
  for await (const _ of backfillHours(which)) total++;
  const interrupt = new AbortController();
  const stop = (): void =>
    interrupt.abort(new LogdError('closed', 'Interrupted. Run it again to go on where it stopped.'));
  process.once('SIGINT', stop).once('SIGTERM', stop);
  const report = createReport(total);
  try {
    const { signal } = interrupt;
    await backfill(
      { ...which, store, rules, dir, force: flags.force === true, parallel: flags.parallel, signal },
      report.told,
    );
  } finally {
    report.end();
  }
  const { done, same, open, failed, lines } = report.sums;
  if (flags.json === true) process.stdout.write(`${JSON.stringify({ ...report.sums, dir })}\n`);
  else
    process.stdout.write(
      `${count(done)} hours done, ${count(lines)} lines; ${count(same)} were done before; ${count(open)} are not sealed yet; ${count(failed)} failed. Below ${dir}\n`,
    );
  if (failed > 0) process.exitCode = EXIT.failed;
};

const hoursRange = (text: string): readonly [string, string] => {
  const [from = '', to = from] = text.split('..');
  if (!isHourLabel(from) || !isHourLabel(to) || from > to)
    throw new InvalidArgumentError(
      'Give hours or days such as 2026112200..2026112223, 20261122..20261130, or 20261122.',
    );
  return [from, to];
};

const atOnce = (text: string): number => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 64)
    throw new InvalidArgumentError('Give a number from 1 to 64.');
  return value;
};

export const etlRunCommand = (): Command =>
  ruleFlags(new Command('run'))
    .description('Run it on a file, on standard input, or on the hours that a sink has stored.')
    .option('--input <file>', 'file to read, or - for standard input; no node is needed')
    .option(
      '-c, --config <file>',
      'configuration of a sink: run it on stored hours, which may go on meanwhile',
    )
    .option(
      '--output <name>',
      "the sink's ETL output whose rules and directory are used (default: its first)",
    )
    .option('--stream <name>', 'stored hours of this stream only')
    .option('--host <name>', 'stored hours of this host only')
    .option('--hours <range>', 'stored hours from A to B: 2026112200..2026112223, or days', hoursRange)
    .option('--force', 'do hours again that are done')
    .option('--parallel <n>', 'stored hours at a time', atOnce, 2)
    .addOption(formOption())
    .option('--out <dir>', 'directory for tables and rejects', 'etl')
    .option('--json', 'print the account as JSON')
    .addHelpText(
      'after',
      `
Examples:
  logd etl run --input access.log
  logd etl run --input access.log --form parquet --out /srv/etl
  zstdcat access.log.zst | logd etl run --input - --format combined
  logd etl run -c sink.yaml --stream access --hours 20261101..20261130

Every line is accounted for: lines = rows + dropped + rejected. Rejects are in etl_reject/ with number and reason. Stored hours that are
done already are passed over, so that a run that was stopped goes on. As an output of a sink, the ETL runs by itself when an hour is
sealed: logd explain sink.outputs.

Exit codes:
  0  done
  1  something could not be read or written, or an hour failed
  2  the command line, a list or the column map is wrong`,
    )
    .action(async (flags: RunFlags) => {
      if (flags.input !== undefined) return runOnFile(flags, flags.input);
      if (flags.config !== undefined) return runOnHours(flags, flags.config);
      throw new LogdError('usage', 'Name a file with --input, - for standard input, or a sink with -c.');
    });
