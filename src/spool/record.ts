/**
 * One pack in a file of the spool. A file is records end to end and nothing else.
 *
 *   offset  size  field           all integers unsigned, big endian
 *        0     4  magic           `LSP1`
 *        4     4  header length   H, bytes of the JSON header: 2 to 65,536
 *        8     4  body length     B
 *       12     4  head crc        CRC-32 of bytes 0 to 11 followed by the JSON header
 *       16     4  body crc        CRC-32 of the body
 *       20     H  JSON header     `{"spooled":<Unix ms>,"pack":<header of the pack, with its route>,"refused":"why"?}`
 *     20+H     B  body            as it came, never compressed again
 *
 * Invariants: a record is written once and never changed. A pack is acknowledged only after the record is fsynced.
 * Recovery: what is not a whole record is damage to the disk. It is named, and reading goes on at the next whole head; so is a body whose
 * crc is wrong. At the end of the newest file it may be a torn write, whose pack was not acknowledged, and is cut off.
 */
import { crc32 } from 'node:zlib';
import { LogdError } from '../error.ts';
import type { Pack, PackHeader } from '../pack/pack.ts';

export const RECORD_PREFIX = 20;
const MAGIC = 0x4c53_5031;
/** How a record begins. */
export const RECORD_MAGIC = Buffer.from('LSP1');
const MOST_HEADER = 65_536;

/** What is kept about a pack beside its body. */
export interface RecordHeader {
  /** When the spool took it: Unix milliseconds. */
  readonly spooled: number;
  readonly pack: PackHeader;
  /** Why the next hop refused it for good. */
  readonly refused?: string;
}

/** Lengths that a record's first bytes claim; undefined when they are not the start of a record. */
export interface RecordLengths {
  readonly header: number;
  readonly body: number;
}

/** The record's bytes before its body. */
export const encodeRecordHead = (header: RecordHeader, body: Buffer): Buffer => {
  const json = JSON.stringify(header);
  const length = Buffer.byteLength(json);
  if (length > MOST_HEADER)
    throw new LogdError(
      'limit',
      `The header of a spooled pack has ${length} bytes: at most ${MOST_HEADER} fit.`,
    );
  const head = Buffer.allocUnsafeSlow(RECORD_PREFIX + length);
  head.writeUInt32BE(MAGIC, 0);
  head.writeUInt32BE(length, 4);
  head.writeUInt32BE(body.length, 8);
  head.write(json, RECORD_PREFIX);
  head.writeUInt32BE(crc32(head.subarray(RECORD_PREFIX), crc32(head.subarray(0, 12))), 12);
  head.writeUInt32BE(crc32(body), 16);
  return head;
};

/** Reads the prefix; `left` is how many bytes the file has from the record's first byte on. */
export const readLengths = (prefix: Buffer, left: number): RecordLengths | undefined => {
  if (prefix.length < RECORD_PREFIX || prefix.readUInt32BE(0) !== MAGIC) return undefined;
  const [header, body] = [prefix.readUInt32BE(4), prefix.readUInt32BE(8)];
  if (header < 2 || header > MOST_HEADER || RECORD_PREFIX + header + body > left) return undefined;
  return { header, body };
};

/** The header, or undefined when its crc is wrong. */
export const readRecordHeader = (prefix: Buffer, json: Buffer): RecordHeader | undefined =>
  crc32(json, crc32(prefix.subarray(0, 12))) === prefix.readUInt32BE(12)
    ? (JSON.parse(json.toString()) as RecordHeader)
    : undefined;

/** True when the body is what was written. */
export const isBodyWhole = (prefix: Buffer, body: Buffer): boolean => crc32(body) === prefix.readUInt32BE(16);

/** A whole record in memory, such as a file of the refused packs; undefined when it is damaged. */
export const decodeRecord = (bytes: Buffer): (RecordHeader & { readonly body: Buffer }) | undefined => {
  const lengths = readLengths(bytes.subarray(0, RECORD_PREFIX), bytes.length);
  if (lengths === undefined) return undefined;
  const end = RECORD_PREFIX + lengths.header;
  const header = readRecordHeader(bytes, bytes.subarray(RECORD_PREFIX, end));
  const body = bytes.subarray(end, end + lengths.body);
  return header !== undefined && isBodyWhole(bytes, body) ? { ...header, body } : undefined;
};

/** The pack of a record. */
export const packOf = ({ pack }: RecordHeader, body: Buffer): Pack => ({ header: pack, body });
