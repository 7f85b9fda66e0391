/** The ETL in the demo: the hours become Parquet as they are sealed; at the end they are queried, and every line accounted for. */
import { join } from 'node:path';
import { openSqliteLedger } from '../ledger/sqlite/sqlite-ledger.ts';
import { runSql } from '../outputs/etl/parquet.ts';
import { formatCount, type Paint, table } from '../text/terminal.ts';
import { demoPaths, type DemoPlan, STREAM } from './plan.ts';

/** What the demo's writer writes: see access-log.ts. */
const FORMAT =
  '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" $request_time';

const directory = (dir: string): string => join(dir, 'etl');

/** `sink.outputs.etl` of the demo. */
export const etlSection = (dir: string) => ({
  kind: 'etl',
  ...{ format: FORMAT, form: 'parquet', dir: directory(dir), start: 'beginning' },
});

const isPlanned = ({ outputs }: DemoPlan): boolean => outputs !== undefined && 'etl' in outputs;

/** Whether every hour of the plan has gone through the ETL; true for a demo without one. */
export const etlHasAll = async (plan: DemoPlan): Promise<boolean> => {
  if (!isPlanned(plan)) return true;
  await using ledger = await openSqliteLedger({ path: demoPaths(plan.dir).ledger, readOnly: true });
  for (const { host, hour } of plan.expected) {
    const key = { host, stream: STREAM, hour };
    const [segment, delivery] = [await ledger.segment(key), await ledger.delivery('etl', key)];
    if (segment === undefined || delivery?.generation !== segment.generation) return false;
  }
  return true;
};

/** Sums of all hours: sealed, and what became of them. */
const account = async (plan: DemoPlan) => {
  await using ledger = await openSqliteLedger({ path: demoPaths(plan.dir).ledger, readOnly: true });
  const sums = { sealed: 0, rows: 0, dropped: 0, rejected: 0, unequal: 0 };
  for (const { host, hour } of plan.expected) {
    const key = { host, stream: STREAM, hour };
    const lines = (await ledger.seals(key)).at(-1)?.lines ?? 0;
    const { delivered = 0, dropped = 0, rejected = 0 } = (await ledger.delivery('etl', key)) ?? {};
    sums.sealed += lines;
    sums.rows += delivered;
    sums.dropped += dropped;
    sums.rejected += rejected;
    if (lines !== delivered + dropped + rejected) sums.unequal++;
  }
  return sums;
};

type Cells = readonly unknown[];

const cell = (value: unknown): string =>
  typeof value === 'number' ? formatCount(value) : String(value as string);

/** The result of a query, below a heading. */
const resultOf = async (heading: string, view: string, sql: string, paint: Paint): Promise<string> => {
  const { columns, rows } = await runSql([view, sql]);
  const lines = table(
    rows,
    columns.map((title, n) => ({
      title: title.toUpperCase(),
      ...(n > 0 && { align: 'right' as const }),
      cell: (row: Cells) => cell(n > 0 ? Number(row[n]) : row[n]),
    })),
    Infinity,
  );
  return `\n${paint('bold', heading)}\n${lines.join('\n')}\n`;
};

/** Shows what is in the Parquet files, and holds it against the seals; true when every line is accounted for. */
export const proveEtl = async (
  plan: DemoPlan,
  write: (text: string) => void,
  paint: Paint,
): Promise<boolean> => {
  if (!isPlanned(plan)) return true;
  const files = join(directory(plan.dir), 'lines', '**', '*.parquet').replaceAll("'", "''");
  const view = `CREATE VIEW lines AS SELECT * FROM read_parquet('${files}', hive_partitioning = true)`;
  write(
    await resultOf(
      'Top ten paths, from Parquet',
      view,
      'SELECT path, count(*) AS lines FROM lines GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 10',
      paint,
    ),
  );
  write(
    await resultOf(
      'Status codes',
      view,
      'SELECT status, count(*) AS lines FROM lines GROUP BY 1 ORDER BY 2 DESC, 1',
      paint,
    ),
  );
  const { rows: counted } = await runSql([view, 'SELECT count(*) FROM lines']);
  const sums = await account(plan);
  const isRight = sums.unequal === 0 && Number(counted[0]?.[0]) === sums.rows;
  const [sealed, rows, dropped, rejected] = [sums.sealed, sums.rows, sums.dropped, sums.rejected].map(
    formatCount,
  );
  const sentence = `${sealed} lines sealed = ${rows} rows in Parquet + ${dropped} dropped + ${rejected} rejected`;
  write(
    `\n${isRight ? paint('green', sentence) : paint('red', `NOT EQUAL: ${sentence}; ${sums.unequal} hours differ`)}\n`,
  );
  return isRight;
};
