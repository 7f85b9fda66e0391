/**
 * The order of packs in a `.zst` file, and the sign of a file that was put in order.
 *
 * While a segment is open, each pack's zstd frame is appended as it arrives: the ledger's place says where it lies.
 * Frames of packs that were never recorded may lie between. Sealing writes the frames again in id order, unless they lie
 * so already; the ledger's places, which never change, do not match then. So a file that was rewritten, or that has no frames at
 * all, begins with a sign, a skippable zstd frame (RFC 8878, 3.1.2) that every decoder passes over:
 *
 *   byte  0  4  magic 0x184D2A5D, little-endian as all that follows
 *         4  4  24: the bytes that follow
 *         8  4  "logd"
 *        12  4  CRC-32 of bytes 16 to 31
 *        16  8  packs: N
 *        24  8  bytes: T, of the frames of packs 1 to N together
 *
 * Invariants
 * - In a file with a sign the packs 1..N lie end to end in id order from byte 32; a pack above N (late lines) lies where its
 *   place says, at 32 + T or behind.
 * - A stored pack begins with the magic of an ordinary zstd frame, so no body can be taken for a sign.
 * - A sign counts only where the recorded lengths of packs 1..N add up to T.
 * Recovery: the sign comes with the rename that puts the new file in the old one's stead, so a file has its old order or
 * its new one, and says which. Sealing again finds the new order and changes nothing.
 */
import type { FileHandle } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import type { PackRecord, RecordedSegment } from '../../ledger/ledger.ts';

export const SIGN_BYTES = 32;
const MAGIC = 0x184d2a5d;
const MARK = 'logd';

export interface Sign {
  readonly packs: number;
  readonly bytes: number;
}

export const encodeSign = (sign: Sign): Buffer => {
  const bytes = Buffer.alloc(SIGN_BYTES);
  bytes.writeUInt32LE(MAGIC, 0);
  bytes.writeUInt32LE(SIGN_BYTES - 8, 4);
  bytes.write(MARK, 8, 'latin1');
  bytes.writeBigUInt64LE(BigInt(sign.packs), 16);
  bytes.writeBigUInt64LE(BigInt(sign.bytes), 24);
  bytes.writeUInt32LE(crc32(bytes.subarray(16)), 12);
  return bytes;
};

export const decodeSign = (bytes: Buffer): Sign | undefined => {
  if (bytes.length < SIGN_BYTES || bytes.readUInt32LE(0) !== MAGIC) return undefined;
  if (bytes.readUInt32LE(4) !== SIGN_BYTES - 8 || bytes.toString('latin1', 8, 12) !== MARK) return undefined;
  if (bytes.readUInt32LE(12) !== crc32(bytes.subarray(16, SIGN_BYTES))) return undefined;
  return { packs: Number(bytes.readBigUInt64LE(16)), bytes: Number(bytes.readBigUInt64LE(24)) };
};

/** The sign that counts in this file, if there is one. */
export const readSign = async (handle: FileHandle, recorded: RecordedSegment): Promise<Sign | undefined> => {
  const start = Buffer.alloc(SIGN_BYTES);
  const { bytesRead } = await handle.read(start, 0, SIGN_BYTES, 0);
  const sign = decodeSign(start.subarray(0, bytesRead));
  if (sign === undefined) return undefined;
  let bytes = 0;
  for await (const { header, place } of recorded.packs()) {
    if (header.id > sign.packs) break;
    bytes += place.length;
  }
  return bytes === sign.bytes ? sign : undefined;
};

/** The recorded packs that have stored bytes, in id order, each with the place where it lies in a file with this sign. */
export async function* placedPacks(
  recorded: RecordedSegment,
  sign: Sign | undefined,
): AsyncGenerator<PackRecord> {
  let next = SIGN_BYTES;
  for await (const pack of recorded.packs()) {
    const { place, header } = pack;
    if (place.length === 0) continue;
    if (sign === undefined || header.id > sign.packs) yield pack;
    else yield { ...pack, place: { at: next, length: place.length } };
    next += place.length;
  }
}
