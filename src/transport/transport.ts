/**
 * What the two ends of a connection offer to the stages above: the sender drives an {@link Upstream}, the receiver answers
 * packs that a server hands it. Framing, hello, limits and keep-alive are the business of this folder alone.
 */
import type { LogdError } from '../error.ts';
import type { Answer } from '../pack/answer.ts';
import type { Pack } from '../pack/pack.ts';

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

/** The agent's end of an open connection. */
export interface Upstream extends AsyncDisposable {
  /** The other node's name, from WELCOME. */
  readonly node: string;
  readonly limits: PeerLimits;
  /**
   * Sends a pack. Resolves with the answer; rejects with a LogdError when the connection ends before. Does not itself wait for
   * the window: the sender counts what is unanswered against {@link limits}.
   */
  send(pack: Pack): Promise<Answer>;
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
