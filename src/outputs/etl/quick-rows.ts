/**
 * The quick way of a line into Hive text: fields are places in the bytes of a chunk, and columns copy them. No strings are made but for
 * filters and conditions.
 *
 * It is for lines of valid UTF-8 without a backslash or a byte that Hive text uses itself; all others, and all other formats and forms, go
 * the way of row.ts, which gives the same bytes.
 */
import type { LineFormat } from '../../formats/format.ts';
import { addressToInteger, instantOf, queryPairs } from '../../formats/values.ts';
import type { FindDayAndHour } from './day-and-hour.ts';
import type { Derivations } from './derivations.ts';
import { writeQuery } from './query-writer.ts';
import { columnOf, isSlowColumn, rowOf, TIMES } from './row.ts';
import { hiveValue } from './forms.ts';
import { copyBytes, createRowWriter, makeRoom, putByte, type RowWriter } from './row-writer.ts';

/** Writes a column of the current line. False where the line needs care: whatever was written of its row is to be taken back. */
export type ColumnWriter = (out: RowWriter) => boolean;

/** The line that columns are asked about. */
export interface QuickLine {
  /** True where the line can go this way; columns then speak of it. */
  set(bytes: Buffer, from: number, to: number): boolean;
  column(name: string): ColumnWriter;
  /** A column as a person reads it: for filters and conditions. Undefined where the line needs care. */
  text(name: string): string | undefined;
}

const MOST_KNOWN = 50_000;
/** Columns that are made of fields, also where a field has their name. */
const DERIVED = new Set([
  ...[
    'time',
    'unix',
    'day',
    'hour',
    'method',
    'path',
    'query',
    'protocol',
    'params',
    'address_int',
    'spider',
  ],
]);
const [SPACE, QUESTION] = [0x20, 0x3f];
const NOTHING = Buffer.alloc(0);

/** What was made of bytes that come again and again, found by a hash of them. */
const remembered = (make: (text: string) => string) => {
  const known = new Map<number, { readonly bytes: Buffer; readonly made: Buffer }>();
  return (source: Buffer, from: number, to: number): Buffer => {
    let hash = 0x811c9dc5;
    for (let at = from; at < to; at++) hash = Math.imul(hash ^ source[at]!, 0x01000193);
    const found = known.get(hash);
    if (found !== undefined && isAt(source, from, to, found.bytes)) return found.made;
    const made = Buffer.from(make(source.toString('utf8', from, to)));
    if (known.size >= MOST_KNOWN) known.clear();
    known.set(hash, { bytes: Buffer.from(source.subarray(from, to)), made });
    return made;
  };
};

interface Time {
  readonly text: Buffer;
  readonly iso: Buffer;
  readonly unix: Buffer;
  readonly day: Buffer;
  readonly hour: Buffer;
}
const NO_TIME: Time = { text: NOTHING, iso: NOTHING, unix: NOTHING, day: NOTHING, hour: NOTHING };

const timeOf = (bytes: Buffer, find: FindDayAndHour): Time => {
  const text = bytes.toString('utf8');
  const ms = instantOf(text);
  if (ms === undefined) return NO_TIME;
  const { day, hour } = find(ms, text);
  return {
    text: Buffer.from(bytes),
    iso: Buffer.from(new Date(ms).toISOString()),
    unix: Buffer.from(String(Math.floor(ms / 1000))),
    day: Buffer.from(day),
    hour: Buffer.from(String(hour)),
  };
};

const isAt = (bytes: Buffer, from: number, to: number, text: Buffer): boolean => {
  if (to - from !== text.length || to === from) return false;
  // The end differs first: lines come in order of time.
  for (let at = text.length - 1; at >= 0; at--) if (bytes[from + at] !== text[at]) return false;
  return true;
};

/** Places of the parts of a request: `GET /path?query HTTP/1.1`. */
interface Request {
  readonly is: boolean;
  readonly start: number;
  readonly first: number;
  readonly mark: number;
  readonly second: number;
  readonly end: number;
}
const NO_REQUEST: Request = { is: false, start: 0, first: 0, mark: 0, second: 0, end: 0 };

