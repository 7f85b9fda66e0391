/**
 * Frames of wire v2: what both ends send after the client's preamble. docs/PROTOCOL.md is the specification.
 *
 *   offset  size  field          all integers unsigned, big endian
 *        0     1  type           see FRAME_TYPES
 *        1     1  flags          0
 *        2     2  reserved       0
 *        4     4  header length  H, bytes of the JSON header: 2 to 16,384
 *        8     4  body length    B; 0 in every type but PACK
 *       12     4  crc            CRC-32 (IEEE) of bytes 0 to 11 followed by the JSON header
 *       16     H  JSON header    one JSON object, UTF-8
 *     16+H     B  body
 *
 * Invariants: every length is checked against its limit before memory is taken; a body's buffer is taken only once the crc
 * has proven the head, and only as much of it as the caller allows; a body that is whole has a buffer of exactly its size.
 * Recovery: none. After one bad frame nothing that follows can be trusted, so the connection is closed.
 */
import { isUtf8 } from 'node:buffer';
import { crc32 } from 'node:zlib';
import { LogdError, messageOf } from '../../error.ts';
import { free } from '../../pack/codec.ts';
import { grown } from '../body-shares.ts';

export const FRAME_TYPES = {
  HELLO: 1,
  WELCOME: 2,
  REFUSE: 3,
  PACK: 4,
  ACK: 5,
  NACK: 6,
  WANT: 7,
  PING: 8,
  PONG: 9,
  BYE: 10,
  HAVE: 11,
  CANNOT: 12,
} as const;

export type FrameType = keyof typeof FRAME_TYPES;

/** Bytes before the JSON header. */
export const PREFIX_BYTES = 16;
/** Most bytes of a JSON header. */
export const HEADER_BYTES = 16 * 1024;
/** Most bytes of the JSON header of HELLO, the only frame that a stranger may send. */
export const HELLO_BYTES = 4 * 1024;

const CRC_AT = 12;
const NOTHING = Buffer.alloc(0);
const TYPE_NAMES = new Map<number, FrameType>();
for (const [name, code] of Object.entries(FRAME_TYPES)) TYPE_NAMES.set(code, name as FrameType);

/**
 * Encodes everything of a frame but its body, which the caller sends behind it as it is (so that it is never copied).
 * Throws `limit` where the JSON header is longer than {@link HEADER_BYTES}.
 */
export const encodeFrame = (type: FrameType, header: object, bodyBytes = 0): Buffer => {
  const json = JSON.stringify(header);
  const headerBytes = Buffer.byteLength(json);
  if (headerBytes > HEADER_BYTES)
    throw new LogdError(
      'limit',
      `The header of a ${type} frame has ${headerBytes} bytes: at most ${HEADER_BYTES} fit.`,
    );
  // Not allocUnsafe: a head that waits for its turn on a slow connection would keep 64 KiB of shared memory.
  const frame = Buffer.allocUnsafeSlow(PREFIX_BYTES + headerBytes);
  frame.writeUInt32BE(FRAME_TYPES[type] << 24, 0);
  frame.writeUInt32BE(headerBytes, 4);
  frame.writeUInt32BE(bodyBytes, 8);
  frame.write(json, PREFIX_BYTES);
  frame.writeUInt32BE(crc32(frame.subarray(PREFIX_BYTES), crc32(frame.subarray(0, CRC_AT))), CRC_AT);
  return frame;
};

/** A frame without its body. `header` is whatever JSON object came: messages.ts checks it. */
export interface FrameHead {
  readonly type: FrameType;
  readonly header: object;
  readonly bodyBytes: number;
}

/** What the decoder lets through at the moment. */
export interface FrameLimits {
  readonly headerBytes: number;
  readonly bodyBytes: number;
}

/**
 * Decodes frames from bytes in any chunking. Pull style, so that the caller decides when memory for a body is taken:
 * push(chunk), then head() until undefined; after a head with a body, body() or skip() until it gives something.
 * Throws LogdError `protocol` or `limit`, and the same again on every later call.
 */
