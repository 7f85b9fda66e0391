/** The commit stage against random histories: order, repeats, forgeries, overlaps, late packs, and disks and databases that fail. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { isRepeat } from '../../src/ledger/rules.ts';
import { segmentName, type SegmentKey, type VerifiedPack } from '../../src/pack/pack.ts';
import { checksumOf } from '../../src/pack/survey.ts';
import { recordedSegment } from '../../src/ledger/recorded.ts';
import { disproof } from '../../src/seal/proof.ts';
import type { Answer } from '../../src/pack/answer.ts';
import { randomFrom, seedOf } from '../flow/lines.ts';
import { cutInto, forged, KEY, logParts } from './packs.ts';
import { commitRig, type CommitRig } from './rig.ts';

const RUNS = 150;
const SEGMENTS = 3;
const MOST_ROUNDS = 60;

type Random = () => number;

const upTo = (random: Random, most: number): number => Math.floor(random() * (most + 1));

const shuffled = <T>(items: readonly T[], random: Random): T[] =>
  items
    .map((item) => ({ item, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);

const segmentsOf = (random: Random): Promise<VerifiedPack[][]> =>
  Promise.all(
    Array.from({ length: SEGMENTS }, (_, n) => {
      const count = 1 + upTo(random, 9);
      const parts = logParts(count, n + 1).map((part) => (random() < 0.1 ? Buffer.alloc(0) : part));
      const early = 1 + upTo(random, count - 1);
      const ends = random() < 0.3 && early < count ? [early, count] : [count];
      return cutInto(parts, { key: { ...KEY, host: `web${n}` }, ends });
    }),
  );

/** What a hostile client makes of a pack: consistent in itself, and wrong. */
const twisted = (pack: VerifiedPack, random: Random): VerifiedPack => {
  const { header } = pack;
  const moved = (offset: number): VerifiedPack => ({
    ...pack,
    header: {
      ...header,
      offset,
      done: header.done && { ...header.done, bytes: offset + header.bytes },
    } as typeof header,
  });
  switch (upTo(random, 4)) {
    case 0:
      return pack.raw.length === 0 ? pack : forged(pack);
    case 1:
      return moved(Math.max(0, header.offset - 1 - upTo(random, 40)));
    case 2:
      return moved(header.offset + 1 + upTo(random, 40));
    case 3: {
      const raw = Buffer.concat([pack.raw, Buffer.from('more\n')]);
      const { done: _, ...rest } = header;
      return {
        header: { ...rest, bytes: raw.length, lines: header.lines + 1, checksum: checksumOf(raw) },
        raw,
        body: raw,
      };
    }
    default:
      return {
        ...pack,
        header: { ...header, id: header.id + upTo(random, 3), generation: 1 + upTo(random, 2) },
      };
  }
};

interface Given {
  readonly pack: VerifiedPack;
  readonly answer: Answer;
}

/** Acked: recorded as it came. Recorded: acked once. Stored where it is recorded: exactly those bytes. */
const checkWhatIsStored = async (
  rig: CommitRig,
  keys: readonly SegmentKey[],
  given: readonly Given[],
): Promise<void> => {
  assert.deepEqual(rig.store.violations, []);
  for (const key of keys) {
    const own = given.filter(({ pack }) => segmentName(pack.header) === segmentName(key));
    const records = await rig.ledger.packs(key, 0, 1000);
    const bytes = rig.store.bytesOf(key);
    for (const { pack, answer } of own) {
      const record = records.find(({ header }) => header.id === pack.header.id);
      if (answer.kind === 'ack')
        assert.ok(record && isRepeat(record.header, pack.header), 'acked and not recorded');
    }
    for (const { header, place } of records) {
      assert.ok(
        own.some(
          ({ pack, answer }) =>
            (answer.kind === 'ack' || answer.code === 'storage') && isRepeat(header, pack.header),
        ),
        `pack ${header.id} is recorded and was neither acked nor in doubt`,
      );
      const stored = bytes.subarray(place.at, place.at + place.length);
      assert.equal(stored.length, header.bytes);
      assert.equal(checksumOf(stored), header.checksum, `pack ${header.id} is stored as something else`);
    }
    const segment = await rig.ledger.segment(key);
    assert.equal(segment?.packs ?? 0, records.length);
  }
};

