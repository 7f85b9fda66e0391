/**
 * What the ledger keeps of outputs: a row for each output, and one for each output × segment that it has worked on.
 *
 * Invariants
 * - A position and the counts of what was delivered up to it are written in one transaction, after the destination has it.
 *   A crash in between repeats an item, which is harmless by the contract of outputs.
 * - `seen` is a change number: every segment whose last change is at or below it needs nothing of this output any more.
 */
import type { SegmentKey } from '../pack/pack.ts';
import type { SegmentRecord } from './ledger.ts';

/** An output as the ledger has it. */
export interface OutputRecord {
  readonly name: string;
  readonly paused: boolean;
  /** `beginning`, `now` or an hour: what the output began with. */
  readonly start: string;
  /** Unix milliseconds: when the output was first there. With `start: now`, hours that began before are not delivered. */
  readonly addedAt: number;
  readonly seen: number;
}

/** Where an output is in a segment. */
export interface Position {
  /** Unit hour: the generation that was delivered; 0 before. Unit pack: the highest generation of a delivered pack. */
  readonly generation: number;
  /** Unit pack: the next pack id; 1 at the beginning. */
  readonly nextId: number;
}

/** How far an output has come in a segment. */
export interface Delivery extends SegmentKey, Position {
  readonly output: string;
  readonly delivered: number;
  readonly dropped: number;
  readonly rejected: number;
  /** Failed attempts in a row at the next item. */
  readonly attempts: number;
  /** Unix milliseconds; 0 where nothing failed. */
  readonly nextTry: number;
  /** Why the last attempt failed: one sentence. */
  readonly error?: string;
  /** The error is final: the segment waits for a person. */
  readonly stuck: boolean;
}

/** A segment and the number of its last change. */
export interface Change {
  readonly change: number;
  readonly segment: SegmentRecord;
}

export interface Deliveries {
  outputs(): Promise<OutputRecord[]>;
  /** Adds an output; one that is there keeps all it has. */
  addOutput(name: string, start: string, at: number): Promise<OutputRecord>;
  pauseOutput(name: string, paused: boolean): Promise<void>;
  /** Removes an output and all its positions. */
  forgetOutput(name: string): Promise<void>;
  /** Segments whose last change is above `after`, in order of change. */
  changes(after: number, limit: number): Promise<Change[]>;
  /** The number of the last change; 0 in an empty ledger. */
  newestChange(): Promise<number>;
  /** Moves `seen` of an output up. */
  sawChanges(output: string, seen: number): Promise<void>;
  delivery(output: string, key: SegmentKey): Promise<Delivery | undefined>;
  /**
   * Writes a delivery: position and counts in one. With `from`, only where the ledger's position is still that one; resolves with
   * false, and writes nothing, where a replay has set it back meanwhile.
   */
  setDelivery(delivery: Delivery, from?: Position): Promise<boolean>;
  /** Deliveries of an output in order of host, stream, hour; of hours that begin with `hour`, where given. */
  deliveries(
    output: string,
    filter: { readonly hour?: string | undefined },
    page: { readonly after?: SegmentKey; readonly limit: number },
  ): Promise<Delivery[]>;
  /** Deliveries that failed and wait, soonest try first. */
  failing(output: string, limit: number): Promise<Delivery[]>;
  /** Sets positions and counts of hours `from` to `to` (labels, inclusive) back to the beginning; resolves with their number. */
  replay(output: string, from: string, to: string): Promise<number>;
  /** Lets stuck deliveries be tried again at once; resolves with their number. */
  retryStuck(output: string): Promise<number>;
}
