import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import { LogdError } from '../../src/error.ts';
import { runningDigest } from '../../src/pack/digest.ts';
import { segmentName, type VerifiedPack } from '../../src/pack/pack.ts';
import type { Answer, NackCode } from '../../src/wire/peer.ts';
import { cutInto, forged, KEY, logParts } from './packs.ts';
import { brief, storeRig } from './rig.ts';

const NAME = segmentName(KEY);
const reasonOf = (answer: { readonly kind: string; readonly message?: string }): string =>
  answer.message ?? '';

test('packs in order are stored once each, and the segment is complete after the last', async () => {
  const rig = storeRig();
  const packs = await cutInto(logParts(5));
  const answers = await Promise.all([...packs, ...packs].map(rig.put));
  assert.deepEqual(
    answers.map(brief),
    Array.from({ length: 10 }, () => 'ack'),
  );
  assert.equal(rig.sink.writes, 5);
  assert.deepEqual(rig.sink.bytesOf(KEY), Buffer.concat(packs.map(({ raw }) => raw)));
  assert.equal((await rig.ledger.segment(KEY))?.state, 'complete');
  assert.ok(rig.complete.includes(NAME));
  assert.deepEqual(rig.sink.violations, []);
});

test('packs in reverse order are stored as well', async () => {
  const rig = storeRig();
  const packs = await cutInto(logParts(6));
  for (const pack of packs.toReversed()) assert.equal(brief(await rig.put(pack)), 'ack');
  assert.deepEqual(rig.sink.bytesOf(KEY), Buffer.concat(packs.map(({ raw }) => raw)));
  assert.deepEqual(rig.complete, [NAME]);
});

test('other bytes under a stored name are a conflict, and the first are kept', async () => {
  const rig = storeRig();
  const packs = await cutInto(logParts(3));
  await Promise.all(packs.map(rig.put));
  const answer = await rig.put(forged(packs[1]!));
  assert.deepEqual(answer.kind === 'nack' && [answer.code, answer.retryable], ['conflict', false]);
  assert.match(reasonOf(answer), /Pack 2 of web1\/access\/2026112216 is refused/);
  assert.deepEqual(rig.sink.bytesOf(KEY), Buffer.concat(packs.map(({ raw }) => raw)));
  assert.deepEqual(
    rig.events.map(({ name }) => name),
    ['store.conflict'],
  );
});

test('a wrong byte in order is refused before it is written, as something to send again', async () => {
  const rig = storeRig();
  const packs = await cutInto(logParts(3));
  await rig.put(packs[0]!);
  const answer = await rig.put(forged(packs[1]!));
  assert.deepEqual(answer.kind === 'nack' && [answer.code, answer.retryable], ['digest', true]);
  assert.equal(rig.sink.writes, 1);
  assert.deepEqual((await Promise.all(packs.map(rig.put))).map(brief), ['ack', 'ack', 'ack']);
});

const changes: [string, (pack: VerifiedPack) => Partial<VerifiedPack['header']>][] = [
  ['another end', ({ header }) => ({ done: { ...header.done!, lines: header.done!.lines + 1 } })],
  ['another length of the day', ({ header }) => ({ done: { ...header.done!, hoursInDay: 23 } })],
  ['another generation', () => ({ generation: 2 })],
];
for (const [what, change] of changes)
  test(`a last pack that comes again with ${what} is a conflict, not a repeat`, async () => {
    const rig = storeRig();
    const packs = await cutInto(logParts(2));
    await Promise.all(packs.map(rig.put));
    const last = packs[1]!;
    const answer = await rig.put({ ...last, header: { ...last.header, ...change(last) } });
    assert.equal(brief(answer), 'conflict');
    assert.deepEqual((await rig.ledger.segment(KEY))?.expected, last.header.done);
  });

test('an end that is taken back is a conflict', async () => {
  const rig = storeRig();
  const [only] = await cutInto(logParts(1));
  await rig.put(only!);
  const { done: _, ...header } = only!.header;
  assert.equal(brief(await rig.put({ ...only!, header })), 'conflict');
});

test('bytes that are here are no loss, though the agent cannot send them any more', async () => {
  const rig = storeRig();
  const packs = await cutInto(logParts(3));
  await rig.put(packs[0]!);
  await rig.put(packs[1]!);
  const { header } = packs[1]!;
  const lost = { ...header, lost: { reason: 'source-vanished', bytes: header.bytes } } as const;
  assert.equal(brief(await rig.put({ header: lost, raw: Buffer.alloc(0), body: Buffer.alloc(0) })), 'ack');
  assert.equal(brief(await rig.put(packs[2]!)), 'ack');
  assert.equal((await rig.ledger.segment(KEY))?.state, 'complete');
});

