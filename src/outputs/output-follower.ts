/**
 * Follows the ledger for one output.
 *
 *   changes above `seen` ─▶ pending segments (at most MOST_PENDING) ─▶ up to `parallel` at work, each in order
 *                                 ▲                                         │ delivered: position + counts, one write
 *                                 └── wakes when its next try is due ◀──────┘ failed: attempts, next try, error
 *
 * Invariants
 * - A segment is worked on by one job at a time, so that its items are delivered in order.
 * - `seen` is written only up to the last change before that of the oldest pending segment: after a crash, everything that may still
 *   need work is looked at again.
 * - Nothing waits for it: the commit stage only wakes it. A destination that is away costs the pending keys and one timer.
 */
import { LogdError, messageOf } from '../error.ts';
import { fault } from '../fault/fault.ts';
import type { Change, Deliveries, Delivery, OutputRecord, Position } from '../ledger/delivery.ts';
import type { Ledger, SegmentRecord } from '../ledger/ledger.ts';
import { recordedSegment } from '../ledger/recorded.ts';
import { type SegmentKey, segmentName } from '../pack/pack.ts';
import type { Store } from '../stores/store.ts';
import type { Clock } from '../telemetry/clock.ts';
import type { Emit } from '../telemetry/events.ts';
import { freshDelivery, isBeforeStart, isHourDue, mayHavePacks } from './due.ts';
import type { Counts, HourItem, Item, Output, OutputStatus } from './output.ts';
import { linesOf, nextPacks, readRun } from './pack-run.ts';

const MOST_PENDING = 1_000;
const PAGE = 250;
/** Waits after a failure double from the first to the second of these. */
const RETRY_MS = 1_000;
const MOST_RETRY_MS = 300_000;
/** How often the ledger is asked for what another process changed: a pause, a replay. */
const LOOK_MS = 1_000;
/** `seen` is written at most once for so many changes while there is more to do. */
const SEEN_STEP = 64;

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

interface Pending {
  readonly key: SegmentKey;
  change: number;
  /** Unix milliseconds before which it is not tried. */
  notBefore: number;
  running: boolean;
  stuck: boolean;
}

/** Delivers what is due of one segment, until nothing is. Rejects with what failed, its error recorded. */
const workOnSegment = async (
  options: OutputFollowerOptions,
  key: SegmentKey,
  record: OutputRecord,
  tell: (item: Item, counts: Counts) => void,
  signal: AbortSignal,
): Promise<void> => {
  const { name, unit, output, ledger, store } = options;
  const current = async (): Promise<Delivery> =>
    (await ledger.delivery(name, key)) ?? freshDelivery(name, key);
  let delivery = await current();
  /** False where a replay has set the position back meanwhile: it is not written over. */
  const advance = async (item: Item, counts: Counts, position: Partial<Position>): Promise<boolean> => {
    fault('output.after-deliver');
    const from = delivery;
    const { error: _, ...rest } = delivery;
    const sums = {
      delivered: delivery.delivered + counts.delivered,
      dropped: delivery.dropped + counts.dropped,
      rejected: delivery.rejected + counts.rejected,
    };
    const isNewHour = item.unit === 'hour';
    const next = {
      ...rest,
      ...(isNewHour ? counts : sums),
      ...position,
      ...{ attempts: 0, nextTry: 0, stuck: false },
    };
    const isAdvanced = await ledger.setDelivery(next, from);
    fault('output.after-position');
    tell(item, counts);
    delivery = isAdvanced ? next : await current();
    return isAdvanced;
  };
  try {
    for (;;) {
      const segment = await ledger.segment(key);
      if (segment === undefined || signal.aborted) return;
      if (isBeforeStart(segment, record) || output.wants?.(segment) === false) return;
      if (unit === 'hour') {
        if (!isHourDue(segment, delivery)) return;
        const item = await hourItem(options, segment);
        fault('output.before-deliver');
        const counts = checked(item, await output.deliver(item.item, signal), item.tail());
        await advance(item.item, counts, { generation: item.item.seal.generation });
        continue;
      }
      if (!mayHavePacks(segment, delivery)) return;
      const run = await nextPacks(ledger, segment, delivery.nextId);
      if (run.length === 0) return;
      for await (const item of readRun({ ledger, store }, segment, run)) {
        fault('output.before-deliver');
        const counts = checked({ item }, await output.deliver(item, signal), 0);
        const { id, generation } = item.header;
        if (!(await advance(item, counts, { nextId: id + 1, generation }))) break;
      }
    }
  } catch (error) {
    if (signal.aborted) return;
    const isFinal = error instanceof LogdError && !error.retryable && error.code !== 'corrupt';
    const attempts = delivery.attempts + 1;
    const nextTry = options.clock.now() + Math.min(MOST_RETRY_MS, RETRY_MS * 2 ** (attempts - 1));
    const failed = { ...delivery, attempts, nextTry, error: messageOf(error), stuck: isFinal };
    await ledger.setDelivery(failed, delivery);
    throw error;
  }
};

/** Counts that do not add up are a defect of the output, and its lines may be lost: the item fails. */
const checked = ({ item }: { readonly item: Item }, counts: Counts, tail: number): Counts => {
  const sum = counts.delivered + counts.dropped + counts.rejected;
  if (sum === item.lines || sum === item.lines + tail) return counts;
  throw new LogdError(
    'corrupt',
    `The output accounts for ${sum} lines of ${segmentName(item.key)}, which has ${item.lines + tail}.`,
    { retryable: true },
  );
};

