/**
 * The contract of transports: how packs travel between nodes.
 *
 *   sending     connect ─▶ Upstream: limits, send → answer, ended
 *   receiving   listen.ts accepts ─▶ first bytes say which protocol ─▶ Protocol.serve ─▶ onPack ─▶ answer
 *
 * A transport is a folder beside this file that exports a {@link TransportKind}, and a line in registry.ts. Framing, hello, limits and
 * keep-alive are the business of its folder alone. Several protocols share one port: a listener tells callers apart.
 */
import type { Socket } from 'node:net';
import type { LogdError } from '../error.ts';
import type { LedgerMark } from '../pack/ledger-mark.ts';
import type { Answer } from '../pack/answer.ts';
import type { Pack, SegmentKey } from '../pack/pack.ts';
import type { SourceVerdict } from '../pack/source-verdict.ts';
import type { Clock } from '../telemetry/clock.ts';
import type { Emit } from '../telemetry/events.ts';
import type { BodyShares } from './body-shares.ts';
import type { BrokenOffPacks } from './broken-off.ts';
import type { NodeNames } from './node-names.ts';
import type { Conducts } from './conduct.ts';
import type { Guest } from './door.ts';
import type { Ticker } from './ticker.ts';

/** What a receiver allows, as it says in WELCOME. */
export interface PeerLimits {
  /** Most packs sent and not yet answered on one connection. */
  readonly windowPacks: number;
  /** Most body bytes sent and not yet answered on one connection; a single pack may always be sent. */
  readonly windowBytes: number;
  /** Most bytes in a body. */
  readonly bodyBytes: number;
  /** Most raw bytes in a pack. */
  readonly rawBytes: number;
}

/** What a host says of the files of an hour, as of a generation of it. */
export interface SourceReport extends SegmentKey, SourceVerdict {
  readonly generation: number;
}

/** What a sender asks of a ledger that may be an older copy of itself, or a new one in the place of a lost one. */
export interface LedgerQuestion {
  /** The last that was heard of the ledger. */
  readonly mark?: LedgerMark | undefined;
  /** Hours whose packs 1 to `packs` were acknowledged; at most 32. */
  readonly segments: readonly (SegmentKey & { readonly packs: number })[];
  /** What became of the files of hours after they were sent, to be taken down; at most 32. */
  readonly sources?: readonly SourceReport[] | undefined;
}

/** `knows`: all that was recorded as of the mark is there still; undefined where the mark is another ledger's, or none was given. */
export interface LedgerReply {
  readonly knows?: boolean | undefined;
  /** Places in `sources` of which the ledger does not have that generation: they were not taken down. */
  readonly unknown?: readonly number[] | undefined;
  /** Packs that the ledger does not have: of the segment at that place in the question. At most 256 runs: ask again after them. */
  readonly runs: readonly { readonly segment: number; readonly from: number; readonly to: number }[];
}

/** Rejects with a retryable LogdError where nobody can tell now. */
export type Ask = (question: LedgerQuestion) => Promise<LedgerReply>;

/** What a listener says of the ledger behind it. */
export interface LedgerSide {
  /** Undefined while it is not known. */
  mark(): LedgerMark | undefined;
  readonly ask: Ask;
}

/** Packs `from` to `to` of an hour; without `to`, all from there on. */
export interface WantedRun extends SegmentKey {
  readonly from: number;
  readonly to?: number;
}

/** Wanted packs that their agent cannot make again: `not-kept` (it does not remember their cuts any more), `unknown-hour`, or another word of a later version. */
export interface UnavailableRun extends WantedRun {
  readonly reason: string;
}

/** The sender's end of an open connection. */
export interface Upstream extends AsyncDisposable {
  /** The other node's name, from WELCOME. */
  readonly node: string;
  readonly limits: PeerLimits;
  /**
   * Sends a pack. Resolves with the answer; rejects with a LogdError when the connection ends before. Does not itself wait for
   * the window: the sender counts what is unanswered against {@link limits}. `sending`: a name that it has each time it is tried again
   * over another connection, and that no other pack or later sending has; the other side may go on where it broke off then.
   */
  send(pack: Pack, sending?: string): Promise<Answer>;
  /** How far the ledger behind it has come, as was last said; undefined where it says nothing of one. */
  readonly ledger?: LedgerMark | undefined;
  /** Asks that ledger, one question at a time. */
  readonly ask?: Ask;
  /** Says that packs which the other side wants again cannot be made. */
  cannot?(runs: readonly UnavailableRun[]): void;
  /** Resolves (never rejects) when the connection has ended, with the reason. */
  readonly ended: Promise<LogdError>;
}

/** Where a pack came from. */
export interface Peer {
  /** The node name of HELLO. */
  readonly node: string;
  /** Remote address and port, for messages. */
  readonly address: string;
}

/** The receiver's side: called in order of arrival per connection, without waiting for earlier answers. Must not reject. */
export type OnPack = (pack: Pack, peer: Peer) => Promise<Answer>;

