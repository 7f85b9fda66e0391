import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { LogdError } from '../../src/error.ts';
import { runningDigest } from '../../src/pack/digest.ts';
import { segmentName, type VerifiedPack } from '../../src/pack/pack.ts';
import { cutInto, forged, KEY, logParts } from './packs.ts';
import { brief, commitRig } from './rig.ts';

const NAME = segmentName(KEY);
const reasonOf = (answer: { readonly kind: string; readonly message?: string }): string =>
  answer.message ?? '';

test('packs in order are stored once each, and the segment is complete after the last', async () => {
  const rig = commitRig();
  const packs = await cutInto(logParts(5));
  const answers = await Promise.all([...packs, ...packs].map(rig.put));
  assert.deepEqual(
    answers.map(brief),
    Array.from({ length: 10 }, () => 'ack'),
  );
  assert.equal(rig.store.writes, 5);
  assert.deepEqual(rig.store.bytesOf(KEY), Buffer.concat(packs.map(({ raw }) => raw)));
  assert.equal((await rig.ledger.segment(KEY))?.state, 'complete');
  assert.ok(rig.complete.includes(NAME));
  assert.deepEqual(rig.store.violations, []);
});

test('packs in reverse order are stored as well', async () => {
  const rig = commitRig();
  const packs = await cutInto(logParts(6));
  for (const pack of packs.toReversed()) assert.equal(brief(await rig.put(pack)), 'ack');
  assert.deepEqual(rig.store.bytesOf(KEY), Buffer.concat(packs.map(({ raw }) => raw)));
  assert.deepEqual(rig.complete, [NAME]);
});

test('other bytes under a stored name are a conflict, and the first are kept', async () => {
  const rig = commitRig();
  const packs = await cutInto(logParts(3));
  await Promise.all(packs.map(rig.put));
  const answer = await rig.put(forged(packs[1]!));
  assert.deepEqual(answer.kind === 'nack' && [answer.code, answer.retryable], ['conflict', false]);
  assert.match(
    reasonOf(answer),
    /^The sink already has a different pack 2 of web1\/access\/2026112216\. Is another agent also named web1\?$/,
  );
  assert.deepEqual(rig.store.bytesOf(KEY), Buffer.concat(packs.map(({ raw }) => raw)));
  assert.deepEqual(
    rig.events.map(({ name }) => name),
    ['store.conflict'],
  );
});

test('a wrong byte in order is refused before it is written, as something to send again', async () => {
  const rig = commitRig();
  const packs = await cutInto(logParts(3));
  await rig.put(packs[0]!);
  const answer = await rig.put(forged(packs[1]!));
  assert.deepEqual(answer.kind === 'nack' && [answer.code, answer.retryable], ['digest', true]);
  assert.equal(rig.store.writes, 1);
  assert.deepEqual((await Promise.all(packs.map(rig.put))).map(brief), ['ack', 'ack', 'ack']);
});

const changes: [string, (pack: VerifiedPack) => Partial<VerifiedPack['header']>][] = [
  ['another end', ({ header }) => ({ done: { ...header.done!, lines: header.done!.lines + 1 } })],
  ['another length of the day', ({ header }) => ({ done: { ...header.done!, hoursInDay: 23 } })],
  ['another generation', () => ({ generation: 2 })],
];
for (const [what, change] of changes)
  test(`a last pack that comes again with ${what} is invalid, not a repeat`, async () => {
    const rig = commitRig();
    const packs = await cutInto(logParts(2));
    await Promise.all(packs.map(rig.put));
    const last = packs[1]!;
    const answer = await rig.put({ ...last, header: { ...last.header, ...change(last) } });
    assert.equal(brief(answer), 'invalid');
    assert.deepEqual((await rig.ledger.segment(KEY))?.expected, last.header.done);
  });

test('an end that is taken back is invalid', async () => {
  const rig = commitRig();
  const [only] = await cutInto(logParts(1));
  await rig.put(only!);
  const { done: _, ...header } = only!.header;
  assert.equal(brief(await rig.put({ ...only!, header })), 'invalid');
});

