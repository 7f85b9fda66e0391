/** What an output still has to do in a segment: pure rules over what the ledger says. */
import type { Delivery, OutputRecord } from '../ledger/delivery.ts';
import type { SegmentRecord } from '../ledger/ledger.ts';
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
  segment.state === 'sealed' && segment.generation !== delivery.generation;

/** Unit pack: packs above the position may be recorded. */
export const mayHavePacks = (segment: SegmentRecord, delivery: Delivery): boolean =>
  segment.highestId >= delivery.nextId;

/** A closed segment gets no more of the packs that are missing: they are stepped over. */
export const isClosed = ({ state }: SegmentRecord): boolean => state === 'incomplete' || state === 'refused';
