/**
 * The plain bytes of any file that may hold an hour: as they are, or compressed by zstd (any number of frames, whoever made them) or gzip.
 *
 * Node's zstd stream ends after the first frame, so the frames of a file are found by their block headers (RFC 8878, 3.1.1.2), and
 * each is decompressed by itself; skippable frames are passed over. Memory: a few chunks, whatever a frame holds.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { pipeline, Readable, type Transform } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { openOwnFile } from '../../disk/no-links.ts';
import { LogdError, messageOf } from '../../error.ts';
import { frameHead } from '../../pack/codec.ts';
import { readFully } from './read.ts';

const ZSTD_MAGIC = 0xfd2fb528;
const GZIP_MAGIC = 0x8b1f;
/** 0x184D2A50 to 0x184D2A5F. */
const SKIPPABLE = 0x184d2a50;
/** Of a zstd frame: magic, descriptor, window, dictionary and size. */
const MOST_HEAD = 18;
const CHUNK = 1 << 18;

const isSkippable = (magic: number): boolean => (magic & 0xfffffff0) >>> 0 === SKIPPABLE;

const readAt = async (file: FileHandle, at: number, length: number): Promise<Buffer> => {
  const bytes = Buffer.alloc(length);
  return bytes.subarray(0, await readFully(file, bytes, at));
};

/** Where the zstd frame at `at` ends; undefined where there is no frame, or not all of its headers. */
const frameEnd = async (file: FileHandle, at: number): Promise<number | undefined> => {
  const head = frameHead(await readAt(file, at, MOST_HEAD));
  if (head === undefined) return undefined;
  let next = at + head.sizeAt + head.sizeBytes;
  for (;;) {
    const bytes = await readAt(file, next, 3);
    if (bytes.length < 3) return undefined;
    const header = bytes.readUIntLE(0, 3);
    const type = (header >> 1) & 3;
    if (type === 3) return undefined;
    next += 3 + (type === 1 ? 1 : header >> 3);
    if ((header & 1) !== 0) return next + (head.hasChecksum ? 4 : 0);
  }
};

const notReadable = (path: string, why: string): LogdError =>
  new LogdError('corrupt', `${path} cannot be decompressed: ${why}.`, { retryable: true });

/** The bytes of a file from one position to another, or to its end. */
async function* partOf(file: FileHandle, from: number, to: number): AsyncGenerator<Buffer> {
  for (let at = from; at < to;) {
    const bytes = await readAt(file, at, Math.min(CHUNK, to - at));
    if (bytes.length === 0) return;
    at += bytes.length;
    yield bytes;
  }
}

async function* decompressed(
  path: string,
  bytes: AsyncIterable<Buffer>,
  decoder: Transform,
): AsyncGenerator<Buffer> {
  // Its errors come out of the decoder, which is read below.
  pipeline(Readable.from(bytes, { objectMode: false }), decoder, () => undefined);
  try {
    for await (const chunk of decoder) yield chunk as Buffer;
  } catch (error) {
    throw notReadable(path, messageOf(error));
  }
}

async function* framesOf(path: string, file: FileHandle): AsyncGenerator<Buffer> {
  const { size } = await file.stat();
  for (let at = 0; at < size;) {
    const head = await readAt(file, at, 8);
    const magic = head.length < 8 ? 0 : head.readUInt32LE(0);
    if (isSkippable(magic)) {
      at += 8 + head.readUInt32LE(4);
      continue;
    }
    const end = await frameEnd(file, at);
    if (end === undefined || end > size) throw notReadable(path, `no whole zstd frame begins at byte ${at}`);
    yield* decompressed(path, partOf(file, at, end), createZstdDecompress());
    at = end;
  }
}

/** `isOwn`: a file of the store, which is not reached through a link. Rejects with the error of the system where the file cannot be read, with a retryable `corrupt` where it cannot be decompressed. */
export async function* contentsOf(path: string, isOwn = false): AsyncGenerator<Buffer> {
  await using file = await (isOwn ? openOwnFile(path) : open(path, 'r'));
  const start = await readAt(file, 0, 4);
  const magic = start.length < 4 ? 0 : start.readUInt32LE(0);
  if (magic === ZSTD_MAGIC || isSkippable(magic)) yield* framesOf(path, file);
  else {
    const all = partOf(file, 0, Number.MAX_SAFE_INTEGER);
    yield* (magic & 0xffff) === GZIP_MAGIC ? decompressed(path, all, createGunzip()) : all;
  }
}

export interface ContentReader extends AsyncDisposable {
  /** The next so many bytes; fewer where the file has no more. */
  take(bytes: number): Promise<Buffer>;
}

/** Reads the contents of a file in parts of any length. */
export const readContents = (path: string, isOwn = false): ContentReader => {
  const chunks = contentsOf(path, isOwn);
  let rest = Buffer.alloc(0);
  return {
    async take(bytes) {
      const parts = [rest];
      let length = rest.length;
      while (length < bytes) {
        const next = await chunks.next();
        if (next.done === true) break;
        parts.push(Buffer.from(next.value));
        length += next.value.length;
      }
      const all = parts.length === 1 ? rest : Buffer.concat(parts);
      rest = all.subarray(bytes);
      return all.subarray(0, bytes);
    },
    async [Symbol.asyncDispose]() {
      await chunks.return(undefined);
    },
  };
};
