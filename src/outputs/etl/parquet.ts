/** Hive text into Parquet (zstd), by DuckDB. The package is optional: without it every other form works. */
import { open } from 'node:fs/promises';
import { LogdError, messageOf } from '../../error.ts';
import { countLines } from '../../pack/survey.ts';

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

/** Bytes of rows that are compressed together: enough for statistics to be of use, few enough to fit into little memory. */
const GROUP_BYTES = 16 * 1024 * 1024;
/** DuckDB works on 2,048 rows at a time at least. */
const [LEAST_GROUP, MOST_GROUP] = [2_048, 40_960];
const READ_BUFFER = 8_000_000;
const SAMPLE_BYTES = 1024 * 1024;
/** DuckDB is given no more than this, however long the rows. */
const MOST_MB = 8_192;

/** Bytes of a row on average, by the beginning of the file. */
const averageRow = async (path: string): Promise<number> => {
  await using file = await open(path);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(SAMPLE_BYTES), 0, SAMPLE_BYTES, 0);
  const rows = countLines(buffer.subarray(0, bytesRead));
  return Math.max(1, bytesRead / Math.max(1, rows));
};

/** Rows of a group, and how much memory DuckDB may take for them, for its buffers, and for the longest row. */
const sizesFor = (average: number, longest: number): { readonly group: number; readonly mb: number } => {
  const group = Math.min(MOST_GROUP, Math.max(LEAST_GROUP, Math.floor(GROUP_BYTES / average)));
  return { group, mb: 56 + Math.ceil((longest * 8 + group * average * 2) / 1_000_000) };
};

/** Runs with ever more memory while it is not enough: that the guess was wrong must not fail an hour. */
const withMemory = async (mb: number, job: (mb: number) => Promise<unknown>): Promise<void> => {
  for (let limit = mb; ; limit *= 2)
    try {
      return void (await job(Math.min(limit, MOST_MB)));
    } catch (error) {
      if (limit >= MOST_MB || !messageOf(error).startsWith('Out of Memory')) throw error;
    }
};

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
    longestRow < PLAIN_ROW
      ? `buffer_size = ${READ_BUFFER}`
      : `max_line_size = ${longestRow + 16}, buffer_size = ${longestRow + 16}`;
  const { group, mb } = sizesFor(await averageRow(from), longestRow);
  await withMemory(mb, (limit) =>
    runSql([
      `SET TimeZone = 'UTC'`,
      // More would only be kept for queries that never come.
      `SET memory_limit = '${limit}MB'`,
      `COPY (SELECT ${names.map(columnSql).join(', ')} FROM read_csv(${quote(from)}, auto_detect = false, header = false, delim = chr(1),
       quote = '', escape = '', nullstr = chr(2) || chr(3), new_line = '\\n', parallel = false, columns = {${raw.join(', ')}}, ${size}))
     TO ${quote(to)} (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 3, ROW_GROUP_SIZE ${group})`,
    ]),
  );
};