/** A pack of a system that knows neither streams nor offsets nor digests: an input puts it in order. */
export interface LoosePack {
  readonly host: string;
  readonly hour: string;
  readonly id: number;
  readonly lines: number;
  readonly done: boolean;
  /** zlib. */
  readonly body: Buffer;
}

/** Takes such a pack; an ack means durable. Must not reject. */
export type OnLoosePack = (pack: LoosePack) => Promise<Answer>;

/** Where a sender connects to. */
export interface UpstreamTarget {
  /** Of the transport. */
  readonly kind: string;
  readonly address: { readonly host: string; readonly port: number };
  /** The only stream that is sent there, where the transport knows no streams. */
  readonly stream?: string | undefined;
}

/** What a sender says of itself, and who calls the attempt off. */
export interface ConnectDeps {
  /** Our name. */
  readonly node: string;
  /** What we call ourselves, such as `logd/0.1.0`. */
  readonly software: string;
  readonly token?: string | undefined;
  readonly clock: Clock;
  /** Called when the other side wants packs again. Without it we do not say that we can be asked. */
  readonly onWant?: ((runs: readonly WantedRun[], upstream: Upstream) => void) | undefined;
  /** Ends the attempt; once connected it has no more effect, so that a drain can wait for answers. */
  readonly signal: AbortSignal;
}

/** What a node allows those who send to it, over all protocols of a listener. Timeouts are milliseconds. */
export interface ServerLimits extends PeerLimits {
  /** Of those that were let in. */
  readonly connections: number;
  /** Connections that have not said yet who they are; at most half of them from one address. */
  readonly strangers: number;
  /** Most body bytes in memory and not yet answered, over all connections; at least `bodyBytes`. */
  readonly inFlightBytes: number;
  /** With no byte from a client. Clients show signs of life every 15 s. */
  readonly idleTimeout: number;
  /** From a frame's first byte to its last. */
  readonly frameTimeout: number;
  /** From the connection's start until the client has said who it is. */
  readonly helloTimeout: number;
}

/** What all connections of a listener share. */
export interface Serving {
  readonly node: string;
  readonly software: string;
  /** The tokens of which clients must show one; undefined lets everyone in. */
  readonly tokens: (() => Promise<readonly string[]>) | undefined;
  readonly limits: ServerLimits;
  /** After so many milliseconds in which we sent nothing, we show that we are alive. */
  readonly pingInterval: number;
  readonly clock: Clock;
  readonly ticker: Ticker;
  /** How clients behave. */
  readonly conducts: Conducts;
  /** Memory for bodies. */
  readonly bodies: BodyShares;
  readonly brokenOff: BrokenOffPacks;
  /** Who is connected under which name. */
  readonly names: NodeNames;
  readonly emit: Emit;
  readonly onPack: OnPack;
  readonly ledger?: LedgerSide | undefined;
  /** Called when a client cannot make packs again that were wanted. */
  readonly onCannot?: ((runs: readonly UnavailableRun[], peer: Peer) => void) | undefined;
  /** Where packs of wire v1 go; undefined where it is not spoken. */
  readonly onLoosePack?: OnLoosePack | undefined;
}

/** A connection on the receiving side, from when its protocol is known. */
export interface PackConnection {
  /** Who sends, once that was said. */
  readonly peer: Peer | undefined;
  /** Says why, as far as the protocol can, and closes. */
  refuse(code: 'busy' | 'closing', message: string): void;
  /** Takes no new packs; closes once those on their way are answered. */
  drain(): void;
  destroy(): void;
  /** Whether packs of this host have come on it; undefined where it cannot be asked for packs again. */
  carries?(host: string): boolean | undefined;
  /** Asks for packs again. */
  want?(runs: readonly WantedRun[]): void;
  /** Called at each tick of the listener: cuts off whoever lets us wait too long. */
  tick(): void;
}

/** The receiving side of a transport that is spoken over TCP. */
export interface Protocol {
  /** For messages: `wire v2`. */
  readonly label: string;
  /** Whether a connection that begins with these bytes speaks it. `more`: they fit, and are too few to tell. */
  recognise(first: Buffer): 'yes' | 'no' | 'more';
  /**
   * Takes over a socket: `first` is all that has been read of it, `guest` says how long it has been here and lets it in. Without it
   * the protocol is known and not spoken here.
   */
  serve?(serving: Serving, socket: Socket, first: Buffer, guest: Guest): PackConnection;
  /** Whether a listener that shares this serves it at all; it does unless told. */
  isServed?(serving: Serving): boolean;
}

/** One transport: its name, how to send by it, and what a listener must know to receive by it. */
export interface TransportKind {
  readonly kind: string;
  readonly summary: string;
  /** Connects and waits to be let in. Rejects with a LogdError; `retryable` says whether waiting can help. Imports its code itself. */
  connect(target: UpstreamTarget, deps: ConnectDeps): Promise<Upstream>;
  readonly protocol?: Protocol;
}
