/**
 * The JSON headers of wire v2's frames. docs/PROTOCOL.md has their meaning; here are their fields and bounds.
 *
 * Integers are at most 2^53-1. Fields that are not known are ignored, so that later versions may add some; a missing or
 * malformed field breaks the protocol, except in a PACK, whose sender gets a NACK for it (see readPack).
 */
import { z } from 'zod';
import { LogdError } from '../../error.ts';
import { checkSegmentKey } from '../../pack/name.ts';
import { MOST_HOPS, type PackHeader } from '../../pack/pack.ts';
import type { FrameHead } from './frame.ts';
import type { NackCode } from '../../pack/answer.ts';
import type { PeerLimits } from '../transport.ts';

/** The only version there is. */
export const VERSION = 2;
/** Most numbers in one ACK: they fit into a header whatever their digits. */
export const ACK_SEQS = 512;
/** Most characters of a message. */
export const MESSAGE_CHARS = 1000;

const REFUSE_CODES = ['token', 'version', 'busy', 'name', 'closing', 'protocol', 'limit', 'timeout'] as const;
/** Most hours in one HAVE, and most runs of packs in the WANT that answers it. */
export const HAVE_SEGMENTS = 32;
export const WANT_RUNS = 256;
/** Most runs of packs in a WANT that asks for them, and in a CANNOT: they fit into a header whatever their names. */
export const ASKED_RUNS = 64;

/** Why a connection is closed, or not let in. */
export type RefuseCode = (typeof REFUSE_CODES)[number];

const NACK_CODES = [
  'corrupt',
  'digest',
  'invalid',
  'name',
  'limit',
  'conflict',
  'storage',
  'closing',
] as const satisfies NackCode[];

const natural = z.int().min(0);
const positive = z.int().min(1);
/** May be negative: a file's modification time may lie before 1970. Bounded by what a Date can hold. */
const time = z.int().min(-8.64e15).max(8.64e15);
const name = z.string().max(1000);
const message = z.string().max(4 * MESSAGE_CHARS);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'is not 64 lower-case hex digits');
const seq = positive;
/** A client's name for one sending of a pack. */
const sending = z.string().min(1).max(64);

const limits = z.object({
  windowPacks: positive,
  windowBytes: positive,
  bodyBytes: positive,
  rawBytes: positive,
});
limits satisfies z.ZodType<PeerLimits>;

const segmentKey = { host: name, stream: name, hour: name };
const totals = { packs: positive, lines: natural, bytes: natural, sha256 };

/** The fields of a pack, without what they say about each other. */
export const packHeader = z.object({
  host: z.string(),
  stream: z.string(),
  hour: z.string(),
  id: positive,
  generation: positive,
  offset: natural,
  bytes: natural,
  lines: natural,
  checksum: natural.max(0xffff_ffff),
  sha256,
  codec: z.enum(['none', 'zstd']),
  time,
  done: z.object({ ...totals, hoursInDay: natural.max(48) }).exactOptional(),
  route: z
    .array(z.object({ node: z.string().max(64), received: time, sent: time }))
    .max(MOST_HOPS)
    .exactOptional(),
  lost: z
    .object({ reason: z.enum(['source-vanished', 'source-truncated', 'source-changed']), bytes: natural })
    .exactOptional(),
});

type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;
type True<T extends true> = T;
/** Does not compile unless the schema and the interface say the same. */
export type PackHeaderIsWhole = True<Same<z.output<typeof packHeader>, PackHeader>>;

