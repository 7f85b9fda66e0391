/** The formats there are, by what a user writes: a name, an nginx or Apache format string, or a regular expression. */
import { RE2JS } from 're2js';
import { LogdError, messageOf } from '../error.ts';
import { apacheFormat } from './apache.ts';
import { emptyFields, type LineFormat, type ParsedLine } from './format.ts';
import { combined, common, nginxFormat, vhostCombined } from './nginx.ts';
import { cri, delimited, json, logfmt, plainLine } from './structured.ts';

const NAMED: readonly LineFormat[] = [vhostCombined, combined, common, json, logfmt, cri, plainLine];

export const FORMAT_RULE =
  'combined, common, vhost_combined, json, logfmt, cri, line, csv(a,b,…), tsv(a,b,…), an nginx log_format (with $names), an Apache LogFormat (with %letters), or /a regular expression with (?P<name>groups)/';

/** A regular expression with named groups, by RE2's rules: its time grows with the line, never worse. */
const regexFormat = (pattern: string): LineFormat => {
  let compiled: RE2JS;
  try {
    compiled = RE2JS.compile(pattern);
  } catch (error) {
    throw new LogdError('config', `The regular expression ${pattern} cannot be used: ${messageOf(error)}`);
  }
  const names = [...pattern.matchAll(/\(\?P?<([A-Za-z_]\w*)>/g)].map(([, name = '']) => name);
  if (names.length === 0)
    throw new LogdError('config', `The regular expression ${pattern} has no group with a name: (?P<name>…).`);
  return {
    name: `/${pattern}/`,
    fields: names,
    read(line): ParsedLine {
      const matcher = compiled.matcher(line.toString('utf8'));
      if (!matcher.find()) return { reason: 'The line does not match the regular expression.' };
      const fields = emptyFields();
      for (const name of names) fields[name] = matcher.group(name) ?? undefined;
      return { fields };
    },
  };
};

/** The format that a user's text says. Throws `config` with what can be written. */
export const formatOf = (text: string): LineFormat => {
  const named = NAMED.find(({ name }) => name === text.trim());
  if (named !== undefined) return named;
  const table = /^(csv|tsv)\(([^)]*)\)$/.exec(text.trim());
  if (table !== null)
    return delimited(
      table[1] === 'csv' ? 'csv' : 'tsv',
      (table[2] ?? '')
        .split(',')
        .map((column) => column.trim())
        .filter(Boolean),
    );
  const regex = /^\/(.*)\/$/s.exec(text.trim());
  if (regex !== null) return regexFormat(regex[1] ?? '');
  if (/\$\{?\w/.test(text)) return nginxFormat(text);
  if (/%[>{a-zA-Z]/.test(text)) return apacheFormat(text);
  throw new LogdError(
    'config',
    `${JSON.stringify(text.slice(0, 80))} is not a known format. Use ${FORMAT_RULE}.`,
  );
};

export interface Guess {
  readonly format: LineFormat;
  /** Of the lines that were looked at, how many the format reads. */
  readonly read: number;
  readonly of: number;
}

/** The format that reads most of these lines; the first of the list where several read as many. */
export const guessFormat = (lines: readonly Buffer[]): Guess => {
  let best: Guess = { format: plainLine, read: 0, of: lines.length };
  for (const format of [json, cri, vhostCombined, combined, common, logfmt]) {
    const read = lines.filter((line) => 'fields' in format.read(line)).length;
    if (read > best.read) best = { format, read, of: lines.length };
  }
  return best.read * 2 > lines.length ? best : { format: plainLine, read: lines.length, of: lines.length };
};