const requestAt = (bytes: Buffer, start: number, end: number): Request => {
  let [first, mark, second] = [-1, -1, -1];
  for (let at = start; at < end; at++) {
    const byte = bytes[at];
    if (byte === QUESTION && first >= 0 && mark < 0 && second < 0) mark = at;
    if (byte !== SPACE) continue;
    if (first < 0) first = at;
    else if (second < 0) second = at;
    else return NO_REQUEST;
  }
  if (first <= start || second < 0 || second + 1 >= end) return NO_REQUEST;
  return { is: true, start, first, mark: mark < 0 ? second : mark, second, end };
};

/** The line that is being written, and what of it is found once for all columns. */
const createLine = (format: LineFormat, dayAndHour: FindDayAndHour) => {
  const { fields = [], locate } = format;
  const places = new Int32Array(fields.length * 2);
  const times = TIMES.map((name) => fields.indexOf(name)).filter((n) => n >= 0);
  const requestField = fields.indexOf('request');
  let last = NO_TIME;
  let request: Request | undefined;
  let time: Time | undefined;
  const line = {
    bytes: NOTHING as Buffer,
    from: 0,
    to: 0,
    places,
    line: (): Buffer => line.bytes.subarray(line.from, line.to),
    set(bytes: Buffer, from: number, to: number): boolean {
      line.bytes = bytes;
      [line.from, line.to] = [from, to];
      request = time = undefined;
      return locate?.(bytes, from, to, places) === true;
    },
    start: (n: number): number => (n < 0 ? -1 : places[2 * n]!),
    end: (n: number): number => places[2 * n + 1]!,
    request(): Request {
      const start = line.start(requestField);
      return (request ??= start < 0 ? NO_REQUEST : requestAt(line.bytes, start, line.end(requestField)));
    },
    time: (): Time => (time ??= line.findTime()),
    findTime(): Time {
      for (const n of times) {
        const [start, end] = [line.start(n), line.end(n)];
        if (start < 0) continue;
        if (isAt(line.bytes, start, end, last.text)) return last;
        const found = timeOf(line.bytes.subarray(start, end), dayAndHour);
        if (found === NO_TIME) continue;
        last = found;
        return found;
      }
      return NO_TIME;
    },
  };
  return line;
};

type Line = ReturnType<typeof createLine>;

const put = (out: RowWriter, bytes: Buffer): true => {
  makeRoom(out, bytes.length);
  copyBytes(out, bytes, 0, bytes.length);
  return true;
};

/** ASCII only. */
const putText = (out: RowWriter, text: string): true => {
  for (let at = 0; at < text.length; at++) putByte(out, text.charCodeAt(at));
  return true;
};

/** Columns that are made of the request, or where there is none of a field of their own. */
const requestColumns = (
  line: Line,
  field: (name: string) => ColumnWriter,
): Readonly<Record<string, ColumnWriter>> => {
  const part = (
    from: (of: Request) => number,
    to: (of: Request) => number,
    instead: string,
  ): ColumnWriter => {
    const other = field(instead);
    return (out) => {
      const found = line.request();
      if (!found.is) return other(out);
      copyBytes(out, line.bytes, from(found), to(found));
      return true;
    };
  };
  const ofQuery = field('query');
  return {
    method: part(
      ({ start }) => start,
      ({ first }) => first,
      'request_method',
    ),
    path: part(
      ({ first }) => first + 1,
      ({ mark }) => mark,
      'path',
    ),
    query: part(
      ({ mark, second }) => Math.min(mark + 1, second),
      ({ second }) => second,
      'query',
    ),
    protocol: part(
      ({ second }) => second + 1,
      ({ end }) => end,
      'server_protocol',
    ),
    params: (out) => {
      const { is, mark, second } = line.request();
      if (is) return writeQuery(out, line.bytes, Math.min(mark + 1, second), second);
      const alone = createRowWriter();
      makeRoom(alone, line.to - line.from);
      return ofQuery(alone) && writeQuery(out, alone.bytes, 0, alone.end);
    },
  };
};

