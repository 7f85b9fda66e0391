/**
 * Compression of pack bodies, in the libuv pool.
 *
 * A zstd body is exactly one zstd frame (RFC 8878), so that bodies laid end to end are a valid `.zst` file.
 * Node's decoder ignores what follows the first frame; {@link frameLength} makes sure that nothing does.
 */
import { promisify } from 'node:util';
import zlib from 'node:zlib';
import { LogdError, messageOf } from '../error.ts';
import type { Codec } from './pack.ts';

const compress = promisify(zlib.zstdCompress);
const decompress = promisify(zlib.zstdDecompress);

const FRAME_MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;
/** 128 MiB, what zstd decodes unless told otherwise. */
const MOST_WINDOW_LOG = 27;
const SMALLEST_CHUNK = 4096;

/**
 * zstd's parameters for a level. Node passes over each that is -1 as not set, which would make level 3 of level -1. Negative levels
 * differ in their target length alone, which is the level without its sign: so level -1 is -2 with a target length of 1.
 */
export const levelParams = (level: number): Record<number, number> =>
  level === -1
    ? { [zlib.constants.ZSTD_c_compressionLevel]: -2, [zlib.constants.ZSTD_c_targetLength]: 1 }
    : { [zlib.constants.ZSTD_c_compressionLevel]: level };

/**
 * Encodes raw bytes as a pack body. `level` is zstd's (negative is faster). `raw` must not change until this resolves;
 * for `none` it is the body itself.
 */
export const encode = async (raw: Buffer, codec: Codec, level: number): Promise<Buffer> => {
  switch (codec) {
    case 'none':
      return raw;
    case 'zstd':
      // One output chunk makes one trip to the pool: logs shrink to a fifth, a quarter is room enough, else there is a second trip.
      return firstFrame(
        await compress(raw, {
          chunkSize: Math.max(SMALLEST_CHUNK, raw.length >> 2),
          pledgedSrcSize: raw.length,
          params: levelParams(level),
        }),
      );
  }
};

/**
 * What a stream of Node has made of one input, without the empty frame that follows where the first one ended exactly with a chunk
 * of output: the stream then asks zstd for more, and that starts over.
 */
export const firstFrame = (bytes: Buffer): Buffer => bytes.subarray(0, frameLength(bytes));

/**
 * Decodes a body into exactly `rawBytes` bytes.
 * @throws LogdError `corrupt` when the body is anything else; never more than `rawBytes` are produced.
 */
export const decode = async (body: Buffer, codec: Codec, rawBytes: number): Promise<Buffer> => {
  const raw = codec === 'none' ? body : await decodeFrame(body, rawBytes);
  if (raw.length !== rawBytes) throw wrongLength(raw.length, rawBytes);
  return raw;
};

export const wrongLength = (is: number, claimed: number): LogdError =>
  new LogdError('corrupt', `The body holds ${is} bytes where its header says ${claimed}.`, {
    retryable: true,
  });

export const undecodable = (error: unknown): LogdError =>
  new LogdError('corrupt', `The body cannot be decompressed: ${messageOf(error)}.`, {
    ...{ retryable: true, cause: error },
  });

const neverRight = (fault: string): LogdError =>
  new LogdError('invalid', `The body ${fault}: it must be exactly one zstd frame, without a dictionary.`);

/** Less than this is left to the garbage collector. */
const WORTH_FREEING = 4096;

/**
 * Gives the memory of a body or of decoded bytes back now, instead of at some later garbage collection: the next pack takes the
 * same pages again. The buffer is empty afterwards, and so is every other view of its memory; small ones share theirs and stay.
 */
export const free = (bytes: Buffer): void => {
  const memory = bytes.buffer;
  // What covers all of its memory does not share it, though that may be as large as the shared one: a socket's reads are.
  const isOwn = bytes.length === memory.byteLength || memory.byteLength > Buffer.poolSize;
  if (isOwn && memory.byteLength >= WORTH_FREEING && memory instanceof ArrayBuffer) memory.transfer(0);
};

