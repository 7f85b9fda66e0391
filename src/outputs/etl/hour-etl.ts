/**
 * One hour through the ETL: bytes in, rows in files below a directory of its own, and an account of every line.
 *
 *   bytes ─ lines ─ parse ─▶ rejected (etl_reject, with number and reason)
 *                     └─ host list, address list, tables' conditions ─▶ dropped, by rule
 *                                                     └─ row ─▶ table/partition=value/…/part
 *
 * Most lines go the quick way (quick-rows.ts), those that need care by row.ts; both give the same bytes.
 *
 * Invariant: lines = rows' lines + dropped + rejected. A line goes to the first table whose condition it meets.
 * Memory: one line that is not complete, and at most FLUSH_BYTES of rows; whatever the hour's size. Synchronous: runs in a worker thread.
 */
import { isAscii, isUtf8 } from 'node:buffer';
import { appendFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { LineFormat } from '../../formats/format.ts';
import type { Table } from './columns.ts';
import { type Form, WRITE } from './forms.ts';
import type { Derivations } from './derivations.ts';
import { type ColumnWriter, type QuickLine, quickLines } from './quick-rows.ts';
import { plainText, rowOf } from './row.ts';
import { createRowWriter, makeRoom, putByte, type RowWriter } from './row-writer.ts';

const NEWLINE = 0x0a;
const FLUSH_BYTES = 4 * 1024 * 1024;
const MOST_SHOWN = 2_000;

export interface EtlRules {
  readonly format: LineFormat;
  readonly form: Form;
  readonly tables: readonly (Table & { readonly isWanted: (value: (column: string) => string) => boolean })[];
  readonly isHostAllowed: (host: string) => boolean;
  readonly isAddressListed: (address: string) => boolean;
  readonly derivations: Derivations;
  /** Lines that are not UTF-8: kept, with U+FFFD in the place of what is none, or rejected. */
  readonly invalidUtf8: 'keep' | 'reject';
}

export interface EtlCounts {
  readonly lines: number;
  readonly rows: number;
  readonly rejected: number;
  /** Dropped lines by rule: `host`, `address`, `no table`. */
  readonly dropped: Readonly<Record<string, number>>;
}

export interface HourEtl {
  push(bytes: Buffer): void;
  /** Takes a last line without newline, writes what is left; returns the account and the files below `dir`. */
  end(): { readonly counts: EtlCounts; readonly files: readonly string[]; readonly longestRow: number };
}

/** A partition's value in a path, as Hive escapes it. */
const inPath = (value: string): string =>
  value === ''
    ? '__HIVE_DEFAULT_PARTITION__'
    : [...Buffer.from(value)]
        .map((byte) => {
          const char = String.fromCharCode(byte);
          return /[A-Za-z0-9_.~+-]/.test(char) && !(char === '.' && /^\.+$/.test(value))
            ? char
            : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
        })
        .join('')
        .slice(0, 200);

/** Bytes for which a line goes the slow way: what Hive text uses itself, and what escapes. */
const CARE = [0x01, 0x02, 0x03, 0x0d, 0x5c];
const needsCare = (bytes: Buffer, from: number, to: number): boolean => {
  for (let at = from; at < to; at++) if (CARE.includes(bytes[at]!)) return true;
  return false;
};

/** Rows of a run on their way to files. */
const createFiles = (dir: string) => {
  const writers = new Map<string, RowWriter>();
  const files = new Set<string>();
  let buffered = 0;
  let longest = 0;
  const flush = (): void => {
    for (const [file, { bytes, end }] of writers) {
      if (!files.has(file)) mkdirSync(join(dir, file, '..'), { recursive: true });
      files.add(file);
      appendFileSync(join(dir, file), bytes.subarray(0, end));
    }
    // A few buffers are used again; those of very many partitions would take more than the rows in them.
    if (writers.size > MOST_WRITERS) writers.clear();
    for (const writer of writers.values()) writer.end = 0;
    buffered = 0;
  };
  const writer = (file: string): RowWriter => {
    const known = writers.get(file) ?? createRowWriter();
    writers.set(file, known);
    return known;
  };
  /** A row of so many bytes was written. */
  const wrote = (bytes: number): void => {
    longest = Math.max(longest, bytes);
    buffered += bytes;
    if (buffered >= FLUSH_BYTES) flush();
  };
  return {
    ...{ flush, writer, wrote },
    addText(file: string, text: string): void {
      const out = writer(file);
      const size = Buffer.byteLength(text);
      makeRoom(out, size);
      out.end += out.bytes.write(text, out.end);
      wrote(size);
    },
    written: (): readonly string[] => [...files].toSorted(),
    longest: () => longest,
  };
};
const MOST_WRITERS = 64;

/** Where rows of a table go: `table/day=2026-11-22/part`. Partitions repeat, so their paths are kept. */
const pathOf = (table: Table, part: string) => {
  const known = new Map<string, string>();
  return (values: readonly string[]): string => {
    const key = values.length === 1 ? values[0]! : values.join('\x01');
    let path = known.get(key);
    if (path === undefined) {
      const folders = table.partitions.map((column, n) => `${column}=${inPath(values[n] ?? '')}`);
      path = [table.name, ...folders, part].join('/');
      if (known.size > MOST_PATHS) known.clear();
      known.set(key, path);
    }
    return path;
  };
};
const MOST_PATHS = 10_000;
/** Times, numbers, words: bytes of a column that are not the line's own. */
const MOST_DERIVED = 256;
/** Longer lines are rare, and would need large buffers. */
const LONG_LINE = 64 * 1024;

/** The quick way for lines of this format and form; undefined where there is none. */
const quickWay = (rules: EtlRules) => {
  if (rules.form !== 'hive' && rules.form !== 'parquet') return undefined;
  const line: QuickLine | undefined = quickLines(rules.format, rules.derivations);
  if (line === undefined) return undefined;
  return {
    line,
    hasHost: rules.format.fields?.includes('host') === true,
    tables: new Map(
      rules.tables.map((table) => [
        table.name,
        { columns: table.columns.map((name): ColumnWriter => line.column(name)) },
      ]),
    ),
  };
};

/** The table of a line, or the rule by which it is dropped. */
export const tableFor = (
  rules: EtlRules,
  text: (column: string) => string,
  hasHost: boolean,
): EtlRules['tables'][number] | string => {
  if (hasHost && !rules.isHostAllowed(text('host'))) return 'host';
  if (rules.isAddressListed(text('remote_addr'))) return 'address';
  return rules.tables.find(({ isWanted }) => isWanted(text)) ?? 'no table';
};

/** `part` is the name of the files, without extension: `part-web1-2026112216`. */
export const hourEtl = (rules: EtlRules, dir: string, part: string): HourEtl => {
  const { format, form, tables } = rules;
  const write = WRITE[form];
  const files = createFiles(dir);
  const paths = new Map(tables.map((table) => [table.name, pathOf(table, part)]));
  const quick = quickWay(rules);
  const dropped: Record<string, number> = {};
  let [lines, rows, rejected] = [0, 0, 0];
  let rest: Buffer = Buffer.alloc(0);

  const drop = (rule: string): void => {
    dropped[rule] = (dropped[rule] ?? 0) + 1;
  };

  const reject = (line: Buffer, reason: string): void => {
    rejected++;
    const shown = line.toString('utf8', 0, MOST_SHOWN);
    files.addText(`etl_reject/${part}.jsonl`, `${JSON.stringify({ line: lines, reason, text: shown })}\n`);
  };

  const take = (line: Buffer): void => {
    if (rules.invalidUtf8 === 'reject' && !isUtf8(line)) return reject(line, 'The line is not valid UTF-8.');
    const parsed = format.read(line);
    if ('reason' in parsed) return reject(line, parsed.reason);
    const { fields } = parsed;
    const value = rowOf(fields, rules.derivations);
    const text = (column: string): string => plainText(value(column));
    const table = tableFor(rules, text, 'host' in fields);
    if (typeof table === 'string') return drop(table);
    rows++;
    const path = paths.get(table.name)!(table.partitions.map(text));
    return files.addText(path, write(table.columns, table.columns.map(value)));
  };

  /** False where the line needs care after all; nothing of it is left then. */
  const takeQuickly = (
    { line, hasHost, tables: ready }: NonNullable<typeof quick>,
    length: number,
  ): boolean => {
    let isCareful = false;
    const text = (column: string): string => {
      const found = line.text(column);
      if (found === undefined) isCareful = true;
      return found ?? '';
    };
    const table = tableFor(rules, text, hasHost);
    const partitions = typeof table === 'string' ? [] : table.partitions.map(text);
    if (isCareful) return false;
    if (typeof table === 'string') {
      drop(table);
      return true;
    }
    const { columns } = ready.get(table.name)!;
    const out = files.writer(paths.get(table.name)!(partitions));
    const start = out.end;
    for (let n = 0; n < columns.length; n++) {
      // Room for the line and what is derived of it; a column that writes more makes room itself.
      makeRoom(out, length + MOST_DERIVED);
      if (n > 0) putByte(out, 0x01);
      if (columns[n]!(out)) continue;
      out.end = start;
      return false;
    }
    makeRoom(out, 1);
    putByte(out, NEWLINE);
    rows++;
    files.wrote(out.end - start);
    return true;
  };

  /** Whole lines. */
  const takeAll = (bytes: Buffer): void => {
    const isPlain = isAscii(bytes);
    const isEasy = CARE.every((byte) => !bytes.includes(byte));
    for (let from = 0; from < bytes.length;) {
      const to = bytes.indexOf(NEWLINE, from);
      lines++;
      const isQuick =
        quick !== undefined &&
        to - from < LONG_LINE &&
        (isEasy || !needsCare(bytes, from, to)) &&
        (isPlain || isUtf8(bytes.subarray(from, to))) &&
        quick.line.set(bytes, from, to) &&
        takeQuickly(quick, to - from);
      if (!isQuick) take(bytes.subarray(from, to));
      from = to + 1;
    }
  };

  return {
    push(bytes) {
      const end = bytes.lastIndexOf(NEWLINE) + 1;
      if (end === 0) {
        rest = Buffer.concat([rest, bytes]);
        return;
      }
      const whole = bytes.subarray(0, end);
      takeAll(rest.length === 0 ? whole : Buffer.concat([rest, whole]));
      rest = Buffer.from(bytes.subarray(end));
    },
    end() {
      if (rest.length > 0) {
        lines++;
        take(rest);
      }
      rest = Buffer.alloc(0);
      files.flush();
      return {
        counts: { lines, rows, rejected, dropped },
        files: files.written(),
        longestRow: files.longest(),
      };
    },
  };
};
