/** The queues of the segments that packs come for. Those that nobody uses are kept for a while, for what they know. */
import type { Ledger } from '../ledger/ledger.ts';
import { type SegmentKey, segmentName } from '../pack/pack.ts';
import { createSegmentQueue, type SegmentQueue } from './segment-queue.ts';

/** With about 5 KiB each. Each spares a segment the reading back of its bytes when it is sealed. */
const IDLE_QUEUES = 4096;

export interface SegmentQueues {
  of(key: SegmentKey): SegmentQueue;
  /** Undefined where there is none in memory. */
  known(key: SegmentKey): SegmentQueue | undefined;
  all(): Iterable<SegmentQueue>;
}

export const createSegmentQueues = (ledger: Ledger): SegmentQueues => {
  const queues = new Map<string, SegmentQueue>();

  const queueOf = (key: SegmentKey): SegmentQueue => {
    const name = segmentName(key);
    const queue =
      queues.get(name) ?? createSegmentQueue(ledger, { host: key.host, stream: key.stream, hour: key.hour });
    queues.delete(name);
    queues.set(name, queue);
    if (queues.size > IDLE_QUEUES) evictIdle(queue);
    return queue;
  };

  const evictIdle = (wanted: SegmentQueue): void => {
    for (const [name, queue] of queues) {
      if (queues.size <= IDLE_QUEUES) return;
      if (queue.users === 0 && queue !== wanted) queues.delete(name);
    }
  };

  return { of: queueOf, known: (key) => queues.get(segmentName(key)), all: () => queues.values() };
};
