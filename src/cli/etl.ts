/** `logd etl`: runs the ETL on a file, standard input or stored hours; shows what it makes of the first lines; converts column maps. */
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { Command, Option } from 'commander';
import { LogdError } from '../error.ts';
import { FORMS } from '../outputs/etl/forms.ts';
import type { RuleOptions } from '../outputs/etl/load-rules.ts';
import { EXIT } from './exit-codes.ts';

interface EtlFlags {
  readonly input?: string;
  readonly sample?: string;
  readonly format?: string;
  readonly form: (typeof FORMS)[number];
  readonly out: string;
  readonly columns?: string;
  readonly spiders?: string;
  readonly hosts?: string;
  readonly addresses?: string;
  readonly lines: string;
  readonly json?: boolean;
}

const SAMPLE_BYTES = 256 * 1024;
const SAMPLE_LINES = 1_000;

const ruleFlags = (command: Command): Command =>
  command
    .option('--format <format>', 'format of the lines; guessed from the first ones unless given')
    .option(
      '--columns <file>',
      'tables, columns and partitions: JSON, YAML, or a colsmap.json of the Go system',
    )
    .option('--spiders <file>', 'words that mark a user agent as a spider, one a line')
    .option('--hosts <file>', 'regular expressions of the hosts to keep, one a line')
    .option('--addresses <file>', 'addresses and ranges to drop, one a line');

/** The first lines of a file. */
const firstLines = async (path: string): Promise<Buffer[]> => {
  await using file = await open(path);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(SAMPLE_BYTES), 0, SAMPLE_BYTES, 0);
  const lines: Buffer[] = [];
  let from = 0;
  while (lines.length < SAMPLE_LINES && from < bytesRead) {
    const end = buffer.subarray(0, bytesRead).indexOf(0x0a, from);
    if (end < 0 && from > 0) break;
    lines.push(buffer.subarray(from, end < 0 ? bytesRead : end));
    from = (end < 0 ? bytesRead : end) + 1;
  }
  return lines;
};

const formatFor = async (flags: EtlFlags, lines: readonly Buffer[]): Promise<string> => {
  if (flags.format !== undefined) return flags.format;
  const { guessFormat } = await import('../formats/registry.ts');
  const { format, read, of } = guessFormat(lines);
  process.stderr.write(
    `Format: ${format.name} (guessed: it reads ${read} of the first ${of} lines; --format sets it)\n`,
  );
  return format.name;
};

const rulesOf = (flags: EtlFlags, format: string): RuleOptions => ({
  ...{ format, form: flags.form },
  columns_file: flags.columns,
  spiders_file: flags.spiders,
  hosts_file: flags.hosts,
  addresses_file: flags.addresses,
});

const runEtl = async (flags: EtlFlags): Promise<void> => {
  if (flags.input === undefined)
    throw new LogdError('usage', 'Name a file with --input, or - for standard input.');
  const fromStdin = flags.input === '-';
  if (fromStdin && flags.format === undefined)
    throw new LogdError(
      'usage',
      'Standard input can be read once only, so its format cannot be guessed: add --format.',
    );
  const format = await formatFor(flags, fromStdin ? [] : await firstLines(flags.input));
  const { runHour } = await import('../outputs/etl/run-hour.ts');
  const stream: AsyncIterable<Buffer> = fromStdin
    ? process.stdin
    : createReadStream(flags.input, { highWaterMark: 1024 * 1024 });
  const dir = resolve(flags.out);
  const part = `part-${fromStdin ? 'stdin' : basename(flags.input).replaceAll(/[^\w.-]/g, '_')}`;
  const { counts, files } = await runHour(rulesOf(flags, format), { dir, part }, stream);
  if (flags.json === true) {
    process.stdout.write(`${JSON.stringify({ ...counts, dir, files })}\n`);
    return;
  }
  const dropped = Object.entries(counts.dropped);
  const total = dropped.reduce((sum, [, n]) => sum + n, 0);
  const count = (n: number): string => n.toLocaleString('en-US');
  const by = total > 0 ? ` (${dropped.map(([rule, n]) => `${rule} ${count(n)}`).join(', ')})` : '';
  process.stdout.write(
    `${count(counts.lines)} lines = ${count(counts.rows)} rows + ${count(total)} dropped${by} + ${count(counts.rejected)} rejected\n` +
      `${count(files.length)} files below ${dir}:\n${files
        .slice(0, 10)
        .map((file) => `  ${file}\n`)
        .join('')}` +
      (files.length > 10 ? `  … and ${files.length - 10} more\n` : ''),
  );
};

