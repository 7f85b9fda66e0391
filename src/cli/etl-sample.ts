/** What `logd etl test` shows of a line: its parts in colours, and what becomes of it. */
import { isUtf8 } from 'node:buffer';
import type { LineFormat } from '../formats/format.ts';
import { type EtlRules, tableFor } from '../outputs/etl/hour-etl.ts';
import { plainText, rowOf } from '../outputs/etl/row.ts';
import { printable } from '../telemetry/printable.ts';
import type { Colour, Paint } from '../text/terminal.ts';

const FIELD_COLOURS = ['cyan', 'green', 'yellow', 'magenta', 'blue'] as const;
const colourOf = (n: number): Colour => FIELD_COLOURS[n % FIELD_COLOURS.length]!;
const BACKSLASH = 0x5c;

/** The line with its parts in colours and their names below; plain where the format does not fix them, or something is escaped. */
export const shownLine = (line: Buffer, { fields, locate }: LineFormat, paint: Paint): string => {
  const places = new Int32Array((fields?.length ?? 0) * 2);
  if (fields === undefined || line.includes(BACKSLASH) || locate?.(line, 0, line.length, places) !== true)
    return printable(line.toString('utf8'));
  let shown = '';
  let at = 0;
  for (const n of fields.keys()) {
    const [from, to] = [places[2 * n]!, places[2 * n + 1]!];
    if (from < 0) continue;
    if (from > at) shown += paint('dim', printable(line.toString('utf8', at, from)));
    shown += paint(colourOf(n), printable(line.toString('utf8', from, to)));
    at = to;
  }
  if (at < line.length) shown += paint('dim', printable(line.toString('utf8', at)));
  const names = fields.map((name, n) => paint(colourOf(n), name));
  return `${shown}\n  ${paint('bold', 'fields')} ${names.join(' ')}`;
};

/** What becomes of a line: its table and columns, or why it goes to none. */
export const shownResult = (
  line: Buffer,
  rules: EtlRules,
  paint: Paint,
): { text: string; isRejected: boolean } => {
  if (rules.invalidUtf8 === 'reject' && !isUtf8(line))
    return { text: `  ${paint('red', 'rejected')}: The line is not valid UTF-8.\n`, isRejected: true };
  const parsed = rules.format.read(line);
  if ('reason' in parsed)
    return { text: `  ${paint('red', 'rejected')}: ${printable(parsed.reason)}\n`, isRejected: true };
  const value = rowOf(parsed.fields, rules.derivations);
  const plain = (column: string): string => plainText(value(column));
  const table = tableFor(rules, plain, 'host' in parsed.fields);
  if (typeof table === 'string')
    return { text: `  ${paint('yellow', 'dropped')} by rule: ${table}\n`, isRejected: false };
  const rows = [...table.partitions, ...table.columns].map(
    (column) => `  ${paint('cyan', column || '(empty)')} ${printable(plain(column))}\n`,
  );
  return { text: `  ${paint('bold', 'table')} ${table.name}\n${rows.join('')}`, isRejected: false };
};
