/** The rules of an ETL, read from its options and their files. Throws `config` naming the file that cannot be used. */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { LogdError, messageOf } from '../../error.ts';
import { formatOf } from '../../formats/registry.ts';
import { cells } from '../../formats/structured.ts';
import { type Compute, computeBy } from './computed.ts';
import { DEFAULT_TABLE, type Table, tablesOf } from './columns.ts';
import { dayAndHourIn, resolveColumnZone } from './day-and-hour.ts';
import { derivations, type LookupTable, lookupOf } from './derivations.ts';
import type { EtlRules } from './hour-etl.ts';
import { needleFinder } from './needles.ts';
import type { EtlOptions } from './options.ts';
import { addressFilter, condition, hostFilter, listLines } from './rules.ts';

export type RuleOptions = Pick<
  EtlOptions,
  'format' | 'form' | 'columns_file' | 'spiders_file' | 'hosts_file' | 'addresses_file'
> &
  Partial<Pick<EtlOptions, 'proxies_file' | 'lookup_file' | 'invalid_utf8' | 'zone'>>;

const readText = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new LogdError('config', `Cannot read ${path}: ${messageOf(error)}.`, { cause: error });
  }
};

const readList = (path: string | undefined): string[] =>
  path === undefined ? [] : listLines(readText(path));

const readLookup = (path: string): LookupTable => {
  const rows = readText(path)
    .split(/\r?\n/)
    .filter((line) => line !== '')
    .map((line) => cells(line, ','));
  const broken = rows.indexOf(undefined);
  if (broken >= 0) throw new LogdError('config', `A quote is not closed in line ${broken + 1} of ${path}.`);
  return lookupOf(rows as string[][], path);
};

/** Tables of a column map file, JSON or YAML. */
export const readTables = (path: string): Table[] => {
  let value: unknown;
  try {
    value = parse(readText(path));
  } catch (error) {
    throw new LogdError('config', `The column map ${path} is neither JSON nor YAML: ${messageOf(error)}`);
  }
  return tablesOf(value, `The column map ${path}`);
};

/** The tables that lines go to. */
export const loadTables = ({ columns_file: file }: Pick<RuleOptions, 'columns_file'>): readonly Table[] =>
  file === undefined ? [DEFAULT_TABLE] : readTables(file);

export const loadRules = (options: RuleOptions): EtlRules => {
  const tables = loadTables(options);
  return {
    format: formatOf(options.format),
    form: options.form,
    tables: tables.map((table) => ({
      ...table,
      isWanted: table.where === undefined ? () => true : condition(table.where),
    })),
    isHostAllowed: hostFilter(readList(options.hosts_file)),
    isAddressListed: addressFilter(readList(options.addresses_file)),
    derivations: derivations({
      findSpider: needleFinder(readList(options.spiders_file)),
      isTrusted: addressFilter(readList(options.proxies_file)),
      computed: new Map(
        tables.flatMap(({ computed = {} }) =>
          Object.entries(computed).map(([name, text]): [string, Compute] => [name, computeBy(name, text)]),
        ),
      ),
      dayAndHour: dayAndHourIn(resolveColumnZone(options.zone ?? 'UTC')),
      lookup: options.lookup_file === undefined ? undefined : readLookup(options.lookup_file),
    }),
    invalidUtf8: options.invalid_utf8 ?? 'keep',
  };
};