/** Lines of this format, or undefined where it has no quick way. */
export const quickLines = (format: LineFormat, from: Derivations): QuickLine | undefined => {
  const { fields, locate } = format;
  if (locate === undefined || fields === undefined) return undefined;
  const line = createLine(format, from.dayAndHour);
  const scratch = createRowWriter();

  const field = (name: string): ColumnWriter => {
    const n = fields.indexOf(name);
    return (out) => {
      const start = line.start(n);
      if (start >= 0) copyBytes(out, line.bytes, start, line.end(n));
      return true;
    };
  };
  const textOf = (column: ColumnWriter): string | undefined => {
    scratch.end = 0;
    makeRoom(scratch, line.bytes.length);
    return column(scratch) ? scratch.bytes.toString('utf8', 0, scratch.end) : undefined;
  };
  const fieldText = (n: number): string => {
    const start = line.start(n);
    return start < 0 ? '' : line.bytes.toString('utf8', start, line.end(n));
  };
  const fromRequest = requestColumns(line, field);
  const spider = remembered(from.findSpider);
  const agent = fields.indexOf('http_user_agent');
  const client = fields.indexOf('remote_addr');

  /** A column for which its text is made, and something of that. */
  const made =
    (source: ColumnWriter, make: (text: string) => string): ColumnWriter =>
    (out) => {
      const text = textOf(source);
      return text !== undefined && put(out, Buffer.from(make(text)));
    };
  const parameter = (name: string): ColumnWriter =>
    made(fromRequest['query']!, (query) => {
      const value = queryPairs(query).find(([key]) => key === name)?.[1] ?? '';
      // oxlint-disable-next-line no-control-regex -- these are the separators of Hive's text format
      return value.replaceAll(/[\x01-\x03\n\r]/g, ' ');
    });
  const cookie = (name: string): ColumnWriter =>
    made(
      field('http_cookie'),
      (cookies) =>
        cookies
          .split('; ')
          .find((each) => each.startsWith(`${name}=`))
          ?.slice(name.length + 1) ?? '',
    );

  /** Made of all fields of the line, as the slow way makes it. */
  const whole =
    (name: string): ColumnWriter =>
    (out) => {
      const parsed = format.read(line.line());
      return 'fields' in parsed && put(out, Buffer.from(hiveValue(rowOf(parsed.fields, from)(name))));
    };

  const make = (name: string): ColumnWriter => {
    switch (name) {
      case '':
        return () => true;
      case 'time':
        return (out) => put(out, line.time().iso);
      case 'unix':
        return (out) => put(out, line.time().unix);
      case 'day':
        return (out) => put(out, line.time().day);
      case 'hour':
        return (out) => put(out, line.time().hour);
      case 'address_int':
        return (out) => putText(out, String(addressToInteger(fieldText(client)) ?? ''));
      case 'spider':
        return (out) => {
          const start = line.start(agent);
          return start < 0 || put(out, spider(line.bytes, start, line.end(agent)));
        };
      default:
        if (isSlowColumn(name)) return whole(name);
        if (Object.hasOwn(fromRequest, name)) return fromRequest[name]!;
        if (name.startsWith('param.')) return parameter(name.slice('param.'.length));
        if (name.startsWith('cookie.')) return cookie(name.slice('cookie.'.length));
        return fields.includes(name) ? field(name) : parameter(name);
    }
  };

  /** The field that a column is the same as; -1 where it is made of something. */
  const plainFields = new Map<string, number>();
  const columns = new Map<string, ColumnWriter>();
  const column = (name: string): ColumnWriter => {
    const known = columns.get(name) ?? (from.computed.has(name) ? whole(name) : make(columnOf(name)));
    columns.set(name, known);
    return known;
  };
  return {
    set: line.set,
    column,
    text(name) {
      let n = plainFields.get(name);
      if (n === undefined) {
        const plain = columnOf(name);
        n = DERIVED.has(plain) || from.computed.has(name) ? -1 : fields.indexOf(plain);
        plainFields.set(name, n);
      }
      return n < 0 ? textOf(column(name)) : fieldText(n);
    },
  };
};
