/**
 * Columns and tables of the ETL, and the Go system's column map.
 *
 * A column is a name: a field of the line, or one of the derived ones:
 *   time (ISO 8601, UTC) · unix (seconds) · day (2026-11-22) · hour (0 to 23) · method · path · query · protocol ·
 *   params (map) · param.NAME · cookies (map) · cookie.NAME · address_int · spider (the word that was found, else empty) ·
 *   client (through trusted proxies) · referer_host · referer_path · referer_params (map) · agent_browser · agent_version · agent_os ·
 *   agent_device · lookup.NAME
 * The Go map's names are taken as they are: event_time, event_ip, event_url, event_urlparams, event_day; any other name that is no
 * field is a query parameter. An empty name is an empty column.
 */
import { LogdError } from '../../error.ts';

export interface Table {
  readonly name: string;
  readonly columns: readonly string[];
  readonly partitions: readonly string[];
  /** Conditions joined by `and`: `status=200`, `path!=/health`, `path~^/click`. Undefined: every line. */
  readonly where?: string | undefined;
  /** Columns by name, and the expressions that compute them: see computed.ts. */
  readonly computed?: Readonly<Record<string, string>> | undefined;
}

const isStrings = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((each) => typeof each === 'string');

const isTexts = (value: unknown): value is Record<string, string> =>
  typeof value === 'object' &&
  value !== null &&
  Object.values(value).every((each) => typeof each === 'string');

/** Names that may be a folder and a table. */
const NAME = /^[A-Za-z_][A-Za-z0-9_-]{0,63}$/;

/** Reads `{"access": {"columns": [...], "partitions": [...]}}`. Throws `config` naming what is wrong. */
export const tablesOf = (map: unknown, where = 'The column map'): Table[] => {
  if (typeof map !== 'object' || map === null || Array.isArray(map))
    throw new LogdError('config', `${where} is not an object of tables.`);
  const tables = Object.entries(map).map(([name, value]: [string, unknown]): Table => {
    if (!NAME.test(name))
      throw new LogdError('config', `${where}: ${JSON.stringify(name)} cannot be a table's name.`);
    const table = value as Readonly<Record<string, unknown>> | null;
    const { columns, partitions = [], where: condition, computed } = table ?? {};
    if (!isStrings(columns) || columns.length === 0 || !isStrings(partitions))
      throw new LogdError(
        'config',
        `${where}: table ${name} needs columns, a list of names, and partitions, another one.`,
      );
    if (condition !== undefined && typeof condition !== 'string')
      throw new LogdError('config', `${where}: "where" of table ${name} is not text.`);
    if (computed !== undefined && !isTexts(computed))
      throw new LogdError('config', `${where}: "computed" of table ${name} is not a map of expressions.`);
    return {
      ...{ name, columns, partitions },
      ...(condition !== undefined && { where: condition }),
      ...(computed !== undefined && { computed }),
    };
  });
  if (tables.length === 0) throw new LogdError('config', `${where} has no table.`);
  return tables;
};

/** The tables as the Go system's `colsmap.json`; what it cannot say (`where`, `computed`) is left out. */
export const toGoMap = (
  tables: readonly Table[],
): Record<string, { columns: string[]; partitions: string[] }> =>
  Object.fromEntries(
    tables.map(({ name, columns, partitions }) => [
      name,
      { columns: [...columns], partitions: [...partitions] },
    ]),
  );

/** What is written where nobody has named tables. */
export const DEFAULT_TABLE: Table = {
  name: 'lines',
  columns: [
    ...['time', 'remote_addr', 'remote_user', 'method', 'path', 'params', 'protocol', 'status'],
    ...['body_bytes_sent', 'http_referer', 'http_user_agent', 'spider'],
  ],
  partitions: ['day'],
};
