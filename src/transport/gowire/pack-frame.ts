/**
 * Packs of wire v1, as the Go system sends them.
 *
 *   size  field    value
 *      4  length   unsigned varint of the header's bytes H, padded with zeros: `d3 01 00 00` is 211
 *      H  header   UTF-8 JSON `{"Route":[{…},…],"PackLen":B}`, keys sorted; every value of a route is a string
 *      B  body     zlib of whole lines
 *
 *   Route[0]   ip, hour (2026112216), id (from 1), lines, stage "make pack", st, ed, elapse; perhaps done "1", repull "1"
 *   Route[1…]  one for each receiver passed: ip, stage "tcp recv", st, ed, elapse
 *
 * Invariants: length, header and PackLen are each checked against their limits before memory is taken for what they announce. Bytes come in
 * any chunking, also inside the length and the header, and any number of packs in one chunk. Unknown keys and further routes pass.
 * Recovery: none. A malformed header is answered with `wrong header`, and the connection is closed.
 */
import { isIP } from 'node:net';
import { grown } from '../body-shares.ts';
import { LogdError } from '../../error.ts';
import { free } from '../../pack/codec.ts';
import { isHourLabel } from '../../pack/name.ts';

const LENGTH_BYTES = 4;
/** Most bytes of a header: some 300 relays. */
export const V1_HEADER_BYTES = 64 * 1024;
const NATURAL = /^\d{1,15}$/;

export type V1Route = Readonly<Record<string, string>>;

/** What the header of a pack says, checked. */
export interface V1Pack {
  /** An IP address. */
  readonly ip: string;
  readonly hour: string;
  readonly id: number;
  readonly lines: number;
  readonly done: boolean;
  readonly repull: boolean;
  /** All routes as they came, ours not added. */
  readonly route: readonly V1Route[];
  readonly bodyBytes: number;
}

export interface V1Limits {
  readonly headerBytes: number;
  readonly bodyBytes: number;
}

const wrong = (why: string): LogdError => new LogdError('protocol', `Wrong header: ${why}.`);

/** The 4 bytes of a length. */
export const encodeV1Length = (length: number): Buffer => {
  if (length >= 1 << 21) throw new LogdError('limit', `A header of ${length} bytes does not fit wire v1.`);
  const bytes = Buffer.alloc(LENGTH_BYTES);
  let rest = length;
  for (let at = 0; rest > 0 || at === 0; at++) {
    bytes[at] = (rest & 0x7f) | (rest > 0x7f ? 0x80 : 0);
    rest >>>= 7;
  }
  return bytes;
};

/** Reads 4 bytes; throws `protocol` where they are no varint padded with zeros. */
export const readV1Length = (bytes: Buffer): number => {
  let length = 0;
  for (let at = 0; at < LENGTH_BYTES; at++) {
    const byte = bytes[at]!;
    length += (byte & 0x7f) * 2 ** (7 * at);
    if (byte > 0x7f) continue;
    if (bytes.subarray(at + 1, LENGTH_BYTES).some((rest) => rest !== 0))
      throw wrong('its length is no padded varint');
    return length;
  }
  throw wrong('its length has more than 28 bits');
};

/** A whole pack as one buffer: a Go receiver loses a header that arrives in two pieces. */
export const encodeV1Pack = (route: readonly V1Route[], body: Buffer): Buffer => {
  const sorted = route.map((one) =>
    Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1))),
  );
  const json = Buffer.from(JSON.stringify({ Route: sorted, PackLen: body.length }));
  return Buffer.concat([encodeV1Length(json.length), json, body]);
};

const routesOf = (header: unknown): V1Route[] => {
  const routes: unknown = (header as { readonly Route?: unknown } | null)?.Route;
  if (!Array.isArray(routes) || routes.length === 0) throw wrong('it has no Route');
  return routes.map((route: unknown) => {
    if (typeof route !== 'object' || route === null || Array.isArray(route))
      throw wrong('a route is no object');
    // What is no string is of a later version; it does not concern us.
    return Object.fromEntries(
      Object.entries(route).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
    );
  });
};

