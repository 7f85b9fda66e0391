/** A ledger and a file sink on disk, with hours put in by hand as a sink node would: what status and audit look at. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSqliteLedger } from '../../src/ledger/sqlite/sqlite-ledger.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { recordedSegment } from '../../src/ledger/recorded.ts';
import { runningDigest } from '../../src/pack/digest.ts';
import { checksumOf, countLines } from '../../src/pack/survey.ts';
import type { SegmentKey, VerifiedPack } from '../../src/pack/pack.ts';
import { encode } from '../../src/pack/codec.ts';
import { openStore } from '../../src/stores/registry.ts';
import type { Store } from '../../src/stores/store.ts';

const WRITTEN_AT = Date.UTC(2026, 10, 22, 16, 59, 59);
const ARRIVED_AT = WRITTEN_AT + 2500;

export interface StoredHours extends AsyncDisposable {
  readonly dir: string;
  readonly ledger: Ledger;
  readonly sink: Store;
  /** Stores the texts as packs 1, 2 …; `skip` leaves out pack ids; `ended` false: no last pack is marked; `reversed`: the last comes first. */
  store(key: SegmentKey, texts: readonly (string | Buffer)[], options?: CommitStageOptions): Promise<void>;
  /** A pack of generation 2 behind a sealed segment. */
  addLate(key: SegmentKey, text: string): Promise<void>;
}

interface CommitStageOptions {
  readonly skip?: readonly number[];
  readonly ended?: boolean;
  readonly reversed?: boolean;
  /** Milliseconds by which each next pack arrives later. */
  readonly apart?: number;
}

export const key = (host: string, hour: string): SegmentKey => ({ host, stream: 'access', hour });

export const storedHours = async (compression: 'none' | 'zstd' = 'none'): Promise<StoredHours> => {
  const dir = await mkdtemp(join(tmpdir(), 'logd-cli-test-'));
  const ledger = await openSqliteLedger({ path: join(dir, 'ledger.db') });
  const options = { dir: join(dir, 'stored'), compression, layout: '{stream}/{date}/{hour}/{host}.log' };
  const sink = await openStore({ kind: 'file', ...options }, undefined);
  return {
    ...{ dir, ledger, sink },
    async store(segment, texts, { skip = [], ended = true, reversed = false, apart = 0 } = {}) {
      const packs = (await cut(segment, texts, ended, compression)).filter(
        ({ header }) => !skip.includes(header.id),
      );
      for (const [n, pack] of (reversed ? packs.toReversed() : packs).entries()) {
        const place = await sink.write(pack, undefined);
        await sink.flush();
        await ledger.commit([{ header: pack.header, place, arrivedAt: ARRIVED_AT + n * apart }]);
      }
      const record = (await ledger.segment(segment))!;
      if (record.state !== 'complete') return;
      await sink.seal(recordedSegment(ledger, record));
      const { packs: count, lines, bytes, sha256 } = record.expected!;
      await ledger.seal({
        ...{ ...segment, packs: count, lines, bytes, sha256, generation: 1 },
        ...{ firstArrival: ARRIVED_AT, lastArrival: ARRIVED_AT, sealedAt: ARRIVED_AT },
      });
    },
    async addLate(segment, text) {
      const { packs, bytes } = (await ledger.segment(segment))!;
      const [pack] = await cut(segment, [text], false, compression);
      const header = { ...pack!.header, id: packs + 1, generation: 2, offset: bytes };
      const record = await ledger.reopen(segment, 2);
      const place = await sink.write({ ...pack!, header }, recordedSegment(ledger, record));
      await sink.flush();
      await ledger.commit([{ header, place, arrivedAt: ARRIVED_AT }]);
    },
    async [Symbol.asyncDispose]() {
      await sink[Symbol.asyncDispose]();
      await ledger[Symbol.asyncDispose]();
      await rm(dir, { recursive: true, force: true });
    },
  };
};

const cut = async (
  segment: SegmentKey,
  texts: readonly (string | Buffer)[],
  ended: boolean,
  codec: 'none' | 'zstd',
): Promise<VerifiedPack[]> => {
  const digest = runningDigest();
  const packs: VerifiedPack[] = [];
  let lines = 0;
  for (const [index, text] of texts.entries()) {
    const raw = typeof text === 'string' ? Buffer.from(text) : text;
    const offset = digest.bytes;
    digest.update(raw);
    lines += countLines(raw);
    const totals = { packs: texts.length, lines, bytes: digest.bytes, sha256: digest.hex(), hoursInDay: 24 };
    const header = {
      ...{ ...segment, id: index + 1, generation: 1, offset, bytes: raw.length, lines: countLines(raw) },
      ...{ checksum: checksumOf(raw), sha256: digest.hex(), codec, time: WRITTEN_AT },
      ...(ended && index === texts.length - 1 && { done: totals }),
    };
    packs.push({ header, raw, body: await encode(raw, codec, 1) });
  }
  return packs;
};
