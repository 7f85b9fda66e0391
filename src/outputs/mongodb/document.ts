/**
 * From the lines of a pack to documents.
 *
 *   line ─ read ─┬ fields ─ choose, rename, type ─ safe names ─ _id ─▶ write
 *                ├ skip   (dropped: by a rule of the user)
 *                └ reason (rejected: kept with its text)
 *
 * _id in mode insert: host/stream/hour/pack/line, with the line's place in its pack from 1. The same pack gives the same _ids for ever.
 * _id in mode upsert: the value of the key field, so two writers of one key can never make two documents.
 */
import type { SegmentKey } from '../../pack/pack.ts';
import type { Write } from './bulk-writer.ts';
import { type FieldType, asType } from './field-types.ts';
import { largestSize, safeFieldName, safeValue, setField, UnstorableValue } from './field-names.ts';

/** What reading one line gives. */
export type LineFields =
  | { readonly fields: Readonly<Record<string, unknown>> }
  | { readonly skip: string }
  | { readonly reason: string };

export type ReadLine = (line: Buffer) => LineFields;

export interface FieldRule {
  readonly as?: string | undefined;
  readonly type?: FieldType | undefined;
}

export interface DocumentOptions {
  readonly mode: 'insert' | 'upsert';
  /** The stored name of the key field of mode upsert. */
  readonly key: string;
  readonly withoutKey: 'skip' | 'reject';
  /** Only these fields; all where undefined. */
  readonly keep: ReadonlySet<string> | undefined;
  readonly fields: Readonly<Record<string, FieldRule>>;
  readonly read: ReadLine;
}

/** A line that gave no document. */
export interface RejectedLine {
  readonly line: number;
  readonly text: Buffer;
  readonly reason: string;
}

export interface PackDocuments {
  readonly writes: readonly Write[];
  readonly dropped: number;
  readonly rejected: readonly RejectedLine[];
}

/** MongoDB's limit for a document, less room for what the server adds. */
export const MOST_BYTES = (16 << 20) - (16 << 10);

const NEWLINE = 0x0a;

/** The lines of a pack: newlines end them, and a last one may have none. Numbered from 1. */
export function* linesOf(bytes: Buffer): Generator<Buffer> {
  for (let start = 0; start < bytes.length;) {
    const found = bytes.indexOf(NEWLINE, start);
    const end = found < 0 ? bytes.length : found;
    yield bytes.subarray(start, end);
    start = end + 1;
  }
}

type Built = { document: Record<string, unknown> } | { skip: string } | { reason: string };

const choose = (
  fields: Readonly<Record<string, unknown>>,
  { keep, fields: rules }: DocumentOptions,
): Record<string, unknown> => {
  const document: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined || (keep !== undefined && !keep.has(name))) continue;
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
    const typed = rule?.type === undefined ? value : asType(rule.type, value);
    setField(document, rule?.as ?? name, safeValue(typed));
  }
  return document;
};

const build = (line: Buffer, options: DocumentOptions): Built => {
  const read = options.read(line);
  if (!('fields' in read)) return read;
  try {
    return { document: choose(read.fields, options) };
  } catch (error) {
    if (error instanceof UnstorableValue)
      return { reason: `The document cannot be stored: ${error.message}.` };
    throw error;
  }
};

const keyOf = (document: Record<string, unknown>, name: string): string | undefined => {
  const value = document[name];
  if (typeof value === 'string') return value === '' ? undefined : value;
  return typeof value === 'number' || typeof value === 'bigint' ? String(value) : undefined;
};

/** Puts together the documents of a pack, a slice of lines at a time. */
export interface PackBuilder {
  /** Adds a line; lines come in order. */
  add(line: Buffer): void;
  /** The documents that are ready, which leave the builder. Those of mode upsert are ready at the end of the pack. */
  take(isEnd: boolean): Write[];
  readonly dropped: () => number;
  readonly rejected: readonly RejectedLine[];
}

/** A builder for the lines of a pack; the first one that is added comes after `before` others. */
export const createPackBuilder = (
  key: SegmentKey,
  pack: number,
  options: DocumentOptions,
  before = 0,
): PackBuilder => {
  const start = `${key.host}/${key.stream}/${key.hour}/${pack}/`;
  const keyField = safeFieldName(options.key);
  const rejected: RejectedLine[] = [];
  const merged = new Map<string, { fields: Record<string, unknown>; lines: number[] }>();
  let ready: Write[] = [];
  let dropped = 0;
  let number = before;

  const reject = (text: Buffer, reason: string): void => {
    rejected.push({ line: number, text: Buffer.from(text), reason });
  };

  const addUpsert = (line: Buffer, document: Record<string, unknown>): void => {
    const id = keyOf(document, keyField);
    if (id === undefined) {
      if (options.withoutKey === 'skip') dropped++;
      else reject(line, `The line has no ${options.key}.`);
      return;
    }
    const earlier = merged.get(id);
    if (earlier === undefined) merged.set(id, { fields: document, lines: [number] });
    else {
      Object.assign(earlier.fields, document);
      earlier.lines.push(number);
    }
  };

  return {
    add(line) {
      number++;
      const built = build(line, options);
      if ('skip' in built) dropped++;
      else if ('reason' in built) reject(line, built.reason);
      else if (options.mode === 'upsert') addUpsert(line, built.document);
      else {
        const document = { _id: start + number, ...built.document };
        ready.push({ document, lines: [number], bytes: largestSize(document) });
      }
    },
    take(isEnd) {
      if (isEnd)
        for (const [id, { fields, lines }] of merged) {
          const document = { ...fields, _id: id };
          ready.push({ document, lines, bytes: largestSize(document) });
        }
      if (isEnd) merged.clear();
      const taken = ready;
      ready = [];
      return taken;
    },
    dropped: () => dropped,
    rejected,
  };
};
