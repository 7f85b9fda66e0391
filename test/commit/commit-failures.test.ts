/** The commit stage while store and ledger fail, and while more happens at once than it can remember. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { LogdError } from '../../src/error.ts';
import { type VerifiedPack } from '../../src/pack/pack.ts';
import { checksumOf } from '../../src/pack/survey.ts';
import type { Answer, NackCode } from '../../src/pack/answer.ts';
import { cutInto, KEY, logParts } from './packs.ts';
import { brief, commitRig } from './rig.ts';

const reasonOf = (answer: { readonly kind: string; readonly message?: string }): string =>
  answer.message ?? '';

test('when recording fails nothing is acked, and sending again makes it good', async () => {
  for (const failing of ['flush', 'commit', 'write', 'around', 'segment'] as const) {
    const rig = commitRig();
    const packs = await cutInto(logParts(6));
    let failures = 2;
    const fails = (call: string): boolean => call === failing && failures-- > 0;
    rig.store.fails = fails;
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
    assert.deepEqual(rig.store.bytesOf(KEY), Buffer.concat(packs.map(({ raw }) => raw)));
    assert.deepEqual(rig.store.violations, []);
    assert.ok(rig.events.some(({ name }) => name === 'store.failed'));
    // The others fail before anything is written.
    assert.equal(rig.store.forgotten > 0, failing === 'flush' || failing === 'commit', failing);
  }
});

test('packs that cannot be stored for a minute are an error, and their hours say why; then they are stored again', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const rig = commitRig();
  const other = { ...KEY, host: 'web2' };
  const packs = [await cutInto(logParts(3)), await cutInto(logParts(3), { key: other })].flat();
  const named = (name: string) => rig.events.filter((event) => event.name === name);
  const first = packs.filter(({ header }) => header.id === 1);
  await Promise.all(first.map(rig.put));
  const rest = packs.filter(({ header }) => header.id > 1);
  rig.store.fails = (call) => call === 'write';
  await Promise.all(rest.map(rig.put));
  t.mock.timers.tick(59_999);
  assert.deepEqual(named('store.stopped'), []);
  t.mock.timers.tick(1);
  const [stopped] = named('store.stopped');
  assert.equal((stopped?.fields as { hours: number }).hours, 2);
  await turn();
  assert.match((await rig.ledger.segment(KEY))?.reason ?? '', /./);
  assert.match((await rig.ledger.segment(other))?.reason ?? '', /./);
  await Promise.all(rest.map(rig.put));
  t.mock.timers.tick(60_000);
  assert.equal(named('store.stopped').length, 1, 'said once');
  rig.store.fails = () => false;
  const [one, ...others] = rest;
  assert.equal(brief(await rig.put(one!)), 'ack');
  assert.deepEqual(named('store.again'), [], 'web2 still waits');
  await Promise.all(others.map(rig.put));
  assert.equal(named('store.again').length, 1);
  assert.equal((await rig.ledger.segment(other))?.reason, undefined);
});

test('packs wait while the store misses what is recorded, and one event says so', async () => {
  const rig = commitRig();
  const packs = await cutInto(logParts(4), { ends: [2, 4] });
  await Promise.all(packs.slice(0, 2).map(rig.put));
  rig.store.fails = (call) => {
    if (call === 'write') throw new LogdError('corrupt', 'The file is gone.', { retryable: true });
    return false;
  };
  const told = { name: 'store.missing', fields: { ...KEY, reason: 'The file is gone.' } };
  for (let time = 1; time <= 2; time++)
    for (const pack of packs.slice(2))
      assert.deepEqual(await rig.put(pack), {
        ...{ kind: 'nack', code: 'storage', message: 'The file is gone.', retryable: true },
      });
  assert.deepEqual(rig.events, [told]);
  assert.equal((await rig.ledger.segment(KEY))?.packs, 2);
  rig.store.fails = () => false;
  assert.equal(brief(await rig.put(packs[2]!)), 'ack');
  // The bytes that arrived prove nothing of what was put in their place since.
  assert.equal(await rig.commit.exclusive(KEY, (arrived) => Promise.resolve(arrived)), undefined);
  rig.store.fails = (call) => {
    if (call === 'write') throw new LogdError('corrupt', 'The file is gone.', { retryable: true });
    return false;
  };
  assert.equal(brief(await rig.put(packs[3]!)), 'storage');
  assert.deepEqual(rig.events, [told, told]);
});

test('the store is told what is recorded of the segment with each pack', async () => {
  const rig = commitRig();
  const seen: (number | undefined)[] = [];
  const { write } = rig.store;
  rig.store.write = async (pack, recorded) => {
    let packs = 0;
    if (recorded !== undefined) for await (const _ of recorded.packs()) packs++;
    assert.equal(packs, recorded?.segment.packs ?? 0);
    seen.push(recorded?.segment.storedEnd);
    return write(pack, recorded);
  };
  const packs = await cutInto(logParts(3));
  for (const pack of packs) await rig.put(pack);
  assert.deepEqual(seen, [undefined, packs[1]!.header.offset, packs[2]!.header.offset]);
});

test('what is written while an earlier pack fails to be recorded is not acked', async () => {
  const rig = commitRig();
  const [first, second] = (await cutInto(logParts(2))) as [VerifiedPack, VerifiedPack];
  const writing = Promise.withResolvers<void>();
  rig.store.pause = async (call) => {
    if (call === 'flush') await writing.promise;
    if (call === 'write' && rig.store.writes === 2) {
      writing.resolve();
      await failed;
    }
  };
  let failures = 1;
  rig.store.fails = (call) => call === 'flush' && failures-- > 0;
  const failed = rig.put(first);
  assert.equal(brief(await rig.put(second)), 'storage');
  assert.deepEqual((await Promise.all([first, second].map(rig.put))).map(brief), ['ack', 'ack']);
  assert.deepEqual(rig.store.violations, []);
});

test('`written` is called once for each pack, whatever becomes of it', async () => {
  const refused = new LogdError('corrupt', 'Not what it claims.', { retryable: true });
  const outcomes: [string, NackCode | 'ack', (rig: ReturnType<typeof commitRig>) => Promise<VerifiedPack>][] =
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
          rig.store.fails = () => true;
          return (await cutInto(logParts(1)))[0]!;
        },
      ],
    ];
  for (const [what, expected, prepare] of outcomes) {
    const rig = commitRig();
    const [pack] = await cutInto(logParts(1));
    const verified = prepare(rig);
    await verified.catch(() => undefined);
    let written = 0;
    const answer = await rig.commit.put({ header: pack!.header, verified, release: () => void written++ });
    assert.equal(brief(answer), expected, what);
    assert.equal(written, 1, what);
  }
});

test('the ledger is asked again only once everything that was under way has ended', async () => {
  // Pack 2 is refused by the ledger while the late pack 3 is on its way there: who asks now does not hear of pack 3.
  const rig = commitRig();
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
    while (commits < 3 && rig.store.writes < commits + 1) await turn();
    if (commits === 3) await recorded.promise;
  };
  assert.deepEqual((await Promise.all([first, early].map(rig.put))).map(brief), ['ack', 'conflict']);
  const raw = Buffer.concat([second.raw, third.raw]);
  const longer: VerifiedPack = {
    header: {
      ...second.header,
      bytes: raw.length,
      lines: 0,
      checksum: checksumOf(raw),
      sha256: third.header.sha256,
    },
    ...{ raw, body: raw },
  };
  rig.store.pause = async (call) => void (call === 'write' && (await last));
  const answer = rig.put(longer);
  for (let turns = 0; turns < 10; turns++) await turn();
  recorded.resolve();
  assert.deepEqual((await Promise.all([last!, answer])).map(brief), ['ack', 'conflict']);
  assert.deepEqual(rig.store.violations, []);
});

test('a queue in use is never forgotten, however many segments there are', async () => {
  const rig = commitRig();
  const gate = Promise.withResolvers<void>();
  const keys = Array.from({ length: 1100 }, (_, n) => ({ ...KEY, host: `web${n}` }));
  const [parts, answers] = [logParts(2), [] as Promise<unknown>[]];
  const segments = await Promise.all(keys.map((key) => cutInto(parts, { key })));
  const put = (pack: VerifiedPack): void =>
    void answers.push(
      rig.commit.put({
        header: pack.header,
        verified: gate.promise.then(() => pack),
        release: () => undefined,
      }),
    );
  for (const [first] of segments) put(first!);
  for (const [, second] of segments) put(second!);
  for (const [first] of segments) put(first!);
  gate.resolve();
  await Promise.all(answers);
  assert.deepEqual(rig.store.violations, []);
  assert.equal(rig.store.writes, 2 * keys.length);
  await rig.commit.idle();
  for (const [first, second] of segments)
    assert.deepEqual((await Promise.all([rig.put(first!), rig.put(second!)])).map(brief), ['ack', 'ack']);
  assert.equal(rig.store.writes, 2 * keys.length);
});

test('what a failed commit may have recorded is never cut off, and completes its hour', async () => {
  const rig = commitRig();
  const packs = await cutInto(logParts(4));
  assert.equal(brief(await rig.put(packs[0]!)), 'ack');
  const third = Promise.withResolvers<VerifiedPack>();
  let doubts = 1;
  rig.ledger.doubts = (call) => call === 'commit' && doubts-- > 0;
  const recording = Promise.withResolvers<void>();
  rig.ledger.pause = (call) => (call === 'commit' ? recording.promise : Promise.resolve());
  const second = rig.put(packs[1]!);
  // Its turn has come, and it is still being decoded, when the commit before it fails.
  const put = rig.commit.put({ header: packs[2]!.header, verified: third.promise, release: () => undefined });
  for (let turns = 0; turns < 10; turns++) await turn();
  recording.resolve();
  assert.equal(brief(await second), 'storage');
  assert.notEqual(await rig.ledger.pack(KEY, 2), undefined);
  third.resolve(packs[2]!);
  assert.equal(brief(await put), 'storage');
  assert.deepEqual(rig.store.violations, []);
  doubts = 1;
  assert.equal(brief(await rig.put(packs[2]!)), 'storage');
  doubts = 1;
  assert.equal(brief(await rig.put(packs[3]!)), 'storage');
  assert.deepEqual(rig.complete, []);
  for (const pack of packs) assert.equal(brief(await rig.put(pack)), 'ack');
  assert.ok(rig.complete.length > 0, 'an hour that is complete is sealed without a restart');
  assert.deepEqual(rig.store.bytesOf(KEY), Buffer.concat(packs.map(({ raw }) => raw)));
  assert.deepEqual(rig.store.violations, []);
});