const testEtl = async (flags: EtlFlags): Promise<void> => {
  if (flags.sample === undefined) throw new LogdError('usage', 'Name a file with --sample.');
  const lines = await firstLines(flags.sample);
  const format = await formatFor(flags, lines);
  const { loadRules } = await import('../outputs/etl/load-rules.ts');
  const { rowOf, plainText } = await import('../outputs/etl/row.ts');
  const { painter } = await import('../text/terminal.ts');
  const { printable } = await import('../telemetry/printable.ts');
  const paint = painter(process.stdout);
  const rules = loadRules(rulesOf(flags, format));
  let rejected = 0;
  for (const line of lines.slice(0, Number(flags.lines))) {
    process.stdout.write(`${paint('dim', printable(line.toString('utf8')))}\n`);
    const parsed = rules.format.read(line);
    if ('reason' in parsed) {
      rejected++;
      process.stdout.write(`  ${paint('red', 'rejected')}: ${printable(parsed.reason)}\n\n`);
      continue;
    }
    const value = rowOf(parsed.fields, rules.findSpider);
    const table = rules.tables.find(({ isWanted }) => isWanted((column) => plainText(value(column))));
    process.stdout.write(`  ${paint('bold', 'table')} ${table?.name ?? '(none: dropped)'}\n`);
    for (const column of [...(table?.partitions ?? []), ...(table?.columns ?? [])])
      process.stdout.write(
        `  ${paint('cyan', column || '(empty)')} ${printable(plainText(value(column)))}\n`,
      );
    process.stdout.write('\n');
  }
  if (rejected > 0) process.exitCode = EXIT.failed;
};

const form = (): Option =>
  new Option('--form <form>', 'how rows are written').choices([...FORMS]).default('hive');

export const etlCommand = (): Command =>
  new Command('etl')
    .description('Lines into typed, partitioned columns.')
    .addHelpText(
      'after',
      `
Examples:
  logd etl run --input access.log --form parquet
  logd etl test --sample access.log
  logd etl columns --go columns.yaml > colsmap.json

Exit codes:
  0  done
  1  something could not be read or written; of test: lines were rejected
  2  the command line, a list or the column map is wrong`,
    )
    .addCommand(
      ruleFlags(new Command('run'))
        .description('Run it on a file or on standard input; no node is needed.')
        .option('--input <file>', 'file to read, or - for standard input')
        .addOption(form())
        .option('--out <dir>', 'directory for tables and rejects', 'etl')
        .option('--json', 'print the account as JSON')
        .addOption(new Option('--lines <n>').default('0').hideHelp())
        .addHelpText(
          'after',
          `
Examples:
  logd etl run --input access.log
  logd etl run --input access.log --form parquet --out /srv/etl
  zstdcat host=web1.log.zst | logd etl run --input - --format combined

Every line is accounted for: lines = rows + dropped + rejected. Rejects are in etl_reject/ with number and reason.
As an output of a sink, the ETL runs by itself when an hour is sealed: logd explain sink.outputs.

Exit codes:
  0  done
  1  something could not be read or written
  2  the command line, a list or the column map is wrong`,
        )
        .action((flags: EtlFlags) => runEtl(flags)),
    )
    .addCommand(
      ruleFlags(new Command('test'))
        .description('Show what becomes of the first lines of a file.')
        .option('--sample <file>', 'file to look at')
        .option('--lines <n>', 'how many lines to show', '5')
        .addOption(form().hideHelp())
        .addHelpText(
          'after',
          `
Examples:
  logd etl test --sample access.log
  logd etl test --sample access.log --columns colsmap.json --lines 20

Exit codes:
  0  every line was read
  1  some were rejected`,
        )
        .action((flags: EtlFlags) => testEtl(flags)),
    )
    .addCommand(
      new Command('columns')
        .description('Convert a column map between YAML and the JSON of the Go system.')
        .argument('<file>', 'column map to read')
        .option('--go', 'print the JSON of the Go system; without it YAML')
        .addHelpText(
          'after',
          '\nExamples:\n  logd etl columns colsmap.json > columns.yaml\n  logd etl columns --go columns.yaml',
        )
        .action(async (file: string, { go }: { readonly go?: boolean }) => {
          const { readTables } = await import('../outputs/etl/load-rules.ts');
          const { toGoMap } = await import('../outputs/etl/columns.ts');
          const { stringify } = await import('yaml');
          const tables = readTables(file);
          const map = Object.fromEntries(tables.map(({ name, ...rest }) => [name, rest]));
          process.stdout.write(
            go === true ? `${JSON.stringify(toGoMap(tables), null, 2)}\n` : stringify(map),
          );
        }),
    );