test('a pack behind the end of its segment is refused, whether the end is recorded or under way', async () => {
  const rig = storeRig();
  const packs = await cutInto(logParts(4), { ends: [2] });
  const late = packs[2]!;
  const early: VerifiedPack = { ...late, header: { ...late.header, generation: 1 } };
  const answers = await Promise.all([...packs.slice(0, 2), early].map(rig.put));
  assert.deepEqual(answers.map(brief), ['ack', 'ack', 'conflict']);
  assert.equal(brief(await rig.put(early)), 'conflict');
  assert.equal((await rig.ledger.segment(KEY))?.storedEnd, early.header.offset);
});

test('when recording fails nothing is acked, and sending again makes it good', async () => {
  for (const failing of ['flush', 'commit', 'write', 'around', 'segment'] as const) {
    const rig = storeRig();
    const packs = await cutInto(logParts(6));
    let failures = 2;
    const fails = (call: string): boolean => call === failing && failures-- > 0;
    rig.sink.fails = fails;
    rig.ledger.fails = fails;
    const order = [1, 0, 3, 2, 5, 4].map((index) => packs[index]!);
    const first = await Promise.all(order.map(rig.put));
    assert.ok(
      first.some(({ kind }) => kind === 'nack'),
      failing,
    );
    for (const [index, answer] of first.entries()) {
      const { header } = order[index]!;
      if (answer.kind === 'nack')
        assert.deepEqual(
          [answer.code, answer.retryable],
          ['storage', true],
          `${failing} ${reasonOf(answer)}`,
        );
      assert.equal((await rig.ledger.pack(KEY, header.id)) !== undefined, answer.kind === 'ack', failing);
    }
    while (failures > 0) await Promise.all(packs.map(rig.put));
    assert.deepEqual(
      (await Promise.all(packs.map(rig.put))).map(brief),
      packs.map(() => 'ack'),
    );
    assert.deepEqual(rig.sink.bytesOf(KEY), Buffer.concat(packs.map(({ raw }) => raw)));
    assert.deepEqual(rig.sink.violations, []);
    assert.ok(rig.events.some(({ name }) => name === 'store.failed'));
  }
});

test('what is written while an earlier pack fails to be recorded is not acked', async () => {
  const rig = storeRig();
  const [first, second] = (await cutInto(logParts(2))) as [VerifiedPack, VerifiedPack];
  const writing = Promise.withResolvers<void>();
  rig.sink.pause = async (call) => {
    if (call === 'flush') await writing.promise;
    if (call === 'write' && rig.sink.writes === 2) {
      writing.resolve();
      await failed;
    }
  };
  let failures = 1;
  rig.sink.fails = (call) => call === 'flush' && failures-- > 0;
  const failed = rig.put(first);
  assert.equal(brief(await rig.put(second)), 'storage');
  assert.deepEqual((await Promise.all([first, second].map(rig.put))).map(brief), ['ack', 'ack']);
  assert.deepEqual(rig.sink.violations, []);
});

test('`written` is called once for each pack, whatever becomes of it', async () => {
  const refused = new LogdError('corrupt', 'Not what it claims.', { retryable: true });
  const outcomes: [string, NackCode | 'ack', (rig: ReturnType<typeof storeRig>) => Promise<VerifiedPack>][] =
    [
      ['stored', 'ack', async () => (await cutInto(logParts(1)))[0]!],
      ['corrupt', 'corrupt', () => Promise.reject(refused)],
      [
        'the ledger is away',
        'storage',
        async (rig) => {
          rig.ledger.fails = () => true;
          return (await cutInto(logParts(1)))[0]!;
        },
      ],
      [
        'the disk is full',
        'storage',
        async (rig) => {
          rig.sink.fails = () => true;
          return (await cutInto(logParts(1)))[0]!;
        },
      ],
    ];
  for (const [what, expected, prepare] of outcomes) {
    const rig = storeRig();
    const [pack] = await cutInto(logParts(1));
    const verified = prepare(rig);
    await verified.catch(() => undefined);
    let written = 0;
    const answer = await rig.store.put(pack!.header, verified, () => void written++);
    assert.equal(brief(answer), expected, what);
    assert.equal(written, 1, what);
  }
});

