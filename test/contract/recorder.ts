/** What the tests of sinks stand on: packs of given bytes, and the simplest ledger there can be. */
import type { PackRecord, Place, RecordedSegment, SegmentRecord } from '../../src/ledger/ledger.ts';
import { encode } from '../../src/pack/codec.ts';
import { runningDigest } from '../../src/pack/digest.ts';
import { checksumOf, countLines } from '../../src/pack/survey.ts';
import type { Codec, SegmentKey, VerifiedPack } from '../../src/pack/pack.ts';
import type { Store } from '../../src/stores/store.ts';

export const KEY: SegmentKey = { host: 'web1', stream: 'access', hour: '2026112216' };
export const LAST_LINE = Date.UTC(2026, 10, 22, 16, 59, 59, 123);

/** Packs that lie end to end, one for each part; ids from `firstId`, bytes from `offset`. */
export const packsOf = async (
  parts: readonly Buffer[],
  {
    key = KEY,
    codec = 'zstd',
    firstId = 1,
    offset = 0,
    generation = 1,
  }: {
    readonly key?: SegmentKey;
    readonly codec?: Codec;
    readonly firstId?: number;
    readonly offset?: number;
    readonly generation?: number;
  } = {},
): Promise<VerifiedPack[]> => {
  const digest = runningDigest();
  const packs: VerifiedPack[] = [];
  let at = offset;
  for (const [index, raw] of parts.entries()) {
    digest.update(raw);
    const header = {
      ...{ ...key, id: firstId + index, generation, offset: at, bytes: raw.length, lines: countLines(raw) },
      ...{ checksum: checksumOf(raw), sha256: digest.hex(), codec, time: LAST_LINE },
    };
    packs.push({ header, raw, body: await encode(raw, codec, 1) });
    at += raw.length;
  }
  return packs;
};

/** Lines that compress as logs do, and differ from one another. */
export const logLines = (count: number, seed = 1): Buffer =>
  Buffer.from(
    Array.from(
      { length: count },
      (_, n) => `10.0.0.${(n * seed) % 250} GET /page/${n * 7919 * seed} 200\n`,
    ).join(''),
  );

/** The ledger of one segment, in memory. */
export class Recorder {
  readonly records = new Map<number, PackRecord>();

  add({ header }: VerifiedPack, place: Place): void {
    this.records.set(header.id, { header, place, arrivedAt: 0 });
  }

  /** What the commit stage passes to `Store.write`: undefined while nothing is recorded. */
  get known(): RecordedSegment | undefined {
    return this.records.size === 0 ? undefined : this.recorded;
  }

  get recorded(): RecordedSegment {
    const all = [...this.records.values()].toSorted((a, b) => a.header.id - b.header.id);
    const sum = (of: (record: PackRecord) => number): number =>
      all.reduce((total, each) => total + of(each), 0);
    const segment: SegmentRecord = {
      ...{ ...KEY, ...keyOf(all[0]), state: 'complete', generation: 1, packs: all.length },
      ...{ lines: sum(({ header }) => header.lines), bytes: sum(({ header }) => header.bytes) },
      ...{ lostPacks: 0, lostBytes: 0, highestId: all.at(-1)?.header.id ?? 0 },
      storedEnd: Math.max(0, ...all.map(({ place }) => place.at + place.length)),
      ...{ firstArrival: 0, lastArrival: 0, lastLine: LAST_LINE },
    };
    return {
      segment,
      async *packs() {
        yield* all;
      },
    };
  }
}

const keyOf = (record: PackRecord | undefined): Partial<SegmentKey> =>
  record === undefined
    ? {}
    : { host: record.header.host, stream: record.header.stream, hour: record.header.hour };

/** Writes packs, flushes, and records them: what the commit stage does. */
export const storePacks = async (
  store: Store,
  recorder: Recorder,
  packs: readonly VerifiedPack[],
): Promise<void> => {
  const places: Place[] = [];
  for (const pack of packs) places.push(await store.write(pack, recorder.known));
  await store.flush();
  for (const [index, pack] of packs.entries()) recorder.add(pack, places[index]!);
};

/** All that the store gives back of a segment. */
export const readBack = async (store: Pick<Store, 'read'>, recorded: RecordedSegment): Promise<Buffer> => {
  const parts: Buffer[] = [];
  for await (const part of store.read(recorded)) parts.push(part);
  return Buffer.concat(parts);
};
