/**
 * The ledger's contract: the durable record of packs, gaps, segments, seals and days that a sink node keeps.
 *
 * Invariants
 * - A promise that resolves means durable: the record survives kill -9 and power loss.
 * - A pack (segment, id) is recorded at most once. Counters of a segment (`packs`, `lines`, `bytes`) are updated in the same
 *   transaction as the pack, so completeness is `packs === expected.packs`: O(1) for each arriving pack.
 * - A seal is never changed. Late lines reopen the segment and end in a seal of the next generation beside it.
 */
import type { SourceVerdict } from '../pack/source-verdict.ts';
import type { Done, PackHeader, SegmentKey, Totals } from '../pack/pack.ts';

/**
 * open: packs are still expected · complete: packs 1..N are here, the digest is not proven yet · sealed: proven equal ·
 * refused: all packs are here and they do not add up to what the agent read · incomplete: closed with gaps (expired, or bytes lost).
 */
export type SegmentState = 'open' | 'complete' | 'sealed' | 'refused' | 'incomplete';

/** Where a store put a pack, in its own terms: for the file store, byte position and length in the stored file. */
export interface Place {
  readonly at: number;
  readonly length: number;
}

/** Where a pack lies after a repair. */
export interface NewPlace {
  readonly id: number;
  readonly place: Place;
}

/** One pack to be recorded. */
export interface PackEntry {
  readonly header: PackHeader;
  readonly place: Place;
  /** Unix milliseconds. */
  readonly arrivedAt: number;
}

/** A pack as the ledger has it. */
export interface PackRecord extends PackEntry {}

/** A segment as the ledger has it. Times are Unix milliseconds. */
export interface SegmentRecord extends SegmentKey {
  readonly state: SegmentState;
  /** Highest generation that a pack of the segment has named; above 1 the segment is late. */
  readonly generation: number;
  /** What has been recorded so far; lost packs count in `packs` and in `lostPacks`, not in `lines` and `bytes`. */
  readonly packs: number;
  readonly lines: number;
  readonly bytes: number;
  readonly lostPacks: number;
  readonly lostBytes: number;
  /** Highest pack id seen. `highestId - packs` ids below it are missing. */
  readonly highestId: number;
  /** End of what the store holds, in `Place` terms: the maximum of `place.at + place.length`. */
  readonly storedEnd: number;
  /** What the segment must add up to, once the pack that says so has come; of the highest generation seen. */
  readonly expected?: Done;
  readonly firstArrival: number;
  readonly lastArrival: number;
  /** When the last pack with bytes arrived: the end of an hour may come alone, long after its lines. Undefined while none has come. */
  readonly linesArrived?: number;
  /** Highest `time` of its packs: the modification time of the source's last line. */
  readonly lastLine: number;
  /** Why the state is refused or incomplete, or why it waits: one sentence. */
  readonly reason?: string;
  /** Whether the host's files still hold what was sent, as its agent found afterwards; undefined until it has said so. */
  readonly source?: SourceVerdict['source'];
  /** Of a changed source: where. */
  readonly sourcePlace?: string;
  /** Only its seal is left in the ledger, see retention.ts: its packs are forgotten, and nothing can be added to it. */
  readonly archived?: true;
  /** When retention removed what is stored of it, see retention.ts. Its seal stays, and nothing can be added to it. */
  readonly removed?: number;
}

/** A segment with its recorded packs, read page by page in id order. */
export interface RecordedSegment {
  readonly segment: SegmentRecord;
  packs(): AsyncIterable<PackRecord>;
  /** Makes other places of all packs that have bytes durable, after their bytes are so. Undefined where nothing may be changed. */
  readonly replacePlaces?: (places: readonly NewPlace[]) => Promise<void>;
}

/** The record that a segment is complete. */
export interface Seal extends SegmentKey, Totals {
  readonly generation: number;
  readonly firstArrival: number;
  readonly lastArrival: number;
  readonly sealedAt: number;
}

/** Missing pack ids `from..to` (inclusive), or one pack whose bytes are lost. */
export interface Gap {
  readonly from: number;
  readonly to: number;
  /** `missing`: not here (yet). Else the agent's reason why the bytes are gone for good. */
  readonly reason: 'missing' | NonNullable<PackHeader['lost']>['reason'];
  /** Bytes known to be lost; undefined where unknown. */
  readonly bytes?: number;
  /** Of missing packs that were wanted again: why their agent cannot make them. See repull.ts. */
  readonly why?: string;
}