/** Reads a header's JSON; throws `protocol` (malformed) or `limit`. */
export const readV1Header = (json: Buffer, limits: V1Limits): V1Pack => {
  let header: unknown;
  try {
    header = JSON.parse(json.toString());
  } catch {
    throw wrong('it is not JSON');
  }
  const route = routesOf(header);
  const { ip = '', hour = '', id = '', lines = '0', done, repull } = route[0]!;
  if (isIP(ip) === 0 || ip.includes('%')) throw wrong('its ip is no address');
  if (!isHourLabel(hour) || hour.length !== 10) throw wrong('its hour is no hour');
  if (!NATURAL.test(id) || Number(id) < 1) throw wrong('its id is no positive number');
  if (!NATURAL.test(lines)) throw wrong('its lines are no number');
  const bodyBytes = (header as { readonly PackLen?: unknown }).PackLen;
  if (typeof bodyBytes !== 'number' || !Number.isSafeInteger(bodyBytes) || bodyBytes < 0)
    throw wrong('its PackLen is no length');
  if (bodyBytes > limits.bodyBytes)
    throw new LogdError('limit', `A body of ${bodyBytes} bytes: at most ${limits.bodyBytes} are allowed.`);
  return {
    ...{ ip, hour, id: Number(id), lines: Number(lines), route, bodyBytes },
    ...{ done: done === '1', repull: repull === '1' },
  };
};

/** Decodes packs from bytes in any chunking: push(chunk), then head() and body() until undefined. Throws `protocol` or `limit`. */
export class V1Decoder {
  readonly #limits: V1Limits;
  #chunks: Buffer[] = [];
  #waiting = 0;
  #headerBytes: number | undefined;
  #body: { buffer: Buffer; filled: number } | undefined;

  constructor(limits: V1Limits) {
    this.#limits = limits;
  }

  /** True when the bytes so far end inside a pack. */
  get midPack(): boolean {
    return this.#waiting > 0 || this.#headerBytes !== undefined || this.#body !== undefined;
  }

  /** Hands over bytes, for good. */
  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#waiting += chunk.length;
  }

  /** The next pack's header once it is whole. The body of the one before must have been taken. */
  head(): V1Pack | undefined {
    if (this.#headerBytes === undefined) {
      if (this.#waiting < LENGTH_BYTES) return undefined;
      const length = readV1Length(this.#take(LENGTH_BYTES));
      if (length < 2) throw wrong('it is empty');
      if (length > this.#limits.headerBytes)
        throw new LogdError(
          'limit',
          `A header of ${length} bytes: at most ${this.#limits.headerBytes} are allowed.`,
        );
      this.#headerBytes = length;
    }
    if (this.#waiting < this.#headerBytes) return undefined;
    const pack = readV1Header(this.#take(this.#headerBytes), this.#limits);
    this.#headerBytes = undefined;
    return pack;
  }

  /** Bytes of the body of the pack whose head came last that have been read. */
  get bodyArrived(): number {
    return this.#body?.filled ?? 0;
  }

  /** The body of the pack whose head came last, once it is whole. Takes memory for at most `room` bytes of it: more calls may allow more. */
  body({ bodyBytes }: V1Pack, room = bodyBytes): Buffer | undefined {
    const body = (this.#body ??= { buffer: Buffer.alloc(0), filled: 0 });
    body.buffer = grown(body.buffer, body.filled, Math.min(room, bodyBytes));
    while (body.filled < body.buffer.length && this.#chunks.length > 0)
      body.filled += this.#copy(body.buffer, body.filled);
    if (body.filled < bodyBytes) return undefined;
    this.#body = undefined;
    return body.buffer;
  }

  #take(length: number): Buffer {
    const taken = Buffer.alloc(length);
    let filled = 0;
    while (filled < length) filled += this.#copy(taken, filled);
    return taken;
  }

  #copy(target: Buffer, from: number): number {
    const chunk = this.#chunks[0]!;
    const copied = chunk.copy(target, from);
    if (copied === chunk.length) {
      this.#chunks.shift();
      // A socket's read is memory of its own; left to the garbage collector it makes it run all the time.
      if (chunk.length === chunk.buffer.byteLength) free(chunk);
    } else this.#chunks[0] = chunk.subarray(copied);
    this.#waiting -= copied;
    return copied;
  }
}