const decodeFrame = async (body: Buffer, rawBytes: number): Promise<Buffer> => {
  const fault = frameFault(body, rawBytes);
  if (fault !== undefined) throw neverRight(fault);
  if (frameLength(body) !== body.length)
    throw new LogdError('corrupt', 'The body is not exactly one zstd frame.', { retryable: true });
  try {
    return await decompress(body, {
      chunkSize: Math.max(SMALLEST_CHUNK, rawBytes + 1),
      maxOutputLength: Math.max(1, rawBytes),
    });
  } catch (error) {
    throw undecodable(error);
  }
};

/**
 * Length in bytes of the zstd frame at the start of `bytes`, or undefined where there is no whole one.
 * Layout (RFC 8878, 3.1.1): magic 4 · descriptor 1 · window 0–1 · dictionary id 0–4 · content size 0–8 ·
 * blocks of 3-byte header (bit 0 last, bits 1–2 type, bits 3–23 size) and content (1 byte for type RLE) · checksum 0 or 4.
 */
export const frameLength = (bytes: Buffer): number | undefined => {
  const head = frameHead(bytes);
  if (head === undefined) return undefined;
  let at = head.sizeAt + head.sizeBytes;
  for (;;) {
    if (at + 3 > bytes.length) return undefined;
    const header = bytes.readUIntLE(at, 3);
    const type = (header >> 1) & 3;
    if (type === 3) return undefined;
    at += 3 + (type === 1 ? 1 : header >> 3);
    if ((header & 1) !== 0) break;
  }
  if (head.hasChecksum) at += 4;
  return at <= bytes.length ? at : undefined;
};

/**
 * What was made so by whoever compressed it, and can never be right. Undefined for what was damaged on its way: no change of a single
 * byte of a right body, which says how much it holds, looks like one of these.
 */
export const frameFault = (body: Buffer, rawBytes: number): string | undefined => {
  if (isSkippable(body, 0)) return 'begins with a skippable frame';
  const head = frameHead(body);
  if (head === undefined) return undefined;
  const length = frameLength(body);
  if (head.hasDictionary && length === body.length && contentBytes(body) === rawBytes)
    return 'needs a dictionary';
  if (head.windowLog > MOST_WINDOW_LOG && head.sizeBytes === 0)
    return `needs a window of ${2 ** (head.windowLog - 20)} MiB`;
  if (length === undefined || length + 4 > body.length) return undefined;
  return body.readUInt32LE(length) === FRAME_MAGIC || isSkippable(body, length)
    ? 'has more than one frame'
    : undefined;
};

const isSkippable = (bytes: Buffer, at: number): boolean =>
  bytes.length >= at + 4 && (bytes.readUInt32LE(at) & 0xfffffff0) >>> 0 === SKIPPABLE_MAGIC;

/** How many bytes the zstd frame at the start of `bytes` says that it holds; undefined where it does not say. */
export const contentBytes = (bytes: Buffer): number | undefined => {
  const head = frameHead(bytes);
  if (head === undefined || bytes.length < head.sizeAt + head.sizeBytes) return undefined;
  switch (head.sizeBytes) {
    case 0:
      return undefined;
    case 2:
      return bytes.readUInt16LE(head.sizeAt) + 256;
    case 8:
      return Number(bytes.readBigUInt64LE(head.sizeAt));
    default:
      return bytes.readUIntLE(head.sizeAt, head.sizeBytes);
  }
};

export const frameHead = (
  bytes: Buffer,
):
  | {
      readonly sizeAt: number;
      readonly sizeBytes: number;
      readonly hasChecksum: boolean;
      readonly hasDictionary: boolean;
      /** Rounded down; 0 where the frame is one segment. */
      readonly windowLog: number;
    }
  | undefined => {
  if (bytes.length < 6 || bytes.readUInt32LE(0) !== FRAME_MAGIC) return undefined;
  const descriptor = bytes.readUInt8(4);
  const singleSegment = (descriptor & 0x20) !== 0;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3]!;
  return {
    sizeAt: 5 + (singleSegment ? 0 : 1) + dictionaryBytes,
    sizeBytes: [singleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6]!,
    hasChecksum: (descriptor & 4) !== 0,
    hasDictionary: dictionaryBytes > 0,
    windowLog: singleSegment ? 0 : 10 + (bytes.readUInt8(5) >> 3),
  };
};