test('bytes that are here are no loss, though the agent cannot send them any more', async () => {
  const rig = commitRig();
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
  const rig = commitRig();
  const packs = await cutInto(logParts(4), { ends: [2] });
  const late = packs[2]!;
  const early: VerifiedPack = { ...late, header: { ...late.header, generation: 1 } };
  const answers = await Promise.all([...packs.slice(0, 2), early].map(rig.put));
  assert.deepEqual(answers.map(brief), ['ack', 'ack', 'conflict']);
  assert.equal(brief(await rig.put(early)), 'conflict');
  assert.equal((await rig.ledger.segment(KEY))?.storedEnd, early.header.offset);
});

test('a job runs alone in its segment, with the digest of what arrived in order', async () => {
  const rig = commitRig();
  const packs = await cutInto(logParts(3));
  const stored = packs.map(rig.put);
  const digest = await rig.commit.exclusive(KEY, async (arrived) => {
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
    const rig = commitRig();
    for (const pack of order) assert.equal(brief(await rig.put(pack)), 'ack');
    assert.equal(await rig.commit.exclusive(KEY, (arrived) => Promise.resolve(arrived)), undefined);
  }
});

test('a late pack reopens a sealed segment before it is written, and its markers go for sure', async () => {
  const rig = commitRig();
  const packs = await cutInto(logParts(3), { ends: [2, 3] });
  await Promise.all(packs.slice(0, 2).map(rig.put));
  const { packs: count, lines, bytes, sha256 } = packs[1]!.header.done!;
  await rig.commit.exclusive(KEY, () =>
    rig.ledger.seal({
      ...{ ...KEY, packs: count, lines, bytes, sha256, generation: 1 },
      ...{ firstArrival: 0, lastArrival: 0, sealedAt: 0 },
    }),
  );
  const steps: string[] = [];
  let failures = 2;
  rig.onReopened = async (key) => {
    steps.push(`${(await rig.ledger.segment(key))?.state}, ${rig.store.writes} written`);
    if (failures-- > 0) throw new LogdError('storage', 'The marker cannot be removed.', { retryable: true });
  };
  assert.equal(brief(await rig.put(packs[2]!)), 'storage');
  rig.store.fails = (call) => call === 'flush';
  assert.equal(brief(await rig.put(packs[2]!)), 'storage');
  assert.equal(brief(await rig.put(packs[2]!)), 'storage');
  rig.store.fails = () => false;
  assert.equal(brief(await rig.put(packs[2]!)), 'ack');
  assert.deepEqual(steps, ['open, 2 written', 'open, 2 written', 'open, 2 written']);
  assert.equal((await rig.ledger.segment(KEY))?.state, 'complete');
});

test('nothing is kept of packs that are recorded, however long the segment grows', async () => {
  setFlagsFromString('--expose-gc');
  const collectGarbage: () => void = runInNewContext('gc');
  const rig = commitRig();
  const { commit } = rig.ledger;
  const results: WeakRef<object>[] = [];
  rig.ledger.commit = async (entries) => {
    const group = await commit(entries);
    results.push(...group.map((result) => new WeakRef(result)));
    return group;
  };
  for (const pack of await cutInto(logParts(40))) await rig.put(pack);
  await setImmediate();
  collectGarbage();
  assert.equal(results.length, 40);
  assert.ok(results.filter((result) => result.deref() !== undefined).length <= 2);
});

test('a first pack that does not begin at byte 0 is invalid, and an end that does not add up is refused by itself', async () => {
  const rig = commitRig();
  const packs = await cutInto(logParts(2));
  const [first, last] = packs;
  const late = await rig.put({ ...first!, header: { ...first!.header, offset: 5 } });
  assert.equal(brief(late), 'invalid');
  assert.match(reasonOf(late), /an hour begins at byte 0, and its first pack says 5/);
  await rig.put(first!);
  const { done, lines } = last!.header;
  const wrong = await rig.put({
    ...last!,
    header: { ...last!.header, done: { ...done!, lines: lines + 1 } },
  });
  assert.equal(brief(wrong), 'invalid');
  assert.match(reasonOf(wrong), /Pack 2 of .* ends it with \d+ lines, and its packs have \d+\./);
  assert.equal(brief(await rig.put(last!)), 'ack');
  const again = await rig.put({ ...last!, header: { ...last!.header, generation: 2 } });
  assert.match(reasonOf(again), /its bytes are stored, and its generation was 1, not 2/);
});
