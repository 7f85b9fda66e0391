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

/** Writes `to` from the JSON lines of `from`, with a column for each name. A value that does not fit its type becomes NULL. */
export const toParquet = async (from: string, to: string, columns: readonly string[]): Promise<void> => {
  const names = columns.map((column, n) => (column === '' ? `column_${n + 1}` : column));
  const raw = names.map(
    (name) => `${quote(name)}: ${quote(TYPES[name]?.startsWith('MAP') === true ? TYPES[name] : 'VARCHAR')}`,
  );
  const select = names.map((name) => {
    const type = TYPES[name];
    return type === undefined || type.startsWith('MAP')
      ? identifier(name)
      : `TRY_CAST(${identifier(name)} AS ${type}) AS ${identifier(name)}`;
  });
  await runSql([
    `SET TimeZone = 'UTC'`,
    `COPY (SELECT ${select.join(', ')} FROM read_json(${quote(from)}, format = 'newline_delimited', columns = {${raw.join(', ')}}))
     TO ${quote(to)} (FORMAT parquet, COMPRESSION zstd)`,
  ]);
};