/** `tail()` is 1 once the hour was read and turned out to end without a newline. */
const hourItem = async (
  { ledger, store }: OutputFollowerOptions,
  segment: SegmentRecord,
): Promise<{ readonly item: HourItem; tail(): number }> => {
  const seal = (await ledger.seals(segment)).find(({ generation }) => generation === segment.generation);
  if (seal === undefined)
    throw new LogdError('corrupt', `The ledger has no seal of ${segmentName(segment)}.`, { retryable: true });
  const { host, stream, hour } = segment;
  let last: number | undefined;
  const read = async function* (): AsyncGenerator<Buffer> {
    for await (const bytes of store.read(recordedSegment(ledger, segment))) {
      last = bytes.at(-1) ?? last;
      yield bytes;
    }
  };
  const item: HourItem = { unit: 'hour', key: { host, stream, hour }, seal, read, lines: seal.lines };
  return { item, tail: () => linesOf(0, last) };
};

/** Starts following; resolves once the output is known to the ledger. */
export const followOutput = async (options: OutputFollowerOptions): Promise<OutputFollower> => {
  const { name, output, ledger, clock, emit, parallel } = options;
  const closing = new AbortController();
  const pending = new Map<string, Pending>();
  const totals = { items: 0, lines: 0, rejected: 0, lastDelivery: 0 };
  let record = await ledger.addOutput(name, options.start, clock.now());
  let { seen } = record;
  /** Everything up to this change is in `pending` or done. */
  let scanned = seen;
  let written = seen;
  let failing = 0;
  const jobs = new Set<Promise<void>>();
  let scanning: Promise<void> | undefined;
  let more = true;
  let timer: NodeJS.Timeout | undefined;
  let waiters: (() => void)[] = [];

  const tell = (item: Item, counts: Counts): void => {
    totals.items++;
    totals.lines += item.lines;
    totals.rejected += counts.rejected;
    totals.lastDelivery = clock.now();
  };

  const saveSeen = async (): Promise<void> => {
    let oldest = scanned;
    for (const { change } of pending.values()) oldest = Math.min(oldest, change - 1);
    if (oldest <= written || (oldest - written < SEEN_STEP && pending.size > 0)) return;
    written = seen = oldest;
    await ledger.sawChanges(name, oldest);
  };

  const note = ({ change, segment }: Change): void => {
    scanned = Math.max(scanned, change);
    if (isBeforeStart(segment, record) || output.wants?.(segment) === false) return;
    const known = pending.get(segmentName(segment));
    const { host, stream, hour } = segment;
    if (known !== undefined) Object.assign(known, { change, stuck: false });
    else
      pending.set(segmentName(segment), {
        ...{ key: { host, stream, hour }, change },
        ...{ notBefore: 0, running: false, stuck: false },
      });
  };

  const scan = async (): Promise<void> => {
    while (more && pending.size < MOST_PENDING && !closing.signal.aborted) {
      const page = await ledger.changes(scanned, PAGE);
      for (const change of page) note(change);
      more = page.length === PAGE;
      pump();
    }
  };

  const work = async (one: Pending): Promise<void> => {
    const { change } = one;
    try {
      await workOnSegment(options, one.key, record, tell, closing.signal);
      // What changed meanwhile is looked at again.
      if (one.change === change && !closing.signal.aborted) pending.delete(segmentName(one.key));
      if (one.notBefore > 0) emit('output.delivering', { output: name });
      one.notBefore = 0;
    } catch (error) {
      const first = one.notBefore === 0;
      const at = await ledger.delivery(name, one.key).catch(() => undefined);
      one.notBefore = Math.max(at?.nextTry ?? 0, clock.now() + RETRY_MS);
      one.stuck = at?.stuck ?? false;
      const told = { output: name, ...one.key, reason: messageOf(error) };
      if (one.stuck) emit('output.stuck', told);
      else if (first) emit('output.failed', told);
    }
  };

  const pump = (): void => {
    if (closing.signal.aborted || record.paused) return settle();
    const now = clock.now();
    failing = 0;
    for (const one of pending.values()) {
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
    if (more && pending.size < MOST_PENDING) startScan();
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
    jobs.size === 0 &&
    scanning === undefined &&
    (record.paused || ![...pending.values()].some(({ stuck, notBefore }) => !stuck && notBefore === 0));

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
  };

  const schedule = (): void => {
    timer = setTimeout(() => {
      void look()
        .catch(() => undefined)
        .finally(() => {
          if (!closing.signal.aborted) schedule();
        });
    }, LOOK_MS);
    timer.unref();
  };
  schedule();
  pump();

  return {
    wake() {
      more = true;
      if (scanning === undefined) pump();
    },
    status: () => ({
      ...output.status(),
      ...{ name, unit: options.unit, paused: record.paused, pending: pending.size, failing, ...totals },
    }),
    idle: () => new Promise((resolve) => (isIdle() ? resolve() : waiters.push(resolve))),
    async [Symbol.asyncDispose]() {
      closing.abort();
      clearTimeout(timer);
      await Promise.all([...jobs, scanning]);
      await saveSeen().catch(() => undefined);
      await output[Symbol.asyncDispose]();
    },
  };
};

const NO_SEGMENT = { host: '', stream: '', hour: '' };
