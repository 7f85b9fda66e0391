/** What every ledger must do, whatever database keeps it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Ledger, SegmentRecord } from '../../src/ledger/ledger.ts';
import type { SegmentKey } from '../../src/pack/pack.ts';
import { KEY, PACK_BYTES, digestOf, end, lastPack, pack, sealOf } from '../ledger/packs.ts';

/** An empty ledger that can be opened, disposed of and opened again, keeping what it has. */
export interface LedgerHome extends AsyncDisposable {
  open(): Promise<Ledger>;
}

const DAY = { host: KEY.host, stream: KEY.stream, day: '20261122' };

const outcomes = async (ledger: Ledger, ...entries: Parameters<Ledger['commit']>[0]): Promise<string[]> =>
  (await ledger.commit(entries)).map(({ outcome }) => outcome);

const segmentIn = async (ledger: Ledger, key: SegmentKey = KEY): Promise<SegmentRecord> => {
  const segment = await ledger.segment(key);
  assert.ok(segment !== undefined);
  return segment;
};

const stateIn = async (ledger: Ledger): Promise<string> => (await segmentIn(ledger)).state;

/** Records packs 1..count of a segment, the last with its end, and seals it. */
const sealWhole = async (ledger: Ledger, key: SegmentKey, count: number, hoursInDay = 24) => {
  const done = end(count, { hoursInDay });
  for (let id = 1; id < count; id++) await ledger.commit([pack(id, key)]);
  await ledger.commit([pack(count, { ...key, done })]);
  return ledger.seal(sealOf(await segmentIn(ledger, key)));
};

