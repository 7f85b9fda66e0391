/** `logd query`: SQL over what the ETL has written and over stored hours, with embedded DuckDB. */
import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Command, Option } from 'commander';

const FORMATS = ['table', 'csv', 'json'] as const;

interface QueryFlags {
  readonly etl: string;
  readonly format: (typeof FORMATS)[number];
}

const quote = (text: string): string => `'${text.replaceAll("'", "''")}'`;
const identifier = (text: string): string => `"${text.replaceAll('"', '""')}"`;

/** A view for each table below the directory, whatever form its files have. */
const viewsOf = (dir: string): string[] => {
  if (!existsSync(dir)) return [];
  return readdirSync(dir, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.') && !entry.name.startsWith('etl_'))
    .flatMap(({ name }) => {
      const files = readdirSync(join(dir, name), { recursive: true }).map(String);
      const found = ['parquet', 'jsonl', 'tsv', 'txt'].find((end) =>
        files.some((file) => file.endsWith(`.${end}`)),
      );
      const glob = quote(join(dir, name, '**', `*.${found}`));
      const read =
        found === 'parquet'
          ? `read_parquet(${glob}, hive_partitioning = true)`
          : found === 'jsonl'
            ? `read_json(${glob}, format = 'newline_delimited', hive_partitioning = true)`
            : `read_csv(${glob}, delim = ${found === 'tsv' ? "'\\t'" : "'\\x01'"}, quote = '', header = false, hive_partitioning = true)`;
      return found === undefined ? [] : [`CREATE VIEW ${identifier(name)} AS SELECT * FROM ${read}`];
    });
};

const csvCell = (value: string): string =>
  /[",\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
const textOf = (value: unknown): string =>
  value === null || value === undefined
    ? ''
    : typeof value === 'object'
      ? JSON.stringify(value)
      : String(value as string | number | boolean);

export const queryCommand = (): Command =>
  new Command('query')
    .description('Run SQL over the tables that the ETL has written.')
    .argument('<sql>', 'one statement')
    .option('--etl <dir>', 'directory of the ETL output', 'etl')
    .addOption(
      new Option('--format <format>', 'how to print the result').choices([...FORMATS]).default('table'),
    )
    .addHelpText(
      'after',
      `
Examples:
  logd query "select status, count(*) from lines group by 1 order by 2 desc"
  logd query --etl /srv/etl --format csv "select path, count(*) n from lines group by 1 order by n desc limit 10"

Each folder below the directory is a table; its partitions are columns. It needs the package @duckdb/node-api.

Exit codes:
  0  done
  1  the query failed`,
    )
    .action(async (sql: string, { etl, format }: QueryFlags) => {
      const { runSql } = await import('../outputs/etl/parquet.ts');
      const { table, widthOf } = await import('../text/terminal.ts');
      const { columns, rows } = await runSql([...viewsOf(resolve(etl)), sql]);
      if (format === 'json') {
        const objects = rows.map((row) => Object.fromEntries(columns.map((name, n) => [name, row[n]])));
        process.stdout.write(`${JSON.stringify(objects)}\n`);
        return;
      }
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
    });
