/** JSON lines into Parquet (zstd), by DuckDB. The package is optional: without it every other form works. */
import { LogdError } from '../../error.ts';

const quote = (text: string): string => `'${text.replaceAll("'", "''")}'`;
const identifier = (text: string): string => `"${text.replaceAll('"', '""')}"`;

/** Types by name; everything else is text. */
const TYPES: Readonly<Record<string, string>> = {
  time: 'TIMESTAMPTZ',
  unix: 'BIGINT',
  event_time: 'BIGINT',
  hour: 'INTEGER',
  status: 'INTEGER',
  body_bytes_sent: 'BIGINT',
  bytes_sent: 'BIGINT',
  address_int: 'BIGINT',
  request_time: 'DOUBLE',
  params: 'MAP(VARCHAR, VARCHAR)',
  event_urlparams: 'MAP(VARCHAR, VARCHAR)',
  referer_params: 'MAP(VARCHAR, VARCHAR)',
  cookies: 'MAP(VARCHAR, VARCHAR)',
};

const loadDuckDb = async () => {
  try {
    return await import('@duckdb/node-api');
  } catch (error) {
    throw new LogdError(
      'config',
      'Parquet and queries need the package @duckdb/node-api, which is not installed.',
      {
        cause: error,
      },
    );
  }
};

/** Runs SQL in a database of its own and returns rows of text. One thread: the same input gives the same bytes. */
export const runSql = async (
  statements: readonly string[],
): Promise<{ columns: string[]; rows: unknown[][] }> => {
  const { DuckDBInstance } = await loadDuckDb();
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  const connection = await instance.connect();
  try {
    let result: { columns: string[]; rows: unknown[][] } = { columns: [], rows: [] };
    for (const statement of statements) {
      const reader = await connection.runAndReadAll(statement);
      result = { columns: reader.columnNames(), rows: reader.getRowsJson() };
    }
    return result;
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
};

/** DuckDB reads rows up to this size unless told. */
const PLAIN_ROW = 2_000_000;

const columnSql = (name: string): string => {
  const type = TYPES[name];
  const column = identifier(name);
  if (type === undefined) return column;
  if (!type.startsWith('MAP')) return `TRY_CAST(${column} AS ${type}) AS ${column}`;
  const entry = `{'k': string_split(e, chr(3))[1], 'v': string_split(e, chr(3))[2]}`;
  return `CASE WHEN ${column} = '' THEN MAP {} ELSE map_from_entries(list_transform(string_split(${column}, chr(2)), lambda e: ${entry})) END AS ${column}`;
};

/** Rows that are compressed together: enough for statistics to be of use, few enough to fit into little memory. */
const ROW_GROUP = 61_440;
/** MB that DuckDB may take: its buffers for reading, and a row group. Longer rows need more. */
const memoryFor = (longestRow: number): number => 160 + Math.ceil((longestRow * 8) / 1_000_000);

/** Writes `to` from the Hive text of `from`, with a column for each name. A value that does not fit its type becomes NULL. */
export const toParquet = async (
  from: string,
  to: string,
  columns: readonly string[],
  longestRow: number,
): Promise<void> => {
  const names = columns.map((column, n) => (column === '' ? `column_${n + 1}` : column));
  const raw = names.map((name) => `${quote(name)}: 'VARCHAR'`);
  const size =
    longestRow < PLAIN_ROW ? '' : `, max_line_size = ${longestRow + 16}, buffer_size = ${longestRow + 16}`;
  await runSql([
    `SET TimeZone = 'UTC'`,
    // More would only be kept for queries that never come.
    `SET memory_limit = '${memoryFor(longestRow)}MB'`,
    `COPY (SELECT ${names.map(columnSql).join(', ')} FROM read_csv(${quote(from)}, auto_detect = false, header = false, delim = chr(1),
       quote = '', escape = '', nullstr = chr(2) || chr(3), new_line = '\\n', parallel = false, columns = {${raw.join(', ')}}${size}))
     TO ${quote(to)} (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 3, ROW_GROUP_SIZE ${ROW_GROUP})`,
  ]);
};