test('the ledger is asked again only once everything that was under way has ended', async () => {
  // Pack 2 is refused by the ledger while the late pack 3 is on its way there: who asks now does not hear of pack 3.
  const rig = storeRig();
  const packs = await cutInto(logParts(3), { ends: [1] });
  const [first, second, third] = packs as [VerifiedPack, VerifiedPack, VerifiedPack];
  const early: VerifiedPack = { ...second, header: { ...second.header, generation: 1 } };
  const recorded = Promise.withResolvers<void>();
  let commits = 0;
  let last: Promise<Answer> | undefined;
  rig.ledger.pause = async (call) => {
    if (call !== 'commit') return;
    commits++;
    if (commits === 2) last = rig.put(third);
    while (commits < 3 && rig.sink.writes < commits + 1) await turn();
    if (commits === 3) await recorded.promise;
  };
  assert.deepEqual((await Promise.all([first, early].map(rig.put))).map(brief), ['ack', 'conflict']);
  const raw = Buffer.concat([second.raw, third.raw]);
  const longer: VerifiedPack = {
    header: { ...second.header, bytes: raw.length, lines: 0, crc32: crc32(raw), sha256: third.header.sha256 },
    ...{ raw, body: raw },
  };
  rig.sink.pause = async () => void (await last);
  const answer = rig.put(longer);
  for (let turns = 0; turns < 10; turns++) await turn();
  recorded.resolve();
  assert.deepEqual((await Promise.all([last!, answer])).map(brief), ['ack', 'conflict']);
  assert.deepEqual(rig.sink.violations, []);
});

test('a job runs alone in its segment, with the digest of what arrived in order', async () => {
  const rig = storeRig();
  const packs = await cutInto(logParts(3));
  const stored = packs.map(rig.put);
  const digest = await rig.store.exclusive(KEY, async (arrived) => {
    assert.equal((await rig.ledger.segment(KEY))?.packs, 3, 'all earlier packs are recorded');
    return arrived;
  });
  await Promise.all(stored);
  const whole = runningDigest();
  for (const { raw } of packs) whole.update(raw);
  assert.equal(digest?.hex(), whole.hex());
});

test('the digest of what arrived is not known after disorder, a loss or a restart', async () => {
  const packs = await cutInto(logParts(3));
  const [first, second, third] = packs as [VerifiedPack, VerifiedPack, VerifiedPack];
  const lost: VerifiedPack = {
    header: { ...second.header, lost: { reason: 'source-vanished', bytes: 1 } },
    ...{ raw: Buffer.alloc(0), body: Buffer.alloc(0) },
  };
  for (const order of [
    [second, first, third],
    [first, lost, third],
  ]) {
    const rig = storeRig();
    for (const pack of order) assert.equal(brief(await rig.put(pack)), 'ack');
    assert.equal(await rig.store.exclusive(KEY, (arrived) => Promise.resolve(arrived)), undefined);
  }
});

test('a lane in use is never forgotten, however many segments there are', async () => {
  const rig = storeRig();
  const gate = Promise.withResolvers<void>();
  const keys = Array.from({ length: 1100 }, (_, n) => ({ ...KEY, host: `web${n}` }));
  const [parts, answers] = [logParts(2), [] as Promise<unknown>[]];
  const segments = await Promise.all(keys.map((key) => cutInto(parts, { key })));
  const put = (pack: VerifiedPack): void =>
    void answers.push(
      rig.store.put(
        pack.header,
        gate.promise.then(() => pack),
        () => undefined,
      ),
    );
  for (const [first] of segments) put(first!);
  for (const [, second] of segments) put(second!);
  for (const [first] of segments) put(first!);
  gate.resolve();
  await Promise.all(answers);
  assert.deepEqual(rig.sink.violations, []);
  assert.equal(rig.sink.writes, 2 * keys.length);
  await rig.store.idle();
  for (const [first, second] of segments)
    assert.deepEqual((await Promise.all([rig.put(first!), rig.put(second!)])).map(brief), ['ack', 'ack']);
  assert.equal(rig.sink.writes, 2 * keys.length);
});

test('a late pack reopens a sealed segment before it is written, and its markers go for sure', async () => {
  const rig = storeRig();
  const packs = await cutInto(logParts(3), { ends: [2, 3] });
  await Promise.all(packs.slice(0, 2).map(rig.put));
  const { packs: count, lines, bytes, sha256 } = packs[1]!.header.done!;
  await rig.store.exclusive(KEY, () =>
    rig.ledger.seal({
      ...{ ...KEY, packs: count, lines, bytes, sha256, generation: 1 },
      ...{ firstArrival: 0, lastArrival: 0, sealedAt: 0 },
    }),
  );
  const steps: string[] = [];
  let failures = 2;
  rig.onReopened = async (key) => {
    steps.push(`${(await rig.ledger.segment(key))?.state}, ${rig.sink.writes} written`);
    if (failures-- > 0) throw new LogdError('storage', 'The marker cannot be removed.', { retryable: true });
  };
  assert.equal(brief(await rig.put(packs[2]!)), 'storage');
  rig.sink.fails = (call) => call === 'flush';
  assert.equal(brief(await rig.put(packs[2]!)), 'storage');
  assert.equal(brief(await rig.put(packs[2]!)), 'storage');
  rig.sink.fails = () => false;
  assert.equal(brief(await rig.put(packs[2]!)), 'ack');
  assert.deepEqual(steps, ['open, 2 written', 'open, 2 written', 'open, 2 written']);
  assert.equal((await rig.ledger.segment(KEY))?.state, 'complete');
});
