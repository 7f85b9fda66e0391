/** What the subcommands of `logd etl` share: flags, the first lines of a file, and which format they have. */
import { open } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import { FORMS } from '../outputs/etl/forms.ts';
import type { RuleOptions } from '../outputs/etl/load-rules.ts';

export interface EtlFlags {
  readonly input?: string;
  readonly sample?: string;
  readonly format?: string;
  readonly form: (typeof FORMS)[number];
  readonly out: string;
  readonly columns?: string;
  readonly spiders?: string;
  readonly hosts?: string;
  readonly addresses?: string;
  readonly proxies?: string;
  readonly lookup?: string;
  readonly zone: string;
  readonly lines: string;
  readonly json?: boolean;
}

const SAMPLE_BYTES = 256 * 1024;
const SAMPLE_LINES = 1_000;

export const ruleFlags = (command: Command): Command =>
  command
    .option('--format <format>', 'format of the lines; guessed from the first ones unless given')
    .option(
      '--columns <file>',
      'tables, columns and partitions: JSON, YAML, or a colsmap.json of the Go system',
    )
    .option('--spiders <file>', 'words that mark a user agent as a spider, one a line')
    .option('--hosts <file>', 'regular expressions of the hosts to keep, one a line')
    .option('--addresses <file>', 'addresses and ranges to drop, one a line')
    .option('--proxies <file>', 'addresses and ranges of trusted proxies, for the column client')
    .option('--lookup <file>', 'CSV to look things up in, for columns lookup.NAME')
    .option('--zone <zone>', 'time zone of the columns day and hour: an IANA name, local, or line', 'UTC');

/** The first lines of a file. */
export const firstLines = async (path: string): Promise<Buffer[]> => {
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

export const formatFor = async (flags: EtlFlags, lines: readonly Buffer[]): Promise<string> => {
  if (flags.format !== undefined) return flags.format;
  const { guessFormat } = await import('../formats/registry.ts');
  const { format, read, of } = guessFormat(lines);
  process.stderr.write(
    `Format: ${format.name} (guessed: it reads ${read} of the first ${of} lines; --format sets it)\n`,
  );
  return format.name;
};

export const rulesOf = (flags: EtlFlags, format: string): RuleOptions => ({
  ...{ format, form: flags.form },
  zone: flags.zone,
  columns_file: flags.columns,
  spiders_file: flags.spiders,
  hosts_file: flags.hosts,
  addresses_file: flags.addresses,
  ...(flags.proxies !== undefined && { proxies_file: flags.proxies }),
  ...(flags.lookup !== undefined && { lookup_file: flags.lookup }),
});

export const formOption = (): Option =>
  new Option('--form <form>', 'how rows are written').choices([...FORMS]).default('hive');