/** A host's and stream's day. Complete when `sealed === hours`. `day` is `20261122`. */
export interface DayRecord {
  readonly host: string;
  readonly stream: string;
  readonly day: string;
  /** Segments of the day that are sealed now. */
  readonly sealed: number;
  /** Segments that the day has. */
  readonly hours: number;
}

/** What came of recording a pack. `repeat`: the same name and bytes were there. `conflict`: the name was there with other bytes. */
export interface CommitResult {
  readonly outcome: 'recorded' | 'repeat' | 'conflict';
  /** The segment after the transaction. */
  readonly segment: SegmentRecord;
}

export interface Neighbours {
  readonly before?: PackRecord;
  readonly same?: PackRecord;
  readonly after?: PackRecord;
}

export interface SegmentFilter {
  readonly host?: string | undefined;
  readonly stream?: string | undefined;
  /** Label or a prefix of one: `20261122` selects a day. */
  readonly hour?: string | undefined;
  /** Label or a prefix of one: that hour or day and all later ones. A day counts as later than its own first hours. */
  readonly since?: string | undefined;
  readonly states?: readonly SegmentState[] | undefined;
}

/**
 * See the head of this file. All methods may reject with a `storage` LogdError. A write that rejects is perhaps recorded, now or
 * after the next start: whoever called must read the ledger again before it writes over anything that the record would name.
 * A read that answers after such a write says for good what is recorded; a ledger that cannot promise that rejects all calls.
 */
export interface Ledger extends AsyncDisposable {
  segment(key: SegmentKey): Promise<SegmentRecord | undefined>;
  pack(key: SegmentKey, id: number): Promise<PackRecord | undefined>;
  /** The pack of that id, the nearest recorded one before it and the nearest behind it: what a pack must fit between. */
  around(key: SegmentKey, id: number): Promise<Neighbours>;
  /** Up to `limit` packs of a segment with `id > afterId`, by id. */
  packs(key: SegmentKey, afterId: number, limit: number): Promise<PackRecord[]>;
  /**
   * Records packs in one transaction; results in the order of the entries. A pack of a higher generation than the segment's
   * seal reopens it (state `open`, its day is no longer complete). When packs 1..N are here the state becomes `complete`, or
   * `incomplete` when some of them are lost.
   */
  commit(entries: readonly PackEntry[]): Promise<CommitResult[]>;
  /**
   * Reopens a sealed, refused or incomplete segment for a generation above its own, before the first late pack is
   * written: what the store then holds beyond the record is cut back by recover(). Returns the segment as it is now.
   */
  reopen(key: SegmentKey, generation: number): Promise<SegmentRecord>;
  /** Records the seal of a `complete` segment and counts its day. */
  seal(seal: Seal): Promise<{ readonly day: DayRecord | undefined }>;
  /** Marks a segment `refused` or `incomplete`, with the reason. */
  close(key: SegmentKey, state: 'refused' | 'incomplete', reason: string): Promise<void>;
  /** Closes as incomplete every `open` segment whose last pack arrived before `before`; returns them. */
  expire(before: number, reason: string): Promise<SegmentRecord[]>;
  /** Segments in order of host, stream, hour. `after` continues a listing behind that key. */
  segments(
    filter: SegmentFilter,
    page?: { readonly after?: SegmentKey; readonly limit: number },
  ): Promise<SegmentRecord[]>;
  /** Missing id ranges (up to `expected.packs`, else `highestId`) and lost packs, by id; at most `limit`. */
  gaps(key: SegmentKey, limit: number): Promise<Gap[]>;
  /** Notes why an open or complete segment waits: its `reason` until the next pack, or the seal. Others stay as they are. */
  setWaiting(key: SegmentKey, reason: string): Promise<void>;
  /** All seals of a segment, by generation. */
  seals(key: SegmentKey): Promise<Seal[]>;
  /** Takes down what became of the files of an hour; false where it does not have that generation of it. */
  setSource(key: SegmentKey, generation: number, verdict: SourceVerdict): Promise<boolean>;
  /** How many hours of each host are begun and not sealed or closed; hosts without any are left out. */
  openHours(): Promise<{ readonly host: string; readonly hours: number }[]>;
  days(filter: {
    readonly host?: string;
    readonly stream?: string;
    readonly day?: string;
  }): Promise<DayRecord[]>;
}
