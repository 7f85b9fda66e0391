/**
 * Follows the ledger for one output.
 *
 *   changes above `seen` ─▶ pending segments (pending-segments.ts) ─▶ up to `parallel` at work, each in order
 *                                 ▲                                         │ delivered: position + counts, one write
 *                                 └── wakes when its next try is due ◀──────┘ failed: attempts, next try, error
 *
 * Invariants
 * - A segment is worked on by one job at a time, so that its items are delivered in order.
 * - `seen` is written only up to the last change before that of the oldest pending segment: after a crash, everything that may still
 *   need work is looked at again.
 * - Nothing waits for it: the commit stage only wakes it. A destination that is away costs the pending keys and one timer.
 */
import { messageOf } from '../error.ts';
import type { Deliveries, OutputRecord } from '../ledger/delivery.ts';
import type { Ledger, SegmentRecord } from '../ledger/ledger.ts';
import type { Store } from '../stores/store.ts';
import type { Clock } from '../telemetry/clock.ts';
import type { Emit } from '../telemetry/events.ts';
import { deliverSegment, RETRY_MS } from './deliver-segment.ts';
import { isBeforeStart } from './due.ts';
import type { Counts, Item, Output, OutputStatus } from './output.ts';
import { createPending, type Pending } from './pending-segments.ts';

const PAGE = 250;
/** How often the ledger is asked for what another process changed: a pause, a replay. */
const LOOK_MS = 1_000;

export interface OutputFollowerOptions {
  readonly name: string;
  readonly unit: 'pack' | 'hour';
  readonly output: Output;
  readonly start: string;
  /** Most segments at work at a time. */
  readonly parallel: number;
  readonly ledger: Ledger & Deliveries;
  readonly store: Pick<Store, 'read'>;
  readonly clock: Clock;
  readonly emit: Emit;
}

export interface FollowerStatus extends OutputStatus {
  readonly name: string;
  readonly unit: 'pack' | 'hour';
  readonly paused: boolean;
  /** Segments that may need work, as far as the follower has looked ahead. */
  readonly pending: number;
  /** Segments whose last attempt failed. */
  readonly failing: number;
  /** Since the start of the process. */
  readonly items: number;
  readonly lines: number;
  readonly rejected: number;
  /** Unix milliseconds of the last item that was delivered; 0 before the first. */
  readonly lastDelivery: number;
}

export interface OutputFollower extends AsyncDisposable {
  /** The ledger has changed. */
  wake(): void;
  status(): FollowerStatus;
  /** Resolves when nothing is due, except what failed, waits, or is paused. */
  idle(): Promise<void>;
}

/** An open hour has nothing for an output of hours, and changes with each group of packs. Its seal is a change of its own. */
const isWanted = (
  { unit, output }: OutputFollowerOptions,
  record: OutputRecord,
  segment: SegmentRecord,
): boolean =>
  (unit === 'pack' || segment.state === 'sealed') &&
  !isBeforeStart(segment, record) &&
  output.wants?.(segment) !== false;

/** A segment failed: when it is tried again, and what is said of it. */
const noteFailure = async (
  { name, ledger, clock, emit }: OutputFollowerOptions,
  one: Pending,
  error: unknown,
): Promise<void> => {
  const isFirst = one.notBefore === 0;
  const at = await ledger.delivery(name, one.key).catch(() => undefined);
  one.notBefore = Math.max(at?.nextTry ?? 0, clock.now() + RETRY_MS);
  one.stuck = at?.stuck ?? false;
  const told = { output: name, ...one.key, reason: messageOf(error) };
  if (one.stuck) emit('output.stuck', told);
  else if (isFirst) emit('output.failed', told);
};

/** Calls `job` every LOOK_MS, one call after the other, until the signal. */
const repeat = (job: () => Promise<void>, signal: AbortSignal): void => {
  if (signal.aborted) return;
  const timer = setTimeout(() => {
    void job()
      .catch(() => undefined)
      .finally(() => repeat(job, signal));
  }, LOOK_MS);
  timer.unref();
};

