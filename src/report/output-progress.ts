/** How far each output is, from the ledger: position, lag, counts and errors of every segment that it delivers. */
import type { Deliveries, Delivery, OutputRecord } from '../ledger/delivery.ts';
import type { Ledger, SegmentRecord } from '../ledger/ledger.ts';
import { selectSegments } from '../ledger/walk.ts';
import { freshDelivery, isBeforeStart, isHourDue, mayHavePacks } from '../outputs/due.ts';

/** What the configuration says of an output. */
export interface KnownOutput {
  readonly name: string;
  readonly kind: string;
  readonly unit: 'pack' | 'hour';
  wants(segment: SegmentRecord): boolean;
}

/** An output and one segment. */
export interface DeliveryProgress {
  readonly segment: SegmentRecord;
  readonly delivery: Delivery;
  readonly lagPacks: number;
  readonly lagLines: number;
}

/** All segments of an output together. */
export interface OutputProgress {
  readonly name: string;
  readonly kind: string;
  readonly state: 'running' | 'paused' | 'failing' | 'stuck' | 'not configured';
  readonly segments: number;
  /** Of unit pack: recorded packs that are not delivered. Of unit hour: sealed hours that are not. */
  readonly lag: number;
  readonly lagLines: number;
  /** Milliseconds since the last arrival of the longest waiting segment that is behind; 0 of none. */
  readonly lagMs: number;
  readonly delivered: number;
  readonly dropped: number;
  readonly rejected: number;
  readonly error?: string;
}

type ProgressLedger = Pick<Ledger, 'segments'> & Pick<Deliveries, 'delivery'>;

interface Filter {
  readonly host?: string;
  readonly stream?: string;
  readonly hour?: string;
  readonly since?: string;
}

/** The segments that an output delivers, in order of host, stream, hour. */
export async function* progressOf(
  ledger: ProgressLedger,
  record: OutputRecord,
  known: Pick<KnownOutput, 'unit' | 'wants'>,
  filter: Filter = {},
): AsyncGenerator<DeliveryProgress> {
  for await (const segment of selectSegments(ledger, filter)) {
    if (isBeforeStart(segment, record) || !known.wants(segment)) continue;
    const delivery = (await ledger.delivery(record.name, segment)) ?? freshDelivery(record.name, segment);
    const isDue = known.unit === 'hour' ? isHourDue(segment, delivery) : mayHavePacks(segment, delivery);
    const done = delivery.delivered + delivery.dropped + delivery.rejected;
    const lagPacks = !isDue ? 0 : known.unit === 'hour' ? 1 : segment.highestId - delivery.nextId + 1;
    yield { segment, delivery, lagPacks, lagLines: isDue ? Math.max(0, segment.lines - done) : 0 };
  }
}

/** One output, summed up over its segments. */
export const outputProgress = async (
  ledger: ProgressLedger,
  record: OutputRecord,
  known: KnownOutput | undefined,
  now: number,
): Promise<OutputProgress> => {
  const sums = { segments: 0, lag: 0, lagLines: 0, lagMs: 0, delivered: 0, dropped: 0, rejected: 0 };
  let failing: Delivery | undefined;
  const all = known ?? { unit: 'pack', wants: () => true };
  for await (const { segment, delivery, lagPacks, lagLines } of progressOf(ledger, record, all)) {
    sums.segments++;
    sums.lag += lagPacks;
    sums.lagLines += lagLines;
    if (lagPacks > 0) sums.lagMs = Math.max(sums.lagMs, now - segment.lastArrival);
    for (const field of ['delivered', 'dropped', 'rejected'] as const) sums[field] += delivery[field];
    if (delivery.attempts > 0 && (failing === undefined || delivery.stuck)) failing = delivery;
  }
  const state = record.paused ? 'paused' : failing?.stuck ? 'stuck' : failing ? 'failing' : 'running';
  return {
    ...{ name: record.name, kind: known?.kind ?? '?', state: known === undefined ? 'not configured' : state },
    ...sums,
    ...(failing?.error !== undefined && { error: failing.error }),
  };
};
