/** Formats whose lines name their own fields, or whose fields have places: JSON, logfmt, CSV and TSV, CRI. */
import { LogdError } from '../error.ts';
import { emptyFields, type Fields, type LineFormat, type ParsedLine } from './format.ts';

export const json: LineFormat = {
  name: 'json',
  read(line): ParsedLine {
    try {
      const value: unknown = JSON.parse(line.toString('utf8'));
      if (typeof value !== 'object' || value === null || Array.isArray(value))
        return { reason: 'The line is JSON, but not an object.' };
      return { fields: Object.assign(emptyFields(), value) as Fields };
    } catch {
      return { reason: 'The line is not valid JSON.' };
    }
  },
};

const PAIR = /([^\s=",]+)(?:=(?:"((?:[^"\\]|\\.)*)"|([^\s"]*)))?(?:\s+|$)/y;
const unquote = (text: string): string =>
  text.replaceAll(/\\(.)/g, (_, char: string) => (char === 'n' ? '\n' : char === 't' ? '\t' : char));

/** `key=value key="quoted value" flag`. A key without a value is true. */
export const logfmt: LineFormat = {
  name: 'logfmt',
  read(line): ParsedLine {
    const text = line.toString('utf8').trim();
    const fields = emptyFields();
    let at = 0;
    let hasPair = false;
    while (at < text.length) {
      PAIR.lastIndex = at;
      const match = PAIR.exec(text);
      if (match === null) return { reason: `There is no key=value at character ${at + 1}.` };
      const [whole, key = '', quoted, plain] = match;
      hasPair ||= quoted !== undefined || plain !== undefined;
      fields[key] = quoted !== undefined ? unquote(quoted) : (plain ?? true);
      at += whole.length;
    }
    return hasPair ? { fields } : { reason: 'The line has no key=value.' };
  },
};

/** The cells of one CSV line (RFC 4180, without line breaks inside a cell), or undefined where a quote is not closed. */
export const cells = (text: string, separator: string): string[] | undefined => {
  const found: string[] = [];
  for (let at = 0; at <= text.length;) {
    if (text[at] !== '"') {
      const end = text.indexOf(separator, at);
      found.push(text.slice(at, end < 0 ? text.length : end));
      if (end < 0) return found;
      at = end + 1;
      continue;
    }
    let cell = '';
    let from = at + 1;
    for (;;) {
      const quote = text.indexOf('"', from);
      if (quote < 0) return undefined;
      cell += text.slice(from, quote);
      if (text[quote + 1] !== '"') {
        at = quote + 1;
        break;
      }
      cell += '"';
      from = quote + 2;
    }
    found.push(cell);
    if (at >= text.length) return found;
    if (text[at] !== separator) return undefined;
    at++;
  }
  return found;
};

/** CSV or TSV with these columns. Cells that are missing at the end are absent; more cells than columns refuse the line. */
export const delimited = (kind: 'csv' | 'tsv', columns: readonly string[]): LineFormat => {
  if (columns.length === 0)
    throw new LogdError('config', `The format ${kind} needs its columns: ${kind}(time,host,path).`);
  return {
    name: `${kind}(${columns.join(',')})`,
    fields: columns,
    read(line): ParsedLine {
      const text = line.toString('utf8').replace(/\r$/, '');
      const found = kind === 'tsv' ? text.split('\t') : cells(text, ',');
      if (found === undefined) return { reason: 'A quote is not closed, or something follows it.' };
      if (found.length > columns.length)
        return { reason: `The line has ${found.length} cells, the format ${columns.length} columns.` };
      const fields = emptyFields();
      for (const [n, cell] of found.entries()) fields[columns[n]!] = cell;
      return { fields };
    },
  };
};

const CRI = /^(\S+) (stdout|stderr) ([FP])(?::\S*)? ?(.*)$/s;

/** What container runtimes write: `2026-11-22T16:03:11.000Z stdout F message`. */
export const cri: LineFormat = {
  name: 'cri',
  fields: ['time', 'stream', 'tag', 'message'],
  read(line): ParsedLine {
    const match = CRI.exec(line.toString('utf8'));
    if (match === null)
      return { reason: 'The line does not begin with a time, stdout or stderr, and F or P.' };
    const [, time, stream, tag, message] = match;
    return { fields: Object.assign(emptyFields(), { time, stream, tag, message }) };
  },
};

/** The whole line as one field. */
export const plainLine: LineFormat = {
  name: 'line',
  fields: ['line'],
  read: (line): ParsedLine => ({ fields: Object.assign(emptyFields(), { line: line.toString('utf8') }) }),
};
