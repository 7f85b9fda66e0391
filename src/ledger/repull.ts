/**
 * Packs that are wanted again. A command asks by a row in the ledger; the sink follows it, and writes what came of it into the same row.
 *
 *   waiting ─▶ asked, again and again ─▶ done     everything is here, and is what its agent read
 *                                     └▶ failed   something cannot be had any more; the note names it
 */
import type { SegmentKey } from '../pack/pack.ts';
import type { NewPlace, SegmentRecord } from './ledger.ts';

/** Ids `from` to `to`, both included. */
export interface IdRun {
  readonly from: number;
  readonly to: number;
}

/** One hour of which packs are wanted again. Times are Unix milliseconds. */
export interface RepullRequest extends SegmentKey {
  /** Only these; none for all of the hour that is missing or damaged. */
  readonly packs: readonly IdRun[];
  readonly state: 'waiting' | 'done' | 'failed';
  readonly requestedAt: number;
  /** When the note was last written. */
  readonly notedAt: number;
  /** What has come of it so far: one sentence. */
  readonly note?: string;
  /** The file whose content takes the place of what is stored, instead of packs from the agent: a path at the sink. */
  readonly from?: string;
}

/** Packs that were wanted again and that their agent cannot make; `to` may be endless. */
export interface UnavailablePacks extends IdRun {
  /** `not-kept`, `unknown-hour`, or why the source does not have them: see LostReason. */
  readonly reason: string;
}

export interface Repulls {
  /** Adds a request, or begins one again; what was unavailable before is asked for once more. */
  requestRepull(key: SegmentKey, packs: readonly IdRun[], at: number, from?: string): Promise<void>;
  /** Writes what came of a request. One that was made again since `requestedAt` stays as it is. */
  noteRepull(request: RepullRequest): Promise<void>;
  /** Newest first. */
  repulls(state: RepullRequest['state'] | undefined, limit: number): Promise<RepullRequest[]>;
  repull(key: SegmentKey): Promise<RepullRequest | undefined>;
  setUnavailable(key: SegmentKey, packs: UnavailablePacks): Promise<void>;
  unavailable(key: SegmentKey): Promise<UnavailablePacks[]>;
  /** All packs of the segment that have bytes, where a repair has put them. */
  replacePlaces(key: SegmentKey, places: readonly NewPlace[]): Promise<void>;
  /** A refused segment whose packs are all here is complete again, so that it is proven once more. Returns the segment as it is then. */
  reprove(key: SegmentKey): Promise<SegmentRecord>;
}