export const ledgerContract = (name: string, createHome: () => Promise<LedgerHome>): void => {
  const test = (title: string, body: (ledger: Ledger, home: LedgerHome) => Promise<void>): void => {
    it(title, async () => {
      await using home = await createHome();
      await using ledger = await home.open();
      await body(ledger, home);
    });
  };

  describe(`${name}: packs`, () => {
    test('gives back what was recorded, in every field', async (ledger) => {
      const entries = [
        pack(1, { codec: 'none' }),
        pack(2, { bytes: 0, lines: 0, lost: { reason: 'source-truncated', bytes: 77 } }),
        pack(3, { offset: PACK_BYTES, checksum: 0xffffffff, done: end(3) }),
      ];
      await ledger.commit(entries);
      assert.deepEqual(await ledger.packs(KEY, 0, 10), entries);
      assert.deepEqual(await ledger.pack(KEY, 2), entries[1]);
      assert.equal(await ledger.pack(KEY, 4), undefined);
      assert.equal(await ledger.pack({ ...KEY, host: 'web2' }, 1), undefined);
    });

    test('keeps everything when it is closed and opened again', async (ledger, home) => {
      await sealWhole(ledger, KEY, 3);
      const before = [await ledger.packs(KEY, 0, 9), await ledger.segment(KEY), await ledger.days({})];
      await ledger[Symbol.asyncDispose]();
      await using again = await home.open();
      assert.deepEqual(
        [await again.packs(KEY, 0, 9), await again.segment(KEY), await again.days({})],
        before,
      );
    });

    test('pages packs by id', async (ledger) => {
      await ledger.commit([3, 1, 2, 5].map((id) => pack(id)));
      const ids = async (after: number, limit: number) =>
        (await ledger.packs(KEY, after, limit)).map(({ header }) => header.id);
      assert.deepEqual(await ids(0, 2), [1, 2]);
      assert.deepEqual(await ids(2, 2), [3, 5]);
      assert.deepEqual(await ids(5, 2), []);
    });

    test('tells the packs around an id', async (ledger) => {
      await ledger.commit([1, 2, 5].map((id) => pack(id)));
      assert.deepEqual(await ledger.around(KEY, 2), { before: pack(1), same: pack(2), after: pack(5) });
      assert.deepEqual(await ledger.around(KEY, 4), { before: pack(2), after: pack(5) });
      assert.deepEqual(await ledger.around({ ...KEY, host: 'web2' }, 1), {});
    });

    test('tells a repeat, however it is compressed and whenever it comes', async (ledger) => {
      assert.deepEqual(await outcomes(ledger, pack(1), pack(1)), ['recorded', 'repeat']);
      assert.deepEqual(await outcomes(ledger, pack(1, { codec: 'none', time: 1 }, 99_999)), ['repeat']);
      const segment = await segmentIn(ledger);
      assert.deepEqual([segment.packs, segment.bytes, segment.lastArrival], [1, PACK_BYTES, 1_001]);
    });

    for (const [what, changes] of Object.entries({
      'another offset': { offset: 1 },
      'other bytes': { bytes: 99 },
      'other lines': { lines: 3 },
      'another checksum': { checksum: 7 },
      'another digest': { sha256: digestOf('other') },
      'a loss': { lost: { reason: 'source-vanished', bytes: 100 } },
      'another generation': { generation: 2 },
      'an end that was not there': { done: end(1) },
    } as const))
      test(`refuses ${what} under a known name, and keeps the first`, async (ledger) => {
        assert.deepEqual(await outcomes(ledger, pack(1), pack(1, changes)), ['recorded', 'conflict']);
        assert.deepEqual(await ledger.packs(KEY, 0, 9), [pack(1)]);
        assert.equal((await segmentIn(ledger)).packs, 1);
      });

    test('refuses bytes where a loss was stated', async (ledger) => {
      const lost = pack(1, { lost: { reason: 'source-vanished', bytes: 100 } });
      assert.deepEqual(await outcomes(ledger, lost, pack(1)), ['recorded', 'conflict']);
    });

    test('refuses a pack that contradicts its neighbours', async (ledger) => {
      await ledger.commit([pack(2), lastPack(4), pack(6, { generation: 2 })]);
      const refused = [
        pack(1, { bytes: 99 }), // a hole before pack 2
        pack(1, { bytes: 101 }), // overlaps pack 2
        pack(3, { offset: 199 }),
        pack(3, { generation: 2 }), // behind it, generation 1 still goes on
        pack(3, { done: end(3) }), // generation 1 ends with pack 4
        pack(5), // generation 1 has ended
        pack(5, { generation: 3 }),
        pack(7, { generation: 1 }),
        pack(8, { generation: 2, done: end(9) }), // counts packs behind itself
      ];
      for (const entry of refused)
        assert.deepEqual(await outcomes(ledger, entry), ['conflict'], JSON.stringify(entry.header));
      assert.deepEqual(
        await outcomes(ledger, pack(1), pack(3), pack(5, { generation: 2 })),
        Array(3).fill('recorded'),
      );
    });

    test('answers a first pack that contradicts itself, and records nothing', async (ledger) => {
      const [result] = await ledger.commit([pack(3, { done: end(4) })]);
      assert.deepEqual(
        [result?.outcome, result?.segment.packs, result?.segment.state],
        ['conflict', 0, 'open'],
      );
      assert.equal(await ledger.segment(KEY), undefined);
    });

    test('takes no packs at all', async (ledger) => {
      assert.deepEqual(await ledger.commit([]), []);
    });

    test('records packs of many segments in one commit', async (ledger) => {
      const other = { ...KEY, hour: '2026112217' };
      const results = await ledger.commit([pack(1), pack(1, other), lastPack(2), pack(2, other)]);
      assert.deepEqual(
        results.map(({ segment }) => [segment.hour, segment.state, segment.packs]),
        [
          [KEY.hour, 'complete', 2],
          [other.hour, 'open', 2],
          [KEY.hour, 'complete', 2],
          [other.hour, 'open', 2],
        ],
      );
    });
  });

  describe(`${name}: states`, () => {
    test('counts a segment as its packs come, in any order', async (ledger) => {
      await ledger.commit([lastPack(3)]);
      await ledger.commit([pack(1)]);
      const [result] = await ledger.commit([pack(2)]);
      assert.deepEqual(result?.segment, {
        ...KEY,
        state: 'complete',
        generation: 1,
        packs: 3,
        lines: 6,
        bytes: 300,
        lostPacks: 0,
        lostBytes: 0,
        highestId: 3,
        storedEnd: 120,
        expected: end(3),
        firstArrival: 1_001,
        lastArrival: 1_003,
        linesArrived: 1_003,
        lastLine: 503,
      });
      assert.deepEqual(await ledger.segment(KEY), result?.segment);
    });

    test('is incomplete, with the reason, when all packs are here and some are lost', async (ledger) => {
      await ledger.commit([
        pack(1),
        pack(2, { lost: { reason: 'source-vanished', bytes: 100 } }),
        lastPack(3),
      ]);
      const segment = await segmentIn(ledger);
      assert.equal(segment.state, 'incomplete');
      assert.match(segment.reason ?? '', /1 of 3 packs with 100 bytes/);
      assert.deepEqual(
        [segment.packs, segment.bytes, segment.lostPacks, segment.lostBytes],
        [3, 200, 1, 100],
      );
    });

    test('seals a complete segment only, and only with what it adds up to', async (ledger) => {
      await ledger.commit([pack(1)]);
      const seal = sealOf({ ...(await segmentIn(ledger)), expected: end(1) });
      await assert.rejects(ledger.seal(seal), { code: 'conflict' });
      await ledger.commit([lastPack(2)]);
      const right = sealOf(await segmentIn(ledger));
      for (const wrong of [
        { packs: 3 },
        { lines: 5 },
        { bytes: 1 },
        { sha256: digestOf('x') },
        { generation: 2 },
      ])
        await assert.rejects(ledger.seal({ ...right, ...wrong }), { code: 'conflict' });
      assert.deepEqual([await ledger.seals(KEY), await stateIn(ledger)], [[], 'complete']);
      assert.deepEqual(await ledger.seal(right), { day: { ...DAY, sealed: 1, hours: 24 } });
      assert.deepEqual([await ledger.seals(KEY), await stateIn(ledger)], [[right], 'sealed']);
    });

    test('takes the same seal twice and counts it once', async (ledger) => {
      const first = await sealWhole(ledger, KEY, 1);
      assert.deepEqual(await ledger.seal(sealOf(await segmentIn(ledger))), first);
    });

    test('does not seal totals that the recorded packs do not have', async (ledger) => {
      await ledger.commit([pack(1), pack(2, { done: end(2, { lines: 5 }) })]);
      await assert.rejects(ledger.seal(sealOf(await segmentIn(ledger))), { code: 'conflict' });
    });

    test('reopens a sealed segment for late packs; both seals stay', async (ledger) => {
      await sealWhole(ledger, KEY, 2);
      await ledger.commit([pack(3, { generation: 2 })]);
      const late = await segmentIn(ledger);
      assert.deepEqual([late.state, late.generation, late.expected], ['open', 2, end(2)]);
      assert.deepEqual(await ledger.days({}), [{ ...DAY, sealed: 0, hours: 24 }]);
      await ledger.commit([lastPack(4, { generation: 2 })]);
      const { day } = await ledger.seal(sealOf(await segmentIn(ledger)));
      assert.deepEqual(day, { ...DAY, sealed: 1, hours: 24 });
      assert.deepEqual(
        (await ledger.seals(KEY)).map((seal) => [seal.generation, seal.packs]),
        [
          [1, 2],
          [2, 4],
        ],
      );
    });

    test('reopens before the first late pack', async (ledger) => {
      await sealWhole(ledger, KEY, 2);
      const open = await ledger.reopen(KEY, 2);
      assert.deepEqual([open.state, open.generation, open.packs], ['open', 2, 2]);
      assert.deepEqual(await ledger.days({}), [{ ...DAY, sealed: 0, hours: 24 }]);
      assert.deepEqual(await ledger.reopen(KEY, 2), open);
      await ledger.commit([lastPack(3, { generation: 2 })]);
      assert.equal(await stateIn(ledger), 'complete');
    });

    test('is not complete with the packs of an earlier generation once a later one is announced', async (ledger) => {
      await ledger.commit([pack(1), lastPack(3)]);
      await ledger.close(KEY, 'incomplete', 'Expired.');
      await ledger.reopen(KEY, 2);
      await ledger.commit([pack(2)]);
      assert.equal(await stateIn(ledger), 'open');
      await ledger.commit([lastPack(4, { generation: 2 })]);
      assert.equal(await stateIn(ledger), 'complete');
    });

    test('does not reopen for a generation that it is at, nor what it does not know', async (ledger) => {
      await assert.rejects(ledger.reopen(KEY, 2), { code: 'conflict' });
      await sealWhole(ledger, KEY, 1);
      await assert.rejects(ledger.reopen(KEY, 1), { code: 'conflict' });
      assert.equal(await stateIn(ledger), 'sealed');
    });

    test('closes with a reason, and goes on when packs come', async (ledger) => {
      await ledger.commit([pack(1), lastPack(3)]);
      await ledger.close(KEY, 'incomplete', 'Nobody has it.');
      assert.deepEqual(
        [await stateIn(ledger), (await segmentIn(ledger)).reason],
        ['incomplete', 'Nobody has it.'],
      );
      await ledger.commit([pack(2)]);
      assert.deepEqual([await stateIn(ledger), (await segmentIn(ledger)).reason], ['complete', undefined]);
      await ledger.close(KEY, 'refused', 'Other digest.');
      assert.equal(await stateIn(ledger), 'refused');
      await ledger.commit([lastPack(4, { generation: 2 })]);
      assert.equal(await stateIn(ledger), 'complete');
    });

    test('never closes what is sealed', async (ledger) => {
      await sealWhole(ledger, KEY, 1);
      await assert.rejects(ledger.close(KEY, 'refused', 'No.'), { code: 'conflict' });
      assert.equal(await stateIn(ledger), 'sealed');
    });

    test('expires open segments whose last pack is old', async (ledger) => {
      const quiet = { ...KEY, hour: '2026112215' };
      const whole = { ...KEY, hour: '2026112214' };
      await ledger.commit([pack(1, quiet, 10), pack(1, KEY, 20), pack(1, { ...whole, done: end(1) }, 5)]);
      assert.deepEqual(
        (await ledger.expire(20, 'Too late.')).map(({ hour, state, reason }) => [hour, state, reason]),
        [[quiet.hour, 'incomplete', 'Too late.']],
      );
      assert.deepEqual(await ledger.expire(20, 'Too late.'), []);
      await ledger.commit([pack(2, quiet, 30)]);
      assert.equal((await segmentIn(ledger, quiet)).state, 'open');
    });
  });

  describe(`${name}: questions`, () => {
    test('names the gaps up to the end that was stated, else up to the highest pack', async (ledger) => {
      assert.deepEqual(await ledger.gaps(KEY, 9), []);
      await ledger.commit([pack(3), pack(4, { lost: { reason: 'source-changed', bytes: 55 } }), pack(8)]);
      const first = [
        { from: 1, to: 2, reason: 'missing' },
        { from: 4, to: 4, reason: 'source-changed', bytes: 55 },
        { from: 5, to: 7, reason: 'missing' },
      ];
      assert.deepEqual(await ledger.gaps(KEY, 9), first);
      assert.deepEqual(await ledger.gaps(KEY, 2), first.slice(0, 2));
      await ledger.commit([lastPack(10)]);
      assert.deepEqual(await ledger.gaps(KEY, 9), [...first, { from: 9, to: 9, reason: 'missing' }]);
    });

    test('lists segments by host, stream and hour, filtered and paged', async (ledger) => {
      const keys = ['a', 'b'].flatMap((host) =>
        ['2026112122', '2026112200', '2026112201'].map((hour) => ({ host, stream: 's', hour })),
      );
      await ledger.commit([...keys].reverse().map((key) => pack(1, key)));
      await sealWhole(ledger, { ...KEY, host: 'c' }, 1);
      const names = async (...args: Parameters<Ledger['segments']>) =>
        (await ledger.segments(...args)).map(({ host, hour }) => `${host} ${hour.slice(6)}`);
      assert.deepEqual(await names({}), [
        'a 2122',
        'a 2200',
        'a 2201',
        'b 2122',
        'b 2200',
        'b 2201',
        'c 2216',
      ]);
      assert.deepEqual(await names({ hour: '20261122', states: ['open'] }), [
        'a 2200',
        'a 2201',
        'b 2200',
        'b 2201',
      ]);
      assert.deepEqual(await names({ since: '2026112201' }), ['a 2201', 'b 2201', 'c 2216']);
      assert.deepEqual(await names({ since: '20261122', host: 'a' }), ['a 2200', 'a 2201']);
      assert.deepEqual(await names({ states: ['sealed', 'refused'] }), ['c 2216']);
      assert.deepEqual(await names({ states: [] }), []);
      assert.deepEqual(await names({ host: 'b', stream: 's' }, { limit: 2 }), ['b 2122', 'b 2200']);
      assert.deepEqual(await names({}, { after: keys[1]!, limit: 2 }), ['a 2201', 'b 2122']);
      assert.deepEqual(await names({ stream: 'none' }), []);
    });

    test('counts the sealed hours of a day; a day of one segment counts alone', async (ledger) => {
      await sealWhole(ledger, { ...KEY, hour: '2026102502' }, 1, 25);
      await sealWhole(ledger, { ...KEY, hour: '2026102502b' }, 1, 25);
      assert.deepEqual(await sealWhole(ledger, { ...KEY, hour: '2026032902' }, 1, 0), { day: undefined });
      const { day } = await sealWhole(ledger, { ...KEY, hour: '20261025' }, 1);
      assert.deepEqual(day, { ...DAY, day: '20261025', sealed: 1, hours: 1 });
      assert.deepEqual(await ledger.days({ host: KEY.host, stream: KEY.stream, day: '20261025' }), [
        { ...DAY, day: '20261025', sealed: 2, hours: 25 },
        { ...DAY, day: '20261025', sealed: 1, hours: 1 },
      ]);
      assert.deepEqual(await ledger.days({ day: '20260329' }), []);
    });
  });
};
