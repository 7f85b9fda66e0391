/**
 * Bodies of wire v1: zlib.
 *
 * The Go receiver drops a body whose MD5 it has seen, also under another id, so two packs with equal lines must differ. Ours carry
 * a mark: after the zlib header come 7 empty stored blocks. Inflate ignores the 5 bits between a stored block's type and the next
 * byte, and these hold a CRC-32 of the pack's name. The same pack sent again has the same body, so a repeat is still dropped.
 *
 *   78 01 │ 7 × ( 5 bits of the mark, 000 ) 00 00 ff ff │ deflate of the lines │ Adler-32
 */
import { promisify } from 'node:util';
import { crc32, deflate, inflate } from 'node:zlib';
import { LogdError, messageOf } from '../../error.ts';
import { free } from '../../pack/codec.ts';
import { type SegmentKey, segmentName } from '../../pack/pack.ts';

const deflateAsync = promisify(deflate);
const inflateAsync = promisify(inflate);

/** What a Go node sends as the body of an empty last pack. */
export const EMPTY_BODY = Buffer.from('789c010000ffff00000001', 'hex');

const MARK_BLOCKS = 7;
const LEAST_CHUNK = 16 << 10;
const MOST_CHUNK = 4 << 20;

const markOf = (key: SegmentKey, id: number): Buffer => {
  const mark = Buffer.alloc(MARK_BLOCKS * 5);
  const crc = crc32(`${segmentName(key)}/${id}`);
  for (let n = 0; n < MARK_BLOCKS; n++) {
    mark[n * 5] = ((crc >>> (n * 5)) & 0x1f) << 3;
    mark.writeUInt16BE(0xffff, n * 5 + 3);
  }
  return mark;
};

/** Compresses the lines of a pack, with its mark. */
export const encodeV1Body = async (raw: Buffer, key: SegmentKey, id: number): Promise<Buffer> => {
  if (raw.length === 0) return EMPTY_BODY;
  const body = await deflateAsync(raw, { level: 1 });
  return Buffer.concat([body.subarray(0, 2), markOf(key, id), body.subarray(2)]);
};

/** In memory of about its size: what was taken for more is given back. */
const ofItsSize = (raw: Buffer): Buffer => {
  if (raw.buffer.byteLength <= 1.5 * raw.length) return raw;
  const own = Buffer.allocUnsafeSlow(raw.length);
  raw.copy(own);
  free(raw);
  return own;
};

/** The lines of a body; throws `corrupt` for what is no whole zlib stream, `limit` above `rawBytes`. */
export const decodeV1Body = async (body: Buffer, rawBytes: number): Promise<Buffer> => {
  try {
    // One output chunk makes one trip to the pool: logs grow to the eightfold or so.
    const chunkSize = Math.min(rawBytes, MOST_CHUNK, Math.max(LEAST_CHUNK, body.length * 10));
    return ofItsSize(await inflateAsync(body, { maxOutputLength: rawBytes, chunkSize }));
  } catch (error) {
    if (
      error instanceof RangeError ||
      (error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE')
    )
      throw new LogdError('limit', `The body has more than ${rawBytes} raw bytes.`, { cause: error });
    throw new LogdError('corrupt', `The body is no whole zlib stream: ${messageOf(error)}.`, {
      cause: error,
    });
  }
};