/** Sends in random batches; some calls of the store and the ledger fail while `failing`. */
const send = async (rig: CommitRig, packs: readonly VerifiedPack[], random: Random): Promise<Given[]> => {
  const given: Promise<Given>[] = [];
  for (const pack of packs) {
    given.push(rig.put(pack).then((answer) => ({ pack, answer })));
    if (random() < 0.3) await turn();
    if (random() < 0.05) await Promise.all(given);
  }
  return Promise.all(given);
};

const run = async (seed: number, hostile: boolean): Promise<{ sealed: number; failures: number }> => {
  const random = randomFrom(seed);
  const rig = commitRig();
  const segments = await segmentsOf(random);
  const keys = segments.map(([first]) => first!.header);
  let [failures, share] = [0, random() < 0.5 ? 0.15 : 0];
  const fails = (): boolean => {
    if (random() >= share) return false;
    failures++;
    return true;
  };
  const pause = async (): Promise<void> => {
    for (let turns = upTo(random, 2); turns > 0; turns--) await turn();
  };
  Object.assign(rig.store, { fails, pause });
  Object.assign(rig.ledger, { fails, pause, doubts: (call: string) => call === 'commit' && fails() });

  const all = segments.flat();
  const twice = [...all, ...all.filter(() => random() < 0.4)];
  const bad = hostile ? all.filter(() => random() < 0.3).map((pack) => twisted(pack, random)) : [];
  const given = await send(
    rig,
    random() < 0.3 ? [...twice, ...bad] : shuffled([...twice, ...bad], random),
    random,
  );
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const missing = all.filter((pack) =>
      given.every((each) => each.pack !== pack || each.answer.kind === 'nack'),
    );
    if (missing.length === 0) break;
    if (round === 20) share = 0;
    given.push(...(await send(rig, missing, random)));
  }
  share = 0;
  await rig.commit.idle();
  await checkWhatIsStored(rig, keys, given);
  let sealed = 0;
  for (const [index, key] of keys.entries()) {
    const segment = await rig.ledger.segment(key);
    const truth = segments[index]!;
    if (!hostile) {
      assert.equal(segment?.state, 'complete', `${segmentName(key)} did not converge`);
      assert.ok(rig.complete.includes(segmentName(key)));
    }
    if (segment?.state !== 'complete') continue;
    const proven = await rig.commit.exclusive(key, async (arrived) => {
      const recorded = recordedSegment(rig.ledger, segment);
      const [early, late] = [
        await disproof(rig.store, recorded, arrived),
        await disproof(rig.store, recorded, undefined),
      ];
      assert.equal(
        early === undefined,
        late === undefined,
        'the running digest proves what the stored bytes do',
      );
      return late === undefined;
    });
    const equal = Buffer.concat(truth.map(({ raw }) => raw)).equals(
      rig.store.bytesOf(key).subarray(0, segment.storedEnd),
    );
    if (!hostile) assert.ok(proven && equal, segmentName(key));
    if (proven && segment.expected?.sha256 === truth.at(-1)!.header.sha256)
      assert.ok(equal, 'proven and not equal');
    if (proven) sealed++;
  }
  return { sealed, failures };
};

for (const hostile of [false, true])
  test(`whatever ${hostile ? 'a hostile client sends' : 'order packs come in'} and whatever fails, acked is stored once`, async () => {
    const seed = seedOf();
    let [sealed, failures] = [0, 0];
    for (let n = 0; n < RUNS; n++) {
      const result = await run(seed + n, hostile).catch((error: unknown) => {
        throw new Error(`LOGD_SEED=${seed + n}${hostile ? ', hostile' : ''}`, { cause: error });
      });
      sealed += result.sealed;
      failures += result.failures;
    }
    assert.ok(
      sealed > RUNS / 2 && failures > RUNS,
      `${sealed} sealed, ${failures} failures: the test tries too little`,
    );
  });
