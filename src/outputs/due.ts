/** What an output still has to do in a segment: pure rules over what the ledger says. */
import type { Delivery, OutputRecord } from '../ledger/delivery.ts';
import type { SegmentRecord } from '../ledger/ledger.ts';
import { isTaken } from '../ledger/retention.ts';
import type { SegmentKey } from '../pack/pack.ts';

/** A segment of which nothing has been delivered. */
export const freshDelivery = (output: string, { host, stream, hour }: SegmentKey): Delivery => ({
  ...{ output, host, stream, hour, generation: 0, nextId: 1 },
  ...{ delivered: 0, dropped: 0, rejected: 0, attempts: 0, nextTry: 0, stuck: false },
});

/** True when the hour came before what the output began with. */
export const isBeforeStart = (segment: SegmentRecord, { start, addedAt }: OutputRecord): boolean => {
  if (start === 'beginning') return false;
  if (start === 'now') return segment.firstArrival < addedAt;
  return segment.hour < start.slice(0, segment.hour.length);
};

/** Unit hour: the generation of the segment is sealed, and is not the one that was delivered. */
export const isHourDue = (segment: SegmentRecord, delivery: Delivery): boolean =>
  segment.state === 'sealed' && !isTaken(segment) && segment.generation !== delivery.generation;

/** Unit pack: packs above the position may be recorded. */
export const mayHavePacks = (segment: SegmentRecord, delivery: Delivery): boolean =>
  segment.highestId >= delivery.nextId && !isTaken(segment);

/** A closed segment gets no more of the packs that are missing: they are stepped over. */
export const isClosed = ({ state }: SegmentRecord): boolean => state === 'incomplete' || state === 'refused';

/** What is known of an output that the ledger has. */
export interface DueRules {
  readonly unit: 'pack' | 'hour';
  wants(segment: SegmentRecord): boolean;
}

/** Whether a sealed segment is still needed by an output. Of one that is not configured any more only its position is known. */
export const isNeeded = (
  known: DueRules | undefined,
  record: OutputRecord,
  segment: SegmentRecord,
  delivery: Delivery,
): boolean => {
  if (isBeforeStart(segment, record)) return false;
  if (known === undefined)
    return (
      delivery.generation !== segment.generation ||
      (delivery.nextId > 1 && delivery.nextId <= segment.highestId)
    );
  if (!known.wants(segment)) return false;
  return known.unit === 'hour' ? isHourDue(segment, delivery) : mayHavePacks(segment, delivery);
};
