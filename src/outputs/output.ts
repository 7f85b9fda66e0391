/**
 * The contract of outputs: what follows the ledger and delivers stored packs or sealed hours further.
 *
 *   commit ─▶ ledger ─▶ follower ─ deliver(item) ─▶ output ─▶ destination
 *                          │           ok: one ledger write, position + counts
 *                          └───────────failed: wait, longer each time, then the same item again
 *
 * A new output is one folder that exports an {@link OutputKind}, and a line in registry.ts. Rules that it must keep:
 * - deliver() resolves only once the item is durable at the destination.
 * - The same item may come again, after a crash or a replay: delivering it twice equals delivering it once.
 * - Counts add up to the item's lines, or the follower fails the item: no line is dropped in silence.
 * - It sees its item, its options and this contract, nothing else. It holds no item after deliver() has ended.
 */
import type { z } from 'zod';
import type { Expectations } from '../ledger/expectation.ts';
import type { DayRecord, Ledger, Seal, SegmentRecord } from '../ledger/ledger.ts';
import type { PackHeader, SegmentKey } from '../pack/pack.ts';
import type { RejectFile, Rejects } from './rejects.ts';
import type { Clock } from '../telemetry/clock.ts';
import type { Emit } from '../telemetry/events.ts';

/** One recorded pack. */
export interface PackItem {
  readonly unit: 'pack';
  readonly key: SegmentKey;
  readonly header: PackHeader;
  /** The raw bytes: whole lines, but for a last line without newline and for parts of an over-long line. Only valid until deliver() ends. */
  readonly bytes: Buffer;
  /** Lines to account for: newlines, and one more where the bytes do not end in a newline. */
  readonly lines: number;
}

/** One sealed hour. */
export interface HourItem {
  readonly unit: 'hour';
  readonly key: SegmentKey;
  readonly seal: Seal;
  /** The raw bytes of the whole hour in order, in buffers of any size. May be called more than once. */
  read(): AsyncIterable<Buffer>;
  /** Newlines of the hour. A last line without newline is one more: an output that reads the hour counts it. */
  readonly lines: number;
}

export type Item = PackItem | HourItem;

/** What became of the lines of an item. `dropped`: by a rule of the user. `rejected`: could not be taken, and is kept for a person to look at. */
export interface Counts {
  readonly delivered: number;
  readonly dropped: number;
  readonly rejected: number;
}

export interface OutputStatus {
  /** `connecting` until the destination has answered once; `failing` while the last attempt failed. */
  readonly state: 'connecting' | 'running' | 'failing';
  /** The last error in one sentence, while it lasts. */
  readonly error?: string;
}

/** What an output may look up. */
export type LedgerView = Pick<Ledger, 'segment' | 'segments' | 'seals' | 'days'> &
  Pick<Expectations, 'expectations' | 'presence'>;

export interface OutputDeps {
  /** The name in the config. */
  readonly name: string;
  /** A directory of the output's own, which exists: for rejects and whatever else must survive a restart. */
  readonly stateDir: string;
  readonly ledger: LedgerView;
  readonly clock: Clock;
  readonly emit: Emit;
}

export interface Output extends AsyncDisposable {
  /**
   * Delivers one item. Rejects when it could not: the follower tries again later, for ever, unless the error is a LogdError that is
   * not `retryable`: then it waits for a person (`logd outputs resume`), and goes on with other segments.
   */
  deliver(item: Item, signal: AbortSignal): Promise<Counts>;
  /** A sealed hour is open again because of late lines. Called, and awaited, before the first of them is stored. Idempotent. */
  withdraw?(key: SegmentKey): Promise<void>;
  /** Retention takes a sealed hour away: what says that it is there goes first. Idempotent. */
  expired?(segment: SegmentRecord): Promise<void>;
  /** False for segments that the output does not want, by its options: they need no position and do not lag. */
  wants?(segment: SegmentRecord | SegmentKey): boolean;
  /** Cheap and synchronous. */
  status(): OutputStatus;
}

/** One kind of output: its name in the config, its options, and how to open it. */
export interface OutputKind<Schema extends z.ZodObject = z.ZodObject> {
  readonly kind: string;
  readonly summary: string;
  /** The options below `sink.outputs.NAME`, without `kind` and without those that every output has. */
  readonly schema: Schema;
  readonly unit: 'pack' | 'hour';
  /** Rejects only for what a person must change (options, a directory). A destination that is away is no reason: deliver() fails then. */
  open(options: z.output<Schema>, deps: OutputDeps): Promise<Output>;
  /** Delivers rejected records again, beside a running sink; what is still refused stays. */
  retryRejects?(
    options: z.output<Schema>,
    rejects: Rejects,
    files: readonly RejectFile[],
  ): Promise<{ readonly delivered: number; readonly left: number }>;
}

/** Whether all hours of a day are sealed. */
export const isCompleteDay = ({ sealed, hours }: DayRecord): boolean => hours > 0 && sealed >= hours;
