/**
 * The contract of whoever takes packs. The commit stage of a sink is one: an ack means durable in its store and its ledger. A relay, which does
 * not look into bodies, takes packs from its listener without a receiver and keeps the same rules: see spool/forwarder.ts.
 *
 *   listener ─ pack ─▶ receiver ─ put() ─▶ target ─ durable ─▶ answer ─▶ listener ─ ACK or NACK
 *
 * - An ack means durable here: it survives `kill -9` and power loss.
 * - put() is called in order of arrival on each connection, without waiting for earlier answers. A target that needs that order
 *   for each segment takes its place in the queue before it first awaits anything.
 * - A refusal is an answer only while we have not acked. What is refused later, such as by the next hop of a relay, never travels
 *   back: the sender has forgotten the pack. The target keeps it durably, shows it (event, status), and retries it or holds it
 *   for a person.
 */
import type { Answer } from '../pack/answer.ts';
import type { PackHeader, SegmentKey, VerifiedPack } from '../pack/pack.ts';
import type { Peer } from '../transport/transport.ts';

/** A pack that has arrived and may still be being decoded. */
export interface ArrivingPack {
  readonly header: PackHeader;
  /** As it travelled. Valid until put() has resolved. */
  readonly body: Buffer;
  /** The pack with its raw bytes, proven against its header. Rejects with a retryable `corrupt`. */
  readonly verified: Promise<VerifiedPack>;
  /** The raw bytes are needed no more. A target calls it exactly once, whatever becomes of the pack. */
  release(): void;
}

export interface PackTarget {
  /** Takes one pack. Never rejects: what goes wrong is a refusal. */
  put(pack: ArrivingPack, from: Peer): Promise<Answer>;
  /**
   * Resolves when packs of the segment can be taken again; undefined while they can. Until then they wait without memory for their raw bytes.
   * Never rejects. Packs that were put before do not wait for it.
   */
  ready?(segment: SegmentKey): Promise<void> | undefined;
  /** Resolves when every pack given has its answer. */
  idle(): Promise<void>;
}
