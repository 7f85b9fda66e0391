/** Delivers one segment to an output: its packs from where the output is, or its sealed hour, each with its position and counts in the ledger. */
import { LogdError, messageOf } from '../error.ts';
import { fault } from '../fault/fault.ts';
import type { Deliveries, Delivery, OutputRecord, Position } from '../ledger/delivery.ts';
import type { Ledger, SegmentRecord } from '../ledger/ledger.ts';
import { recordedSegment } from '../ledger/recorded.ts';
import { type SegmentKey, segmentName } from '../pack/pack.ts';
import type { Store } from '../stores/store.ts';
import type { Clock } from '../telemetry/clock.ts';
import { freshDelivery, isBeforeStart, isHourDue, mayHavePacks } from './due.ts';
import type { Counts, HourItem, Item, Output } from './output.ts';
import { linesOf, nextPacks, readRun } from './pack-run.ts';

/** Waits after a failure double from the first to the second of these. */
export const RETRY_MS = 1_000;
const MOST_RETRY_MS = 300_000;

export interface SegmentDelivery {
  readonly name: string;
  readonly unit: 'pack' | 'hour';
  readonly output: Output;
  readonly ledger: Ledger & Deliveries;
  readonly store: Pick<Store, 'read'>;
  readonly clock: Clock;
}

/** Delivers what is due of one segment, until nothing is. Rejects with what failed, its error recorded. */
export const deliverSegment = async (
  options: SegmentDelivery,
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
  { ledger, store }: SegmentDelivery,
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