/** Starts following; resolves once the output is known to the ledger. */
export const followOutput = async (options: OutputFollowerOptions): Promise<OutputFollower> => {
  const { name, output, ledger, clock, emit, parallel } = options;
  const closing = new AbortController();
  const totals = { items: 0, lines: 0, rejected: 0, lastDelivery: 0 };
  let record = await ledger.addOutput(name, options.start, clock.now());
  const pending = createPending(record.seen);
  let failing = 0;
  const jobs = new Set<Promise<void>>();
  let scanning: Promise<void> | undefined;
  let more = true;
  let waiters: (() => void)[] = [];

  const tell = (item: Item, counts: Counts): void => {
    totals.items++;
    totals.lines += item.lines;
    totals.rejected += counts.rejected;
    totals.lastDelivery = clock.now();
  };

  const saveSeen = async (step?: number): Promise<void> => {
    const seen = pending.seenToWrite(step);
    if (seen !== undefined) await ledger.sawChanges(name, seen);
  };

  const scan = async (): Promise<void> => {
    while (more && !pending.isFull() && !closing.signal.aborted) {
      const page = await ledger.changes(pending.scanned(), PAGE);
      for (const change of page) pending.note(change, isWanted(options, record, change.segment));
      more = page.length === PAGE;
      pump();
    }
  };

  const work = async (one: Pending): Promise<void> => {
    const { change } = one;
    try {
      await deliverSegment(options, one.key, record, tell, closing.signal);
      // What changed meanwhile is looked at again.
      if (one.change === change && !closing.signal.aborted) pending.done(one);
      if (one.notBefore > 0) emit('output.delivering', { output: name });
      one.notBefore = 0;
    } catch (error) {
      await noteFailure(options, one, error);
    }
  };

  const pump = (): void => {
    if (closing.signal.aborted || record.paused) return settle();
    const now = clock.now();
    failing = 0;
    for (const one of pending.all()) {
      if (one.notBefore > 0) failing++;
      if (jobs.size >= parallel || one.running || one.stuck || one.notBefore > now) continue;
      one.running = true;
      const job = work(one).finally(() => {
        one.running = false;
        jobs.delete(job);
        void saveSeen().catch(() => undefined);
        pump();
      });
      jobs.add(job);
    }
    if (more && !pending.isFull()) startScan();
    settle();
  };

  const startScan = (): void => {
    scanning ??= scan()
      .catch((error: unknown) =>
        emit('output.failed', { output: name, ...NO_SEGMENT, reason: messageOf(error) }),
      )
      .finally(() => {
        scanning = undefined;
        pump();
      });
  };

  const isIdle = (): boolean =>
    jobs.size === 0 && scanning === undefined && (record.paused || !pending.hasUntried());

  const settle = (): void => {
    if (!isIdle()) return;
    void saveSeen().catch(() => undefined);
    for (const wake of waiters) wake();
    waiters = [];
  };

  /** Another process may have paused the output, or set it back. */
  const look = async (): Promise<void> => {
    const now = (await ledger.outputs()).find((each) => each.name === name);
    if (now !== undefined) record = now;
    more = true;
    if (!record.paused) pump();
    await saveSeen(1);
  };

  repeat(look, closing.signal);
  pump();

  return {
    wake() {
      more = true;
      if (scanning === undefined) pump();
    },
    status: () => ({
      ...output.status(),
      ...{ name, unit: options.unit, paused: record.paused, pending: pending.size(), failing, ...totals },
    }),
    idle: () => new Promise((resolve) => (isIdle() ? resolve() : waiters.push(resolve))),
    async [Symbol.asyncDispose]() {
      closing.abort();
      await Promise.all([...jobs, scanning]);
      await saveSeen(1).catch(() => undefined);
      await output[Symbol.asyncDispose]();
    },
  };
};

const NO_SEGMENT = { host: '', stream: '', hour: '' };