const ledger = z.object({
  id: z.string().min(1).max(64),
  start: z.string().min(1).max(64),
  counter: natural,
});
const MESSAGES = {
  HELLO: z.object({
    versions: z.array(z.int().min(1).max(255)).min(1).max(16),
    node: name,
    software: z.string().max(64),
    token: z.string().min(1).max(1024).exactOptional(),
    time,
    repull: z.literal(true).exactOptional(),
    process: z.string().min(1).max(64).exactOptional(),
  }),
  WELCOME: z.object({
    version: z.literal(VERSION),
    node: name,
    software: z.string().max(64),
    limits,
    time,
    ledger: ledger.exactOptional(),
    /** Packs of this client that an earlier connection broke off; without `from` they came whole. */
    begun: z
      .array(z.object({ sending, from: positive.exactOptional() }))
      .max(2)
      .exactOptional(),
  }),
  // Codes may be added later: a refusal is a refusal, and `retryable` says what to do about a pack.
  REFUSE: z.object({ code: z.string().max(32), message }),
  PACK: z.object({ seq, sending: sending.exactOptional(), from: natural.exactOptional() }),
  ACK: z.object({ seqs: z.array(seq).min(1).max(ACK_SEQS), ledger: ledger.exactOptional() }),
  /** `have`: the answer to a HAVE, not to a PACK. */
  NACK: z.object({
    seq,
    code: z.enum(NACK_CODES).catch('invalid'),
    message,
    retryable: z.boolean(),
    have: z.literal(true).exactOptional(),
  }),
  HAVE: z.object({
    seq,
    mark: ledger.exactOptional(),
    segments: z.array(z.object({ host: name, stream: name, hour: name, packs: positive })).max(HAVE_SEGMENTS),
    sources: z
      .array(
        z.object({
          host: name,
          stream: name,
          hour: name,
          generation: positive,
          source: z.enum(['same', 'changed', 'gone']),
          place: message.exactOptional(),
        }),
      )
      .max(HAVE_SEGMENTS)
      .exactOptional(),
  }),
  /** The answer to a HAVE has `seq` and `runs`; one that asks for packs again has `packs` alone. */
  WANT: z.object({
    seq: seq.exactOptional(),
    knows: z.boolean().exactOptional(),
    unknown: z.array(natural).max(HAVE_SEGMENTS).exactOptional(),
    runs: z
      .array(z.object({ segment: natural, from: positive, to: positive }))
      .max(WANT_RUNS)
      .exactOptional(),
    packs: z
      .array(z.object({ ...segmentKey, from: positive, to: positive.exactOptional() }))
      .max(ASKED_RUNS)
      .exactOptional(),
  }),
  CANNOT: z.object({
    packs: z
      .array(
        z.object({ ...segmentKey, from: positive, to: positive.exactOptional(), reason: z.string().max(32) }),
      )
      .max(ASKED_RUNS),
  }),
  PING: z.object({}),
  PONG: z.object({}),
  BYE: z.object({}),
};

export type Message<Type extends keyof typeof MESSAGES> = z.output<(typeof MESSAGES)[Type]>;

/** Checks the header of a frame of this type; throws `protocol`. Of a PACK only what is not the pack's own is read. */
export const readMessage = <Type extends keyof typeof MESSAGES>(
  type: Type,
  head: FrameHead,
): Message<Type> => {
  if (head.type !== type)
    throw new LogdError('protocol', `A ${head.type} frame came where only ${type} is allowed.`);
  const result = MESSAGES[type].safeParse(head.header);
  if (!result.success)
    throw new LogdError('protocol', `A ${type} frame is malformed: ${firstIssue(result.error)}.`);
  return result.data as Message<Type>;
};

const firstIssue = (error: z.ZodError): string => {
  const issue = error.issues[0];
  return issue === undefined
    ? 'no reason known'
    : `${issue.path.join('.') || 'the header'}: ${issue.message}`;
};

/** A REFUSE that another try may not meet. */
export const isRetryable = (code: string): boolean =>
  code === 'busy' || code === 'closing' || code === 'timeout';

/** Shortens a text to what a message may hold. */
export const shorten = (text: string): string =>
  text.length <= MESSAGE_CHARS ? text : `${text.slice(0, MESSAGE_CHARS - 1)}…`;

/** What is wrong with a pack that cannot even be looked at. */
export interface PackFault {
  readonly code: NackCode;
  readonly message: string;
  /** Only what happened on the way may be different next time. */
  readonly retryable: boolean;
}

const forGood = (code: NackCode, message: string): PackFault => ({ code, message, retryable: false });

/**
 * Reads the header of a PACK frame and checks everything that can be known without its body: fields, names, limits, that they
 * do not contradict each other, and that the body has the length they say. A client checks its packs before they leave, so a
 * body of another length was changed on the way, and the same pack may arrive whole next time: `corrupt`. `bodyBytes` is the length of
 * the whole body where the frame has only the rest of it.
 */
