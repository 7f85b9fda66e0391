/** One file of the spool: which records it has, and reading them one after the other. Format: {@link file://./record.ts}. */
import { type FileHandle, open } from 'node:fs/promises';
import { isBodyWhole, readLengths, readRecordHeader, RECORD_PREFIX, type RecordHeader } from './record.ts';

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
}

/** A record as it was read; `header` is undefined when the rest of the file is damaged, `body` when only the body is. */
export interface ReadRecord {
  readonly at: number;
  readonly bytes: number;
  readonly header: RecordHeader | undefined;
  readonly body: Buffer | undefined;
}

export const openSpoolFile = async (
  path: string,
  number: number,
  flags: 'r+' | 'wx+',
): Promise<SpoolFile> => ({
  ...{ number, path, handle: await open(path, flags, 0o640) },
  ...{ size: 0, undone: 0, since: 0, readAt: 0, unanswered: new Set<number>(), doneAhead: new Set<number>() },
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

/** The record at a position of a file that ends at `size`; undefined at its end. */
export const readRecord = async (
  handle: FileHandle,
  at: number,
  size: number,
  withBody: boolean,
): Promise<ReadRecord | undefined> => {
  if (at >= size) return undefined;
  const broken: ReadRecord = { at, bytes: size - at, header: undefined, body: undefined };
  const prefix = await readFully(handle, RECORD_PREFIX, at);
  const lengths = readLengths(prefix, size - at);
  if (lengths === undefined) return broken;
  const rest = await readFully(handle, lengths.header + (withBody ? lengths.body : 0), at + RECORD_PREFIX);
  const header = readRecordHeader(prefix, rest.subarray(0, lengths.header));
  if (header === undefined) return broken;
  const body = withBody ? rest.subarray(lengths.header) : undefined;
  const bytes = RECORD_PREFIX + lengths.header + lengths.body;
  return { at, bytes, header, body: body && isBodyWhole(prefix, body) ? body : undefined };
};

/**
 * Walks the records from `from` on and sets what is known of the file. Returns the bytes after the last whole record; with
 * `checkBodies` a record counts as whole only with its body.
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
    if (
      record?.header === undefined ||
      (checkBodies && record.body === undefined && at + record.bytes === size)
    )
      break;
    if (file.undone++ === 0) file.since = record.header.spooled;
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
