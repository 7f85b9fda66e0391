/**
 * What retention takes from hours that are sealed, and that no output needs any more. Seals stay for ever.
 *
 *   sealed ──▶ removing ──▶ removed          the stored file: taken away between the two, so that a crash leaves no file behind
 *      └─────▶ archived                      the packs, and what outputs did: the segment is its own seal, in about 200 bytes
 *
 * An hour may be both. Nothing can be added to it afterwards: late lines could not be proven together with what is gone.
 */
import type { SegmentKey } from '../pack/pack.ts';
import type { Position } from './delivery.ts';
import type { SegmentRecord } from './ledger.ts';

/** Where an output was in a segment when it was found not to need it. */
export interface OutputPosition extends Position {
  readonly output: string;
}

export type RetentionStep = 'remove' | 'archive';

/** A host and stream. */
export type StreamOfHost = Pick<SegmentKey, 'host' | 'stream'>;

export interface Expirable {
  /** Hours below this label, and above `after`. */
  readonly before: string;
  readonly after: string;
  /** Unix milliseconds: sealed before it. */
  readonly sealedBefore: number;
  readonly limit: number;
}

/** Whether retention has taken something of a segment, so that nothing can be added to it, and nothing is due of it. */
export const isTaken = ({ archived, removed }: Pick<SegmentRecord, 'archived' | 'removed'>): boolean =>
  archived === true || removed !== undefined;

export interface Retention {
  /** Hosts and streams after that one, in order. */
  lanes(after: StreamOfHost | undefined, limit: number): Promise<StreamOfHost[]>;
  /** Sealed segments of a lane that the step has not been taken for, by hour. */
  expirable(step: RetentionStep, lane: StreamOfHost, range: Expirable): Promise<SegmentRecord[]>;
  /**
   * Notes that what is stored of a sealed segment is about to be removed. False, and nothing is noted, where it has another generation, is
   * not sealed, is wanted again (repull), or an output is somewhere else than at its position: `settled` names all outputs.
   */
  beginRemoval(
    key: SegmentKey,
    generation: number,
    settled: readonly OutputPosition[],
    at: number,
  ): Promise<boolean>;
  /** What was stored is gone, durably. */
  endRemoval(key: SegmentKey): Promise<void>;
  /** Segments whose removal has begun and not ended, as after a crash. */
  removing(limit: number): Promise<SegmentRecord[]>;
  /** Forgets the packs of a sealed segment, and what outputs did with it. False as for `beginRemoval`. */
  archive(key: SegmentKey, generation: number, settled: readonly OutputPosition[]): Promise<boolean>;
}
