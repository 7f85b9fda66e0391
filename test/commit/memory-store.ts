/**
 * A store in memory that watches over its callers: never two writes to one segment at a time, never a write over bytes that the
 * ledger has recorded. What a failed flush was to make durable is destroyed, as a kernel may do.
 */
import { LogdError } from '../../src/error.ts';
import type { PackRecord, Place } from '../../src/ledger/ledger.ts';
import { segmentName, type SegmentKey, type VerifiedPack } from '../../src/pack/pack.ts';
import type { Store } from '../../src/stores/store.ts';

const RUBBISH = 0xee;

export type SinkCall = 'write' | 'flush' | 'seal' | 'read';

interface Stored {
  bytes: Buffer;
  unflushed: Place[];
  writing: boolean;
  /** All was forgotten since: the next write goes on after what is recorded. */
  forgotten: boolean;
}

export interface MemoryStore extends Store {
  fails: (call: SinkCall) => boolean;
  pause: (call: SinkCall) => Promise<void>;
  /** What callers did that they must not do. */
  readonly violations: string[];
  readonly writes: number;
  /** How often it was told to forget. */
  readonly forgotten: number;
  bytesOf(key: SegmentKey): Buffer;
}

/** `recorded` tells what the ledger has of a segment. */
export const memoryStore = (recorded: (key: SegmentKey) => readonly PackRecord[]): MemoryStore => {
  const segments = new Map<string, Stored>();
  const violations: string[] = [];
  let [writes, forgotten] = [0, 0];

  const storedOf = (key: SegmentKey): Stored => {
    const name = segmentName(key);
    const stored = segments.get(name) ?? {
      bytes: Buffer.alloc(0),
      unflushed: [],
      writing: false,
      forgotten: false,
    };
    segments.set(name, stored);
    return stored;
  };

  const pause = async (call: SinkCall): Promise<void> => {
    await store.pause(call);
    if (store.fails(call))
      throw new LogdError('storage', `The disk refuses to ${call}.`, { retryable: true });
  };

  const checkRoom = (key: SegmentKey, id: number, place: Place): void => {
    for (const { header, place: other } of recorded(key))
      if (place.at < other.at + other.length && other.at < place.at + place.length)
        violations.push(`pack ${id} of ${segmentName(key)} was written over pack ${header.id}`);
  };

  const cutBack = (key: SegmentKey, stored: Stored, end: number): void => {
    stored.forgotten = false;
    stored.bytes = stored.bytes.subarray(0, end);
    for (const { header, place } of recorded(key))
      if (place.at + place.length > end)
        violations.push(`pack ${header.id} of ${segmentName(key)} was cut off`);
  };

  const store: MemoryStore = {
    fails: () => false,
    pause: () => Promise.resolve(),
    violations,
    id: 'memory',
    get writes() {
      return writes;
    },
    get forgotten() {
      return forgotten;
    },
    forget() {
      forgotten++;
      for (const stored of segments.values()) stored.forgotten = true;
    },
    bytesOf: (key) => storedOf(key).bytes,
    recover: () => Promise.resolve(),
    isAsRecorded: () => Promise.resolve(true),
    async write({ header, raw }: VerifiedPack, known) {
      const stored = storedOf(header);
      if (stored.writing) violations.push(`two writes at a time to ${segmentName(header)}`);
      stored.writing = true;
      writes++;
      try {
        const place = { at: raw.length === 0 ? 0 : header.offset, length: raw.length };
        const era = forgotten;
        await pause('write');
        if (era !== forgotten)
          throw new LogdError('storage', 'What was written before is forgotten.', { retryable: true });
        if (stored.forgotten && raw.length > 0) cutBack(header, stored, known?.segment.storedEnd ?? 0);
        checkRoom(header, header.id, place);
        const end = place.at + place.length;
        if (end > stored.bytes.length)
          stored.bytes = Buffer.concat([stored.bytes, Buffer.alloc(end - stored.bytes.length)]);
        raw.copy(stored.bytes, place.at);
        stored.unflushed.push(place);
        return place;
      } finally {
        stored.writing = false;
      }
    },
    async flush() {
      const taken = [...segments.values()].map((stored) => ({ stored, places: stored.unflushed.splice(0) }));
      try {
        await pause('flush');
      } catch (error) {
        for (const { stored, places } of taken)
          for (const { at, length } of places) stored.bytes.fill(RUBBISH, at, at + length);
        throw error;
      }
    },
    async *read({ segment, packs }, isWanted = () => true) {
      await pause('read');
      for await (const { header, place } of packs())
        if (isWanted(header))
          yield Buffer.from(storedOf(segment).bytes.subarray(place.at, place.at + place.length));
    },
    remove: (key) => {
      segments.delete(segmentName(key));
      return Promise.resolve();
    },
    async seal({ segment }) {
      await pause('seal');
      const stored = storedOf(segment);
      stored.bytes = stored.bytes.subarray(0, segment.storedEnd);
    },
    locate: segmentName,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  return store;
};
