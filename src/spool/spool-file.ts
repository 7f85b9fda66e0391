/** One file of the spool: which records it has, and reading them one after the other. Format: {@link file://./record.ts}. */
import { type FileHandle, open } from 'node:fs/promises';
import type { Pack } from '../pack/pack.ts';
import {
  isBodyWhole,
  readLengths,
  readRecordHeader,
  RECORD_MAGIC,
  RECORD_PREFIX,
  type RecordHeader,
  type RecordLengths,
} from './record.ts';

/** Names a record until it is done. */
export interface SpoolTicket {
  readonly file: number;
  readonly at: number;
}

export interface SpooledPack {
  readonly ticket: SpoolTicket;
  readonly pack: Pack;
  /** When the spool took it: Unix milliseconds. */
  readonly spooled: number;
}

export interface SpoolFile {
  readonly number: number;
  readonly path: string;
  readonly handle: FileHandle;
  /** Bytes that are durable and whole. */
  size: number;
  /** Records from the read position on that are not done. */
  undone: number;
  /** When the first record that is not done was spooled: Unix milliseconds. */
  since: number;
  /** Reading goes on here. */
  readAt: number;
  /** Starts of records that were read and are not done, in order. */
  readonly unanswered: Set<number>;
  /** Starts of records beyond `readAt` that are done already. */
  readonly doneAhead: Set<number>;
  /** Starts of damage that was there before its records were counted. */
  readonly damage: Set<number>;
}

/** A record as it was read. Without `header` these bytes are damaged, up to the next record or the end; without `body` only that is. */
export interface ReadRecord {
  readonly at: number;
  readonly bytes: number;
  readonly header: RecordHeader | undefined;
  readonly body: Buffer | undefined;
}

/** Bytes that are searched for the next record at a time. */
const SEARCH_BYTES = 1 << 20;

export const openSpoolFile = async (
  path: string,
  number: number,
  flags: 'r+' | 'wx+',
): Promise<SpoolFile> => ({
  ...{ number, path, handle: await open(path, flags, 0o640) },
  ...{ size: 0, undone: 0, since: 0, readAt: 0, unanswered: new Set<number>(), doneAhead: new Set<number>() },
  damage: new Set<number>(),
});

const readFully = async (handle: FileHandle, length: number, at: number): Promise<Buffer> => {
  const buffer = Buffer.allocUnsafeSlow(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await handle.read(buffer, filled, length - filled, at + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
};

interface Head {
  readonly prefix: Buffer;
  readonly header: RecordHeader;
  readonly lengths: RecordLengths;
  /** Undefined unless it was asked for. */
  readonly body: Buffer | undefined;
}

/** A record's head where there is a whole one, and its body, in two reads. */
const readHead = async (
  handle: FileHandle,
  at: number,
  size: number,
  withBody: boolean,
): Promise<Head | undefined> => {
  const prefix = await readFully(handle, RECORD_PREFIX, at);
  const lengths = readLengths(prefix, size - at);
  if (lengths === undefined) return undefined;
  const length = lengths.header + (withBody ? lengths.body : 0);
  const rest = await readFully(handle, length, at + RECORD_PREFIX);
  const header = readRecordHeader(prefix, rest.subarray(0, lengths.header));
  const body = withBody ? rest.subarray(lengths.header) : undefined;
  return header && { prefix, header, lengths, body };
};

/** Where the next record with a whole head begins; `size` when there is none. */
const findRecord = async (handle: FileHandle, from: number, size: number): Promise<number> => {
  for (let at = from; at < size; at += SEARCH_BYTES) {
    // A little more than a step, so that what lies across its end is found.
    const bytes = await readFully(handle, Math.min(SEARCH_BYTES + RECORD_MAGIC.length - 1, size - at), at);
    for (
      let found = bytes.indexOf(RECORD_MAGIC);
      found !== -1;
      found = bytes.indexOf(RECORD_MAGIC, found + 1)
    )
      if ((await readHead(handle, at + found, size, false)) !== undefined) return at + found;
  }
  return size;
};

/** The record at a position of a file that ends at `size`, or the damage there; undefined at its end. */
export const readRecord = async (
  handle: FileHandle,
  at: number,
  size: number,
  withBody: boolean,
): Promise<ReadRecord | undefined> => {
  if (at >= size) return undefined;
  const head = await readHead(handle, at, size, withBody);
  if (head === undefined) {
    const next = await findRecord(handle, at + 1, size);
    return { at, bytes: next - at, header: undefined, body: undefined };
  }
  const { prefix, header, lengths, body } = head;
  const bytes = RECORD_PREFIX + lengths.header + lengths.body;
  return { at, bytes, header, body: body && isBodyWhole(prefix, body) ? body : undefined };
};

/** How many records there are from `from` on. */
export const countRecords = async ({ handle, size }: SpoolFile, from: number): Promise<number> => {
  let count = 0;
  for (let at = from; ;) {
    const record = await readRecord(handle, at, size, false);
    if (record === undefined) return count;
    if (record.header !== undefined) count++;
    at += record.bytes;
  }
};

/**
 * Walks the records from `from` on and sets what is known of the file. Returns the bytes of its end that are no whole record; with
 * `checkBodies` the last record counts as whole only with its body.
 */
export const surveySpoolFile = async (
  file: SpoolFile,
  from: number,
  checkBodies: boolean,
): Promise<number> => {
  const { size } = await file.handle.stat();
  file.readAt = Math.min(from, size);
  let at = file.readAt;
  for (;;) {
    const record = await readRecord(file.handle, at, size, checkBodies);
    if (record === undefined) break;
    const isLast = at + record.bytes === size;
    if (isLast && (record.header === undefined || (checkBodies && record.body === undefined))) break;
    if (record.header === undefined) file.damage.add(at);
    else if (file.undone++ === 0) file.since = record.header.spooled;
    at += record.bytes;
  }
  file.size = at;
  return size - at;
};

/** Bytes up to which everything is done: where a restart may go on. */
export const donePosition = (file: SpoolFile): number => {
  for (const at of file.unanswered) return at;
  return file.readAt;
};
