/**
 * How a row is written.
 *
 *   hive   columns joined by \x01, entries of a map by \x02, key and value by \x03; one row a line
 *   tsv    columns joined by a tab; a map is JSON
 *   jsonl  one JSON object a line
 * Bytes that a form uses itself are replaced by a space in hive, escaped (\t, \n, \\) in tsv.
 */
import { plainText, type Value } from './row.ts';

export const FORMS = ['hive', 'tsv', 'jsonl', 'parquet'] as const;
export type Form = (typeof FORMS)[number];

type WriteRow = (columns: readonly string[], values: readonly Value[]) => string;

// oxlint-disable-next-line no-control-regex -- these are the separators of Hive's text format
const HIVE_OWN = /[\x01\x02\x03\n\r]/g;
const hiveText = (value: string): string => value.replaceAll(HIVE_OWN, ' ');
/** A value as Hive text has it. */
export const hiveValue = (value: Value): string =>
  typeof value === 'object'
    ? Array.from(value, ([key, each]) => `${hiveText(key)}\x03${hiveText(each)}`).join('\x02')
    : hiveText(String(value));

const TSV_ESCAPES: Readonly<Record<string, string>> = { '\t': '\\t', '\n': '\\n', '\r': '\\r', '\\': '\\\\' };
const tsvValue = (value: Value): string =>
  plainText(value).replaceAll(/[\t\n\r\\]/g, (char) => TSV_ESCAPES[char] ?? char);

const jsonValue = (value: Value | undefined): unknown =>
  typeof value === 'object' ? Object.fromEntries(value) : value;
const jsonRow: WriteRow = (columns, values) =>
  `${JSON.stringify(Object.fromEntries(columns.map((column, n) => [column === '' ? `column_${n + 1}` : column, jsonValue(values[n])])))}\n`;
const hiveRow: WriteRow = (_columns, values) => `${values.map(hiveValue).join('\x01')}\n`;

/** Parquet is made from Hive text at the end of an hour. */
export const WRITE: Readonly<Record<Form, WriteRow>> = {
  hive: hiveRow,
  tsv: (_columns, values) => `${values.map(tsvValue).join('\t')}\n`,
  jsonl: jsonRow,
  parquet: hiveRow,
};

export const EXTENSIONS: Readonly<Record<Form, string>> = {
  hive: 'txt',
  tsv: 'tsv',
  jsonl: 'jsonl',
  parquet: 'parquet',
};
