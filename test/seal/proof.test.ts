import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { PackRecord, RecordedSegment, SegmentRecord } from '../../src/ledger/ledger.ts';
import { runningDigest } from '../../src/pack/digest.ts';
import type { VerifiedPack } from '../../src/pack/pack.ts';
import { disproof } from '../../src/seal/proof.ts';
import { cutInto, logParts } from '../commit/packs.ts';

/** The segment as a ledger that knows these packs has it. */
const recordedFrom = (
  packs: readonly VerifiedPack[],
  changes: Partial<SegmentRecord> = {},
): RecordedSegment => {
  const { header } = packs.at(-1)!;
  const { done } = header;
  return {
    segment: {
      ...{ host: header.host, stream: header.stream, hour: header.hour, state: 'complete', generation: 1 },
      ...{
        packs: packs.length,
        lines: done?.lines ?? 0,
        bytes: done?.bytes ?? 0,
        lostPacks: 0,
        lostBytes: 0,
      },
      ...{ highestId: header.id, storedEnd: done?.bytes ?? 0, ...(done && { expected: done }) },
      ...{ firstArrival: 0, lastArrival: 0, lastLine: 0, ...changes },
    },
    async *packs() {
      for (const pack of packs) {
        const place = { at: pack.header.offset, length: pack.header.bytes };
        yield { header: pack.header, place, arrivedAt: 0 } satisfies PackRecord;
      }
    },
  };
};

/** A store that has these bytes, and gives them back in pieces of such lengths. */
const storeOf = (bytes: Buffer, lengths: readonly number[] = [7]) => {
  const calls = { reads: 0, closed: 0 };
  return {
    calls,
    async *read() {
      calls.reads++;
      try {
        for (let at = 0, n = 0; at < bytes.length; n++) {
          const length = lengths[n % lengths.length]!;
          yield bytes.subarray(at, at + length);
          at += length;
        }
      } finally {
        calls.closed++;
      }
    },
  };
};

const bytesOf = (packs: readonly VerifiedPack[]): Buffer => Buffer.concat(packs.map(({ raw }) => raw));

test('what the agent read is proven, in whatever pieces a store gives it back', async () => {
  const packs = await cutInto([...logParts(6), Buffer.alloc(0)]);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1 }), async (lengths) => {
      const store = storeOf(bytesOf(packs), lengths);
      assert.equal(await disproof(store, recordedFrom(packs), undefined), undefined);
    }),
    { numRuns: 50 },
  );
});

test('one changed byte names the pack in which it lies', async () => {
  const packs = await cutInto([Buffer.alloc(0), ...logParts(6)]);
  const bytes = bytesOf(packs);
  await fc.assert(
    fc.asyncProperty(
      fc.nat(bytes.length - 1),
      fc.integer({ min: 1, max: 255 }),
      fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1 }),
      async (at, mask, lengths) => {
        const changed = Buffer.from(bytes);
        changed[at] = changed[at]! ^ mask;
        const { header } = packs.find(({ header: { offset, bytes: length } }) => at < offset + length)!;
        const reason = await disproof(storeOf(changed, lengths), recordedFrom(packs), undefined);
        const { id, offset, bytes: length } = header;
        assert.match(
          reason ?? 'proven',
          new RegExp(`pack ${id} \\(bytes ${offset} to ${offset + length}\\) is the first`),
        );
      },
    ),
    { numRuns: 100 },
  );
});

test('bytes that end too early, and bytes too many, are no proof', async () => {
  const packs = await cutInto(logParts(3));
  const bytes = bytesOf(packs);
  const { offset } = packs[2]!.header;
  const short = await disproof(storeOf(bytes.subarray(0, offset)), recordedFrom(packs), undefined);
  assert.match(short ?? 'proven', new RegExp(`the stored bytes end at ${offset}\\.$`));
  const long = await disproof(
    storeOf(Buffer.concat([bytes, Buffer.from('x')])),
    recordedFrom(packs),
    undefined,
  );
  assert.match(long ?? 'proven', /every pack is what it claims, and the end is not/);
});

test('a middle pack with a false digest is named, also where the hour as a whole is right', async () => {
  const packs = await cutInto(logParts(4));
  const { header } = packs[1]!;
  const lied = packs.with(1, { ...packs[1]!, header: { ...header, sha256: '0'.repeat(64) } });
  const reason = await disproof(storeOf(bytesOf(packs)), recordedFrom(lied), undefined);
  assert.match(reason!, /^Pack 2 came with a false SHA-256 .*0{64}/);
});

test('counts that differ are told before a byte is read', async () => {
  const packs = await cutInto(logParts(3));
  for (const what of ['packs', 'lines', 'bytes'] as const) {
    const store = storeOf(bytesOf(packs));
    const reason = await disproof(store, recordedFrom(packs, { [what]: 2 }), undefined);
    const { done } = packs[2]!.header;
    assert.equal(reason, `It has 2 ${what}, its agent read ${done![what]}.`);
    assert.equal(store.calls.reads, 0);
  }
  const open = await cutInto(logParts(1), { ends: [] });
  assert.match(
    (await disproof(storeOf(Buffer.alloc(0)), recordedFrom(open), undefined)) ?? '',
    /not been announced/,
  );
});

test('the digest of what arrived spares the reading, only where it is that of all bytes', async () => {
  const packs = await cutInto(logParts(3));
  const [part, whole] = [runningDigest(), runningDigest()];
  part.update(packs[0]!.raw);
  whole.update(bytesOf(packs));
  for (const [arrived, reads] of [
    [part, 1],
    [whole, 0],
  ] as const) {
    const store = storeOf(bytesOf(packs));
    assert.equal(await disproof(store, recordedFrom(packs), arrived), undefined);
    assert.deepEqual([store.calls.reads, store.calls.closed], [reads, reads]);
  }
  const wrong = runningDigest();
  wrong.update(Buffer.alloc(whole.bytes));
  assert.equal(await disproof(storeOf(bytesOf(packs)), recordedFrom(packs), wrong), undefined);
});
