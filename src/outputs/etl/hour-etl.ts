/**
 * One hour through the ETL: bytes in, rows in files below a directory of its own, and an account of every line.
 *
 *   bytes ─ lines ─ parse ─▶ rejected (etl_reject, with number and reason)
 *                     └─ host list, address list, tables' conditions ─▶ dropped, by rule
 *                                                     └─ row ─▶ table/partition=value/…/part
 *
 * Invariant: lines = rows' lines + dropped + rejected. A line goes to the first table whose condition it meets.
 * Memory: one line that is not complete, and at most FLUSH_BYTES of rows; whatever the hour's size. Synchronous: runs in a worker thread.
 */
import { appendFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { LineFormat } from '../../formats/format.ts';
import type { Table } from './columns.ts';
import { type Form, WRITE } from './forms.ts';
import { type FindNeedle } from './needles.ts';
import { plainText, rowOf } from './row.ts';

const NEWLINE = 0x0a;
const FLUSH_BYTES = 4 * 1024 * 1024;
const MOST_SHOWN = 2_000;

export interface EtlRules {
  readonly format: LineFormat;
  readonly form: Form;
  readonly tables: readonly (Table & { readonly isWanted: (value: (column: string) => string) => boolean })[];
  readonly isHostAllowed: (host: string) => boolean;
  readonly isAddressListed: (address: string) => boolean;
  readonly findSpider: FindNeedle;
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
  end(): { readonly counts: EtlCounts; readonly files: readonly string[] };
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

/** `part` is the name of the files, without extension: `part-web1-2026112216`. */
export const hourEtl = (rules: EtlRules, dir: string, part: string): HourEtl => {
  const { format, form, tables } = rules;
  const write = WRITE[form];
  const buffers = new Map<string, string[]>();
  const files = new Set<string>();
  const dropped: Record<string, number> = {};
  let [lines, rows, rejected, buffered] = [0, 0, 0, 0];
  let rest: Buffer = Buffer.alloc(0);

  const flush = (): void => {
    for (const [file, texts] of buffers) {
      if (!files.has(file)) mkdirSync(join(dir, file, '..'), { recursive: true });
      files.add(file);
      appendFileSync(join(dir, file), texts.join(''));
    }
    buffers.clear();
    buffered = 0;
  };

  const add = (file: string, text: string): void => {
    const texts = buffers.get(file) ?? [];
    texts.push(text);
    buffers.set(file, texts);
    buffered += text.length;
    if (buffered >= FLUSH_BYTES) flush();
  };

  const drop = (rule: string): void => {
    dropped[rule] = (dropped[rule] ?? 0) + 1;
  };

  const reject = (line: Buffer, reason: string): void => {
    rejected++;
    const shown = line.toString('utf8', 0, MOST_SHOWN);
    add(`etl_reject/${part}.jsonl`, `${JSON.stringify({ line: lines, reason, text: shown })}\n`);
  };

  const take = (line: Buffer): void => {
    lines++;
    const parsed = format.read(line);
    if ('reason' in parsed) return reject(line, parsed.reason);
    const { fields } = parsed;
    const value = rowOf(fields, rules.findSpider);
    const text = (column: string): string => plainText(value(column));
    if ('host' in fields && !rules.isHostAllowed(text('host'))) return drop('host');
    if (rules.isAddressListed(text('remote_addr'))) return drop('address');
    const table = tables.find(({ isWanted }) => isWanted(text));
    if (table === undefined) return drop('no table');
    const path = table.partitions.map((column) => `${column}=${inPath(text(column))}`);
    rows++;
    add([table.name, ...path, part].join('/'), write(table.columns, table.columns.map(value)));
  };

  return {
    push(bytes) {
      let from = 0;
      for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, from)) {
        const line = bytes.subarray(from, at);
        take(rest.length === 0 ? line : Buffer.concat([rest, line]));
        rest = Buffer.alloc(0);
        from = at + 1;
      }
      if (from < bytes.length) rest = Buffer.concat([rest, bytes.subarray(from)]);
    },
    end() {
      if (rest.length > 0) take(rest);
      rest = Buffer.alloc(0);
      flush();
      return { counts: { lines, rows, rejected, dropped }, files: [...files].toSorted() };
    },
  };
};
