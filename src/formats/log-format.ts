/**
 * Formats of literals and variables, as nginx (`log_format`) and Apache (`LogFormat`) have them, compiled to a scan over bytes.
 *
 *   $remote_addr - $remote_user [$time_local] "$request" $status
 *   └─ field ──┘└lit┘
 *
 * A field ends where the literal after it begins; between double quotes a backslash escapes the next byte. The last field takes the rest of
 * the line. Trailing fields may be missing, but none up to the last of time, request and status: what has less is no such line.
 */
import { LogdError } from '../error.ts';
import { unescapeField } from './escapes.ts';
import { emptyFields, type LineFormat, type ParsedLine } from './format.ts';

export type FormatPart = { readonly literal: string } | { readonly field: string };

/** Fields without which a line is not a line of its format. */
const NEEDED = /^(?:time_local|time_iso8601|msec|request|status)$/;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

interface FieldStep {
  readonly field: string;
  /** Bytes that come before the field. */
  readonly before: Buffer;
  /** What ends it; undefined for the rest of the line. */
  readonly until: Buffer | undefined;
  readonly quoted: boolean;
}

const stepsOf = (name: string, parts: readonly FormatPart[]): { steps: FieldStep[]; tail: Buffer } => {
  const steps: FieldStep[] = [];
  let before = '';
  for (const [n, part] of parts.entries()) {
    if ('literal' in part) {
      before += part.literal;
      continue;
    }
    const next = parts[n + 1];
    if (next !== undefined && 'field' in next)
      throw new LogdError(
        'config',
        `The format ${name} has nothing between ${part.field} and ${next.field}, so nobody can say where one ends.`,
      );
    const quoted = before.endsWith('"') && next !== undefined && next.literal.startsWith('"');
    const until = next === undefined ? undefined : Buffer.from(next.literal);
    steps.push({ field: part.field, before: Buffer.from(before), until, quoted });
    before = '';
  }
  if (steps.length === 0) throw new LogdError('config', `The format ${name} names no field.`);
  return { steps, tail: Buffer.from(before) };
};

const startsWith = (line: Buffer, at: number, literal: Buffer): boolean =>
  at + literal.length <= line.length &&
  line.compare(literal, 0, literal.length, at, at + literal.length) === 0;

/** Where a quoted field ends: at the first quote that no backslash escapes; -1 where there is none. */
const closingQuote = (line: Buffer, from: number): number => {
  for (let at = line.indexOf(QUOTE, from); at >= 0; at = line.indexOf(QUOTE, at + 1)) {
    let slashes = 0;
    while (at - slashes > from && line[at - slashes - 1] === BACKSLASH) slashes++;
    if (slashes % 2 === 0) return at;
  }
  return -1;
};

const holds = (bytes: Uint8Array, at: number, literal: Uint8Array): boolean => {
  for (let n = 0; n < literal.length; n++) if (bytes[at + n] !== literal[n]) return false;
  return true;
};

/** Where the literal begins, from `from` on and before `to`; -1 where it does not. */
const search = (bytes: Uint8Array, literal: Uint8Array, from: number, to: number): number => {
  const first = literal[0]!;
  const last = to - literal.length;
  for (let at = from; at <= last; at++) if (bytes[at] === first && holds(bytes, at, literal)) return at;
  return -1;
};

/** The same as reading, without making any field. */
const locator = (steps: readonly FieldStep[], needed: number): NonNullable<LineFormat['locate']> => {
  const quote = Buffer.of(QUOTE);
  const ends = steps.map(({ until, quoted }) => (quoted ? quote : until?.length === 0 ? undefined : until));
  return (bytes, from, to, places) => {
    let at = from;
    for (let n = 0; n < steps.length; n++) {
      const { before, quoted } = steps[n]!;
      if (at + before.length > to || !holds(bytes, at, before)) {
        if (n < needed || at < to) return false;
        places.fill(-1, 2 * n, 2 * steps.length);
        return true;
      }
      const start = at + before.length;
      const until = ends[n];
      let end = until === undefined ? to : search(bytes, until, start, to);
      if (end < 0) {
        if (quoted || n < needed - 1) return false;
        end = to;
      }
      places[2 * n] = start;
      places[2 * n + 1] = end;
      at = end;
    }
    return true;
  };
};

/** A format of these parts. Throws `config` where a line of it could not be taken apart. */
export const logFormat = (name: string, parts: readonly FormatPart[]): LineFormat => {
  const { steps } = stepsOf(name, parts);
  const lastNeeded = steps.findLastIndex(({ field }) => NEEDED.test(field));
  const needed = lastNeeded < 0 ? steps.length : lastNeeded + 1;

  const read = (line: Buffer): ParsedLine => {
    const fields = emptyFields();
    let at = 0;
    for (const [n, { field, before, until, quoted }] of steps.entries()) {
      if (!startsWith(line, at, before)) {
        if (n >= needed && at >= line.length) return { fields };
        return { reason: `There is no ${field} at byte ${at + 1}.` };
      }
      const start = at + before.length;
      let end = line.length;
      if (quoted) end = closingQuote(line, start);
      else if (until !== undefined && until.length > 0) {
        end = line.indexOf(until, start);
        // The line may end here, where everything that is needed has come.
        if (end < 0 && n >= needed - 1) end = line.length;
      }
      if (end < 0) return { reason: `${field} at byte ${start + 1} has no end.` };
      const bytes = line.subarray(start, end);
      fields[field] = quoted ? unescapeField(bytes) : bytes.toString('utf8');
      at = end;
    }
    return { fields };
  };
  return { name, fields: steps.map(({ field }) => field), read, locate: locator(steps, needed) };
};
