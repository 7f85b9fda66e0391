/**
 * What the agent knows of its cuts, sources and segments: the rows of its marks.
 */
import type { LedgerMark } from '../pack/ledger-mark.ts';
import type { Done, LostReason } from '../pack/pack.ts';

/** Bytes that can never be delivered. */
export interface LostCut {
  readonly reason: LostReason;
  readonly bytes: number;
}

/** A pack that was cut: everything its header says, and where its bytes are. */
export interface Cut {
  /** Row of the segment. */
  readonly segment: number;
  readonly id: number;
  readonly generation: number;
  /** Row of the source; undefined where there are no bytes. */
  readonly source: number | undefined;
  /** Of the first byte in the source. */
  readonly position: number;
  /** Of the first byte in the segment. */
  readonly offset: number;
  readonly bytes: number;
  readonly lines: number;
  readonly checksum: number;
  readonly sha256: string;
  readonly time: number;
  /** The cut ends the segment: all its lines, and how many segments its day has. */
  readonly done: Pick<Done, 'lines' | 'hoursInDay'> | undefined;
  readonly lost: LostCut | undefined;
}

export interface SourceMarks {
  readonly id: number;
  readonly path: string;
  readonly dev: string;
  readonly ino: string;
  readonly fingerprint: string;
  readonly position: number;
  readonly stop: number | undefined;
}

/** A source that has no row yet. */
export type NewSource = Omit<SourceMarks, 'id'>;

/** Bytes `start` to `end` (exclusive) of a source. */
export interface Run {
  readonly source: number;
  readonly start: number;
  readonly end: number;
}

export interface SegmentMarks {
  readonly id: number;
  readonly hour: string;
  readonly generation: number;
  readonly packs: number;
  readonly lines: number;
  readonly bytes: number;
  readonly sha256: string;
  readonly ended: boolean;
  /** Packs that are cut and not acked. */
  readonly unacked: number;
  readonly sources: readonly SourceMarks[];
}

/** An hour with cuts that are acked and kept: the highest of their ids. */
export interface KeptSegment {
  readonly id: number;
  readonly stream: string;
  readonly hour: string;
  readonly packs: number;
}

/** A ledger, with the last mark of each start that it was heard of in. `recovering`: it did not know what it had acked, and is being asked. */
export interface KnownLedger {
  readonly marks: readonly LedgerMark[];
  readonly recovering: boolean;
}

/** The end of a kept cut in its segment, and the digest of the segment up to there. */
export interface KeptDigest {
  readonly id: number;
  readonly bytes: number;
  readonly end: number;
  readonly sha256: string;
}

/** An hour that is over and acked, and whose files have not been read once more since. */
export interface UnverifiedSegment {
  readonly id: number;
  readonly stream: string;
  readonly hour: string;
  readonly generation: number;
}
