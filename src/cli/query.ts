/** `logd query`: SQL over what the ETL has written and over stored hours, with embedded DuckDB. */
import { existsSync, readdirSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { Command, Option } from 'commander';
import { LogdError, messageOf } from '../error.ts';
import type { SegmentRecord } from '../ledger/ledger.ts';
import type { runSql } from '../outputs/etl/parquet.ts';
import { openSinkLedger, readSinkOutputs, type SinkOutputs } from './configured-outputs.ts';

const FORMATS = ['table', 'csv', 'json', 'parquet'] as const;

interface QueryFlags {
  readonly etl: string;
  readonly config?: string;
  readonly out?: string;
  readonly format: (typeof FORMATS)[number];
}

const MOST_NAMED = 10;

const quote = (text: string): string => `'${text.replaceAll("'", "''")}'`;
const identifier = (text: string): string => `"${text.replaceAll('"', '""')}"`;

const readerOf = (glob: string, ending: string): string => {
  switch (ending) {
    case 'parquet':
      return `read_parquet(${glob}, hive_partitioning = true)`;
    case 'jsonl':
      return `read_json(${glob}, format = 'newline_delimited', hive_partitioning = true)`;
    default:
      return `read_csv(${glob}, delim = ${ending === 'tsv' ? "'\\t'" : 'chr(1)'}, quote = '', header = false, hive_partitioning = true)`;
  }
};

/** A view for each table below the directory, whatever form its files have. */
const tableViews = (dir: string): string[] => {
  if (!existsSync(dir)) return [];
  return readdirSync(dir, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.') && !entry.name.startsWith('etl_'))
    .flatMap(({ name }) => {
      const files = readdirSync(join(dir, name), { recursive: true }).map(String);
      const found = ['parquet', 'jsonl', 'tsv', 'txt'].find((end) =>
        files.some((file) => file.endsWith(`.${end}`)),
      );
      if (found === undefined) return [];
      const glob = quote(join(dir, name, '**', `*.${found}`));
      return [`CREATE VIEW ${identifier(name)} AS SELECT * FROM ${readerOf(glob, found)}`];
    });
};

/** The columns that the directories of a file give, in order: readers take only files with the same ones for one table. */
const hiveColumns = (file: string): string => (file.match(/[^/=]+(?==[^/]*\/)/g) ?? []).join(' ');

/** How the bytes of stored lines are read. Latin-1 takes each byte as a character, so that no line is left out. */
type Encoding = 'utf-8' | 'latin-1';

/** One table of stored files of one form. In paths of earlier stores the host is a part of the file's name. */
const readStored = (files: readonly string[], columns: string, encoding: Encoding): string => {
  const read = `SELECT * FROM read_csv([${files.map(quote).join(', ')}], auto_detect = false, header = false, columns = {'line': 'VARCHAR'},
    delim = '', quote = '', escape = '', strict_mode = false, encoding = '${encoding}', hive_partitioning = true, filename = true)`;
  return columns.split(' ').includes('host')
    ? read
    : `SELECT *, regexp_extract(filename, 'host=([^/]*)\\.log(\\.zst)?$', 1) AS host FROM (${read})`;
};

/** The stored hours as they are: a row a line, with what the folders say of it. */
const storedView = (dir: string, encoding: Encoding): string[] => {
  if (!existsSync(dir)) return [];
  const files = readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
    .map(({ parentPath, name }) => join(parentPath, name))
    .filter((file) => !relative(dir, file).startsWith('.logd'));
  const forms = Map.groupBy(files, hiveColumns);
  if (forms.size === 0) return [];
  const parts = [...forms].map(([columns, these]) => readStored(these, columns, encoding));
  return [`CREATE VIEW stored AS ${parts.join(' UNION ALL BY NAME ')}`];
};

/** The days that the statement names, `2026-11-22` or `20261122`; none: it may look at all of them. */
const daysIn = (sql: string): { readonly from: string; readonly to: string } => {
  const days = [...sql.matchAll(/\b(\d{4})-?(\d{2})-?(\d{2})\b/g)]
    .map(([, year, month, day]) => `${year}${month}${day}`)
    .sort();
  return { from: days[0] ?? '', to: days.at(-1) ?? '~' };
};

/** Names the hours of the asked days that are not sealed: what is counted of them is not all there is. */
const warnOfOpenHours = async (sql: string, outputs: SinkOutputs): Promise<void> => {
  const { selectSegments } = await import('../ledger/walk.ts');
  await using ledger = await openSinkLedger(outputs, 'look');
  const { from, to } = daysIn(sql);
  const open: SegmentRecord[] = [];
  for await (const segment of selectSegments(ledger, {
    states: ['open', 'complete', 'refused', 'incomplete'],
  }))
    if (segment.hour >= from && segment.hour <= `${to}~`) open.push(segment);
  if (open.length === 0) return;
  const names = open
    .slice(0, MOST_NAMED)
    .map(({ host, stream, hour, state }) => `${host}/${stream}/${hour} (${state})`);
  const more = open.length > MOST_NAMED ? ` and ${open.length - MOST_NAMED} more` : '';
  process.stderr.write(`Not sealed, so perhaps not all there: ${names.join(', ')}${more}.\n`);
};

const csvCell = (value: string): string =>
  /[",\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
const textOf = (value: unknown): string =>
  value === null || value === undefined
    ? ''
    : typeof value === 'object'
      ? JSON.stringify(value)
      : String(value as string | number | boolean);

const print = async (
  format: Exclude<QueryFlags['format'], 'parquet'>,
  { columns, rows }: { readonly columns: readonly string[]; readonly rows: readonly unknown[][] },
): Promise<void> => {
  if (format === 'json') {
    const objects = rows.map((row) => Object.fromEntries(columns.map((name, n) => [name, row[n]])));
    process.stdout.write(`${JSON.stringify(objects)}\n`);
    return;
  }
  const { table, widthOf } = await import('../text/terminal.ts');
  const texts = rows.map((row) => row.map(textOf));
  const lines =
    format === 'csv'
      ? [columns, ...texts].map((row) => row.map(csvCell).join(','))
      : table(
          texts,
          columns.map((title, n) => ({ title, cell: (row: string[]) => row[n] ?? '' })),
          widthOf(process.stdout),
        );
  process.stdout.write(`${lines.join('\n')}\n`);
};

type Views = (encoding: Encoding) => string[];

/** What there is to query: the ETL's tables, and of a sink its stored hours too. */
const viewsFor = async ({ etl, config }: QueryFlags, sql: string): Promise<Views> => {
  if (config === undefined) return () => tableViews(resolve(etl));
  const outputs = await readSinkOutputs(config);
  await warnOfOpenHours(sql, outputs);
  const dirs = Object.values(outputs.sink.outputs ?? {}).filter(({ kind }) => kind === 'etl');
  const tables =
    dirs.length > 0 ? dirs.flatMap((each) => tableViews(String(each['dir']))) : tableViews(resolve(etl));
  const { dir } = outputs.sink.store as { readonly dir?: string };
  return (encoding) => [...tables, ...(dir === undefined ? [] : storedView(dir, encoding))];
};

/** Runs statements over the views; where a line is not UTF-8, once more with all of them as Latin-1, and says so. */
const runOver = async (views: Views, statement: string): ReturnType<typeof runSql> => {
  const { runSql: run } = await import('../outputs/etl/parquet.ts');
  try {
    return await run([...views('utf-8'), statement]);
  } catch (error) {
    if (!/not utf-8 encoded/i.test(messageOf(error))) throw error;
    process.stderr.write(
      'Some stored lines are not UTF-8: all are read as Latin-1, each byte a character.\n',
    );
    return run([...views('latin-1'), statement]);
  }
};

const query = async (sql: string, flags: QueryFlags): Promise<void> => {
  const { format, out } = flags;
  if (format === 'parquet' && out === undefined)
    throw new LogdError('usage', 'Parquet is no text: name a file with --out.');
  const views = await viewsFor(flags, sql);
  if (format !== 'parquet') return print(format, await runOver(views, sql));
  const statement = sql.trim().replace(/;$/, '');
  await runOver(
    views,
    `COPY (${statement}) TO ${quote(resolve(out ?? ''))} (FORMAT parquet, COMPRESSION zstd)`,
  );
  process.stderr.write(`Wrote ${out}.\n`);
};

export const queryCommand = (): Command =>
  new Command('query')
    .description('Run SQL over the tables that the ETL has written, and over stored hours.')
    .argument('<sql>', 'one statement')
    .option('--etl <dir>', 'directory of the ETL output', 'etl')
    .option(
      '-c, --config <file>',
      "configuration of a sink: its ETL output's tables, and `stored`, the lines as they are",
    )
    .addOption(new Option('--format <format>', 'form of the result').choices([...FORMATS]).default('table'))
    .option('--out <file>', 'file for the result, with --format parquet')
    .addHelpText(
      'after',
      `
Examples:
  logd query "select status, count(*) from lines group by 1 order by 2 desc"
  logd query --etl /srv/etl --format csv "select path, count(*) n from lines group by 1 order by n desc limit 10"
  logd query -c sink.yaml "select host, hour, count(*) from stored where dt = '2026-11-22' group by all order by all"
  logd query -c sink.yaml --format parquet --out errors.parquet "select * from lines where status >= 500"

Each folder below the directory is a table; its partitions are columns. With -c a warning names the hours that are not sealed, of
the days that the statement names. It needs the package @duckdb/node-api.

Exit codes:
  0  done
  1  the query failed
  2  the command line or the configuration is wrong`,
    )
    .action(query);