export class FrameDecoder {
  /** May be changed between frames. */
  limits: FrameLimits;
  readonly #chunks: Buffer[] = [];
  /** Position in the first chunk. */
  #at = 0;
  readonly #prefix = Buffer.alloc(PREFIX_BYTES);
  #prefixBytes = 0;
  /** Every JSON header lies here until it is parsed; grows to the largest one. */
  #scratch = NOTHING;
  #json: Buffer | undefined;
  #jsonBytes = 0;
  #bodyBytes = 0;
  #bodyLeft = 0;
  #body: Buffer | undefined;
  /** A chunk whose memory is not ours to free. */
  #lent: Buffer | undefined;
  #broken: LogdError | undefined;

  constructor(limits: FrameLimits) {
    this.limits = limits;
  }

  /** True when the bytes pushed so far end inside a frame, or when a frame waits to be taken. */
  get midFrame(): boolean {
    return this.#prefixBytes > 0 || this.#bodyLeft > 0 || this.#chunks.length > 0;
  }

  /** Hands over bytes, for good: they are kept, not copied, until they are asked for; then their memory is freed. */
  push(chunk: Buffer): void {
    if (chunk.length > 0) this.#chunks.push(chunk);
  }

  /** The head of the next frame, once it is whole and proven. The body of the frame before must have been taken or skipped. */
  head(): FrameHead | undefined {
    if (this.#broken !== undefined) throw this.#broken;
    if (this.#bodyLeft > 0) throw new TypeError('The body of the frame before was neither taken nor skipped');
    try {
      return this.#head();
    } catch (error) {
      this.#broken =
        error instanceof LogdError ? error : new LogdError('protocol', messageOf(error), { cause: error });
      throw this.#broken;
    }
  }

  /** Bytes of the body of the frame whose head came last that have been read. */
  get bodyArrived(): number {
    return this.#bodyBytes - this.#bodyLeft;
  }

  /** The body of the frame whose head came last begins with these bytes, which came earlier: they are read before the frame's. Kept until then. */
  beginBody(bytes: Buffer): void {
    if (this.#at > 0) this.#chunks[0] = this.#chunks[0]!.subarray(this.#at);
    this.#at = 0;
    this.#chunks.unshift(bytes);
    this.#lent = bytes;
    this.#bodyBytes += bytes.length;
    this.#bodyLeft += bytes.length;
  }

  /** The body of the frame whose head came last, once it is whole. Takes memory for at most `room` bytes of it: more calls may allow more. */
  body(room = this.#bodyBytes): Buffer | undefined {
    if (this.#bodyLeft === 0) return NOTHING;
    const arrived = this.bodyArrived;
    this.#body = grown(this.#body, arrived, Math.min(room, this.#bodyBytes));
    this.#bodyLeft -= this.#fill(this.#body, arrived);
    if (this.#bodyLeft > 0) return undefined;
    const body = this.#body;
    this.#body = undefined;
    return body;
  }

  /** What has come of a body that is not whole yet. */
  get part(): Buffer | undefined {
    return this.#body?.subarray(0, this.bodyArrived);
  }

  /** Nothing more is wanted of what came: its memory is given back. */
  drop(): void {
    if (this.#body !== undefined) free(this.#body);
    this.#body = undefined;
    this.#chunks.length = 0;
  }

  /** Throws away the body of the frame whose head came last, without memory for it; true once that is done. */
  skip(): boolean {
    while (this.#bodyLeft > 0 && this.#chunks.length > 0) {
      const taken = Math.min(this.#bodyLeft, this.#chunks[0]!.length - this.#at);
      this.#bodyLeft -= taken;
      this.#consume(taken);
    }
    return this.#bodyLeft === 0;
  }

  #head(): FrameHead | undefined {
    const prefix = this.#prefix;
    if (this.#json === undefined) {
      this.#prefixBytes += this.#fill(prefix, this.#prefixBytes);
      if (this.#prefixBytes < PREFIX_BYTES) return undefined;
      checkPrefix(prefix, this.limits);
      const headerBytes = prefix.readUInt32BE(4);
      if (this.#scratch.length < headerBytes) this.#scratch = Buffer.allocUnsafeSlow(headerBytes);
      this.#json = this.#scratch.subarray(0, headerBytes);
      this.#jsonBytes = 0;
    }
    const json = this.#json;
    this.#jsonBytes += this.#fill(json, this.#jsonBytes);
    if (this.#jsonBytes < json.length) return undefined;
    if (crc32(json, crc32(prefix.subarray(0, CRC_AT))) !== prefix.readUInt32BE(CRC_AT))
      throw new LogdError(
        'protocol',
        'The checksum of a frame head is wrong: its bytes were changed on their way.',
      );
    const head = { type: typeOf(prefix), header: parseHeader(json), bodyBytes: prefix.readUInt32BE(8) };
    this.#json = undefined;
    this.#prefixBytes = 0;
    this.#bodyLeft = this.#bodyBytes = head.bodyBytes;
    return head;
  }

  /** Copies queued bytes to `target` from position `from` on; returns how many. */
  #fill(target: Buffer, from: number): number {
    let at = from;
    while (at < target.length && this.#chunks.length > 0) {
      const copied = this.#chunks[0]!.copy(target, at, this.#at);
      at += copied;
      this.#consume(copied);
    }
    return at - from;
  }

  #consume(bytes: number): void {
    this.#at += bytes;
    const chunk = this.#chunks[0]!;
    if (this.#at < chunk.length) return;
    this.#chunks.shift();
    this.#at = 0;
    // A socket's read is memory of its own; left to the garbage collector it makes it run all the time.
    if (chunk === this.#lent) this.#lent = undefined;
    else if (chunk.length === chunk.buffer.byteLength) free(chunk);
  }
}

const typeOf = (prefix: Buffer): FrameType => {
  const type = TYPE_NAMES.get(prefix[0]!);
  if (type === undefined) throw new LogdError('protocol', `A frame has the unknown type ${prefix[0]}.`);
  return type;
};

const checkPrefix = (prefix: Buffer, limits: FrameLimits): void => {
  const type = typeOf(prefix);
  if (prefix.readUInt32BE(0) << 8 !== 0)
    throw new LogdError('protocol', `A ${type} frame has flags that are not known here.`);
  const headerBytes = prefix.readUInt32BE(4);
  if (headerBytes < 2 || headerBytes > limits.headerBytes)
    throw new LogdError(
      'limit',
      `A ${type} frame claims a header of ${headerBytes} bytes: 2 to ${limits.headerBytes} are allowed.`,
    );
  const bodyBytes = prefix.readUInt32BE(8);
  const most = type === 'PACK' ? limits.bodyBytes : 0;
  if (bodyBytes > most)
    throw new LogdError(
      'limit',
      `A ${type} frame claims a body of ${bodyBytes} bytes: at most ${most} are allowed.`,
    );
};

/** Where the string ends that begins at `from` in JSON text: the position of its closing quote. */
const closingQuote = (text: string, from: number): number => {
  let at = text.indexOf('"', from + 1);
  for (;;) {
    let slashes = 0;
    while (text[at - 1 - slashes] === '\\') slashes++;
    if (slashes % 2 === 0) return at;
    at = text.indexOf('"', at + 1);
  }
};

const isSpace = (char: string | undefined): boolean =>
  char === ' ' || char === '\n' || char === '\r' || char === '\t';

/** Keys that are written in the text of a JSON value: strings with a colon behind them. */
const keysIn = (text: string): number => {
  let keys = 0;
  for (let from = text.indexOf('"'); from >= 0;) {
    let end = closingQuote(text, from) + 1;
    from = text.indexOf('"', end);
    while (isSpace(text[end])) end++;
    if (text[end] === ':') keys++;
  }
  return keys;
};

/** Keys of a JSON value and of all that is in it. */
const keysOf = (value: unknown): number => {
  if (typeof value !== 'object' || value === null) return 0;
  const inner: unknown[] = Object.values(value);
  return inner.reduce<number>((sum, each) => sum + keysOf(each), Array.isArray(value) ? 0 : inner.length);
};

const parseHeader = (json: Buffer): object => {
  if (!isUtf8(json)) throw new LogdError('protocol', 'A frame header is not UTF-8.');
  let header: unknown;
  const text = json.toString();
  try {
    header = JSON.parse(text);
  } catch (error) {
    throw new LogdError('protocol', `A frame header is not JSON: ${messageOf(error)}`, { cause: error });
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header))
    throw new LogdError('protocol', 'A frame header is not a JSON object.');
  if (keysIn(text) !== keysOf(header))
    throw new LogdError(
      'protocol',
      'A frame header has a key twice: nobody can say which of the two is meant.',
    );
  return header;
};