export const readPack = (
  head: FrameHead,
  limits: PeerLimits,
  bodyBytes = head.bodyBytes,
): PackHeader | PackFault => {
  const result = packHeader.safeParse(head.header);
  if (!result.success)
    return forGood('invalid', `The pack's header is malformed: ${firstIssue(result.error)}.`);
  const header = result.data;
  const fault = checkPack(header, bodyBytes, limits);
  if (fault !== undefined) return fault;
  const damage = findWrongLength(header, bodyBytes);
  return damage === undefined
    ? header
    : { code: 'corrupt', message: `The pack was damaged on the way: ${damage}.`, retryable: true };
};

/** Names, limits, and what the header says about itself. */
const checkPack = (header: PackHeader, bodyBytes: number, limits: PeerLimits): PackFault | undefined => {
  try {
    checkSegmentKey(header);
  } catch (error) {
    return forGood('name', error instanceof LogdError ? error.message : 'The name is not allowed.');
  }
  if (header.bytes > limits.rawBytes)
    return forGood(
      'limit',
      `The pack has ${header.bytes} raw bytes: at most ${limits.rawBytes} are allowed.`,
    );
  if (bodyBytes > limits.bodyBytes)
    return forGood(
      'limit',
      `The pack's body has ${bodyBytes} bytes: at most ${limits.bodyBytes} are allowed.`,
    );
  return contradicts(findContradiction(header));
};

/** What a client asks before it sends: as {@link readPack}, but nothing can have happened on the way yet. */
export const checkOwnPack = (
  header: PackHeader,
  bodyBytes: number,
  limits: PeerLimits,
): PackFault | undefined =>
  checkPack(header, bodyBytes, limits) ?? contradicts(findWrongLength(header, bodyBytes));

const contradicts = (what: string | undefined): PackFault | undefined =>
  what === undefined ? undefined : forGood('invalid', `The pack contradicts itself: ${what}.`);

/** How the length of the body differs from what the header says about it. */
const findWrongLength = ({ bytes, codec, lost }: PackHeader, bodyBytes: number): string | undefined => {
  if (lost !== undefined)
    return bodyBytes > 0 ? `its bytes are lost, and it has a body of ${bodyBytes} bytes` : undefined;
  if (codec === 'none' && bodyBytes !== bytes)
    return `a body of ${bodyBytes} bytes, uncompressed, for ${bytes} bytes`;
  return bytes > 0 && bodyBytes === 0 ? `no body for ${bytes} bytes` : undefined;
};

const findContradiction = (header: PackHeader): string | undefined => {
  const { done, lost } = header;
  const end = header.offset + header.bytes;
  if (!Number.isSafeInteger(end)) return 'it ends above byte 2^53-1';
  if (lost === undefined && header.lines > header.bytes)
    return `${header.lines} newlines in ${header.bytes} bytes`;
  if (done === undefined) return undefined;
  if (done.packs !== header.id)
    return `the last pack has id ${header.id}, and the segment ${done.packs} packs`;
  if (done.lines > done.bytes) return `the segment has ${done.lines} newlines in ${done.bytes} bytes`;
  if (lost !== undefined) return undefined;
  if (done.bytes !== end) return `the last pack ends at byte ${end}, and the segment at ${done.bytes}`;
  if (done.lines < header.lines)
    return `the last pack has ${header.lines} newlines, and the segment ${done.lines}`;
  if (done.sha256 !== header.sha256) return 'the last pack and the segment have different digests';
  return undefined;
};

/** What a header that may be faulty says of its pack, for events: escaped and cut, because it is whatever a client sent. */
export const namesIn = (
  header: object,
): { readonly host: string; readonly stream: string; readonly hour: string; readonly id: number } => {
  const text = (field: string): string =>
    JSON.stringify(String(Reflect.get(header, field)))
      .slice(1, -1)
      .slice(0, 80);
  const id = Number(Reflect.get(header, 'id')) || 0;
  return { host: text('host'), stream: text('stream'), hour: text('hour'), id };
};

export const isFault = (result: PackHeader | PackFault): result is PackFault => 'code' in result;
