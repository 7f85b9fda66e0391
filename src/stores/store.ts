/**
 * The contract of stores: where the bytes of packs are kept. A new store is a folder beside this file that exports a {@link StoreKind}, and a
 * line in registry.ts.
 *
 * The commit stage calls a store like this, for packs of many segments at a time, but never twice at once for one segment:
 *   write(pack) … write(pack) → flush() → the ledger records the packs with their places → acks.
 * A pack that was written but never recorded may be written again, at another place; recover() removes what is left of it.
 */
import type { z } from 'zod';
import type { NewPlace, Place, RecordedSegment, SegmentRecord } from '../ledger/ledger.ts';
import type { PackHeader, SegmentKey, VerifiedPack } from '../pack/pack.ts';

/** What was found of a segment: the ids of packs that are not stored as they were recorded, and whether anything is wrong at all. */
export interface Inspection {
  readonly damaged: readonly number[];
  /** No pack is damaged, and a sealed file holds nothing else. */
  readonly isWhole: boolean;
}

/** How packs that were damaged, or removed, are put back. A store without it cannot be repaired. */
export interface StoreRepairs {
  /** Reads all that is stored of the segment. A sealed segment without packs that have bytes may be missing too. */
  inspect(segment: RecordedSegment): Promise<Inspection>;
  /** Keeps a pack that came again, durably, until `repair`. */
  stage(pack: VerifiedPack): Promise<void>;
  /** The ids of what is kept. */
  staged(key: SegmentKey): Promise<readonly number[]>;
  /**
   * Puts the packs that are kept in the place of damaged ones: into a new file, which takes the old one's place once it is whole and
   * proven. Called while nothing is written to the segment. `record` makes places durable in the ledger that are other than before.
   * Rejects with `corrupt` where something is still damaged, and changes nothing then.
   */
  repair(segment: RecordedSegment, record: (places: readonly NewPlace[]) => Promise<void>): Promise<void>;
  /**
   * Puts the content of a file in the place of what is stored, where it is what was recorded, however it is compressed; of what lies at the
   * segment's own place unless `from` names another file, which may go on after it. Resolves with why it is not, and has changed nothing
   * then. Called as `repair` is.
   */
  restore(
    segment: RecordedSegment,
    record: (places: readonly NewPlace[]) => Promise<void>,
    from?: string,
  ): Promise<string | undefined>;
  /** What is kept of the segment is needed no more. */
  discard(key: SegmentKey): Promise<void>;
}

export interface Store extends AsyncDisposable {
  readonly repairs?: StoreRepairs;

  /**
   * Removes everything stored that the ledger does not know, and learns where to go on; of a segment that this run has looked at or written
   * to already it makes sure that all is there. A write or a seal does the same first, so it may come late, or never. Idempotent. Called while
   * nothing else is written to the segment, with what the ledger has then. Rejects as `write` does.
   */
  recover(segment: RecordedSegment): Promise<void>;
  /** A cheap look: whether so much is stored of the segment as the ledger has. What is not so is for `recover` to find out. Never writes. */
  isAsRecorded(segment: SegmentRecord): Promise<boolean>;
  /**
   * Hands a pack to the operating system and says where it lies. Writing it again at the same place is harmless. `recorded` is the
   * segment as the ledger last had it, undefined where it has none. When bytes of it are not there any more, nothing is written:
   * rejects with a retryable `corrupt` that names the place, until they are back. What lies in their place is held against the ledger first;
   * the same content in another form is taken.
   */
  write(pack: VerifiedPack, recorded: RecordedSegment | undefined): Promise<Place>;
  /**
   * Makes durable whatever write() has finished before this call, including new directory entries. When it rejects, none of
   * these packs may be taken as stored: the store forgets them, and the commit stage has them sent again. It is not called again before what the
   * last call made durable, of packs whose writes had been answered, is recorded or forgotten.
   */
  flush(): Promise<void>;
  /**
   * Of what was written some could not be flushed or recorded, and nobody has heard that it is stored. The next write to each segment goes on
   * behind what `recorded` has, so that packs which come again and again take their room once.
   */
  forget(): void;
  /**
   * The raw bytes of recorded packs (those that are wanted; all, unless told), in id order and as they are stored now. Rejects with `corrupt`, naming the place: retryable
   * where bytes are not there, which may be put back; else where they are others.
   */
  read(segment: RecordedSegment, isWanted?: (header: PackHeader) => boolean): AsyncIterable<Buffer>;
  /**
   * Gives a complete, proven segment its final form (pack order, read-only, modification time), durably. Idempotent. Rejects with
   * a retryable `corrupt` while stored bytes are not there.
   */
  seal(segment: RecordedSegment): Promise<void>;
  /**
   * Removes all that is stored of a sealed segment, durably. Idempotent. Called while nothing is written to the segment, and once the ledger
   * has noted that it is being removed.
   */
  remove(key: SegmentKey): Promise<void>;
  /** The store's own id, made with it. The ledger keeps it: another store in its place is refused at the next start. */
  readonly id: string;
  /** The directory that holds its files, where it has one: nobody else should be able to write there. */
  readonly directory?: string;
  /** Where a person finds the segment: a path or an address. */
  locate(key: SegmentKey): string;
}

/** What is stored, to look at only. */
export type StoreView = Pick<Store, 'read' | 'locate'>;

/** One kind of store: its name in the config, its options, and how to open it. */
export interface StoreKind<Schema extends z.ZodObject = z.ZodObject> {
  readonly kind: string;
  readonly summary: string;
  /** The options below `sink.store`, without `kind`. */
  readonly schema: Schema;
  /** Rejects with `storage`, and changes nothing, where `id` is given and the store has another one or none. */
  open(options: z.output<Schema>, id: string | undefined): Promise<Store>;
  /** Beside a running sink, in another process: changes nothing and takes no lock. */
  view(options: z.output<Schema>): Promise<StoreView>;
}
