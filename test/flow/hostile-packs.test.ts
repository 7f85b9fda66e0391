/**
 * A sink under clients that break every rule they can. Whatever they send: a good client still gets through, what was acked is kept,
 * and nothing is sealed that is not what somebody sent as a whole.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PackHeader, VerifiedPack } from '../../src/pack/pack.ts';
import { encodeFrame } from '../../src/transport/tcp/frame.ts';
import { startSinkNode } from '../roles/sink-node.ts';
import { cutInto, forged, KEY, logParts } from '../commit/packs.ts';
import { brief } from '../commit/rig.ts';
import { OPENING, packFrame } from '../transport/tcp/rig.ts';
import { assertLives, assertSealedEqual, changed, keyOf } from './hostile-rig.ts';

const TEST = { timeout: 120_000 };

test('packs twice, in reverse order and over two connections at once are stored once', TEST, async () => {
  await using node = await startSinkNode();
  const keys = [keyOf('web1'), keyOf('web2'), keyOf('web3')];
  const segments = await Promise.all(keys.map((key, n) => cutInto(logParts(25, n), { key })));
  const all = segments.flat();
  const interleaved = [...all].sort((a, b) => a.header.id - b.header.id);
  const answers = await Promise.all([node.send(all.toReversed()), node.send(interleaved), node.send(all)]);
  assert.ok(answers.flat().every(({ kind }) => kind === 'ack'));
  for (const packs of segments) await assertSealedEqual(node, packs);
  assert.deepEqual(node.said('store.conflict'), []);
  await assertLives(node);
});

test('other bytes under a stored name are refused and told, before and after the seal', TEST, async () => {
  await using node = await startSinkNode();
  const packs = await cutInto(logParts(3));
  await node.send(packs.slice(0, 2));
  assert.deepEqual((await node.send([forged(packs[1]!)])).map(brief), ['conflict']);
  await node.send(packs.slice(2));
  await node.reaches(KEY, 'sealed');
  assert.deepEqual((await node.send(packs.map(forged))).map(brief), ['conflict', 'conflict', 'conflict']);
  assert.equal(node.said('store.conflict').length, 4);
  await assertSealedEqual(node, packs);
});

test('numbers at and beyond every bound harm nobody, now or after a restart', TEST, async () => {
  await using node = await startSinkNode();
  const [pack] = await cutInto(logParts(1), { ends: [] });
  const MAX = Number.MAX_SAFE_INTEGER;
  const lost = (bytes: number): Partial<PackHeader> => ({ lost: { reason: 'source-vanished', bytes } });
  const headers: Partial<PackHeader>[] = [
    ...[0, -1, 1.5, 2 ** 53, MAX].map((id) => ({ id })),
    ...[-1, 2 ** 53, MAX, MAX - pack!.header.bytes, 2 ** 45].map((offset) => ({ id: 2, offset })),
    ...[0, MAX].map((generation) => ({ generation })),
    ...[MAX, -MAX, 1e300].map((time) => ({ id: 1, time })),
    ...[-1, 2 ** 32].map((checksum) => ({ checksum: checksum })),
    ...[MAX, 2 ** 31].map((bytes) => ({ bytes })),
    ...[MAX, 3].map((lines) => ({ lines })),
  ];
  using client = await node.raw();
  let seq = 0;
  client.send(OPENING);
  for (const [n, header] of headers.entries())
    client.send(packFrame(++seq, changed(pack!, { host: `odd${n}`, ...header })));
  const nothing = { ...pack!, body: Buffer.alloc(0) };
  for (const id of [1, 2, 3])
    client.send(packFrame(++seq, changed(nothing, { host: 'lost', id, bytes: 0, lines: 0, ...lost(MAX) })));
  const done = {
    packs: 1,
    lines: pack!.header.lines,
    bytes: pack!.header.bytes,
    sha256: pack!.header.sha256,
  };
  for (const time of [8.64e15, -8.64e15])
    client.send(
      packFrame(
        ++seq,
        changed(pack!, { host: time > 0 ? 'late' : 'early', time, done: { ...done, hoursInDay: 24 } }),
      ),
    );
  client.send(encodeFrame('BYE', {}));
  const heads = await client.rest();
  const answered = heads.flatMap(({ type, header }) =>
    type === 'ACK'
      ? (header as { seqs: number[] }).seqs
      : type === 'NACK'
        ? [(header as { seq: number }).seq]
        : [],
  );
  assert.equal(answered.length, seq, JSON.stringify(heads.at(-1)));
  for (const time of [8.64e15 + 1, -8.64e15 - 1])
    assert.deepEqual((await node.send([changed(pack!, { host: 'never', time })])).map(brief), ['invalid']);
  await assertLives(node);
  await node.restart();
  for (const { host, state } of await node.segments())
    if (state === 'sealed') assert.ok(/^(good|late|early)/.test(host), host);
  await assertLives(node);
  assert.deepEqual(node.said('seal.failed'), []);
});

test('an end that lies is never sealed, and a second end is no repeat of the first', TEST, async () => {
  await using node = await startSinkNode();
  const lie = async (
    host: string,
    lies: Partial<NonNullable<PackHeader['done']>>,
  ): Promise<VerifiedPack[]> => {
    const packs = await cutInto(logParts(3), { key: keyOf(host) });
    const { header } = packs[2]!;
    return [...packs.slice(0, 2), changed(packs[2]!, { done: { ...header.done!, ...lies } })];
  };
  // Before the others it cannot be added up yet: the seal has to.
  for (const pack of (await lie('lines', { lines: 99 })).toReversed()) await node.send([pack]);
  await node.reaches(keyOf('lines'), 'refused');
  assert.match((await node.segment(keyOf('lines')))?.reason ?? '', /lines, its agent read 99/);
  for (const [host, lies] of [
    ['sum', { lines: 99 }],
    ['packs', { packs: 2 }],
    ['more', { packs: 4 }],
    ['bytes', { bytes: 1 }],
    ['digest', { sha256: 'ab'.repeat(32) }],
  ] as const) {
    const [first, second, last] = await lie(host, lies);
    assert.deepEqual((await node.send([first!, second!])).map(brief), ['ack', 'ack']);
    assert.deepEqual((await node.send([last!])).map(brief), ['invalid'], host);
  }
  const truth = await cutInto(logParts(3), { key: keyOf('twice') });
  await node.send(truth.slice(1));
  assert.deepEqual((await node.send((await lie('twice', { lines: 99 })).slice(2))).map(brief), ['invalid']);
  await node.send(truth);
  await assertSealedEqual(node, truth);
  await assertLives(node);
});

test('packs that overlap, leave holes or come behind the end are refused or never sealed', TEST, async () => {
  await using node = await startSinkNode();
  const packs = await cutInto(logParts(4), { ends: [3] });
  const behind = changed(packs[3]!, { generation: 1 });
  await node.send(packs.slice(0, 1));
  const second = packs[1]!;
  for (const offset of [0, second.header.offset - 1, second.header.offset + 1])
    assert.equal(brief((await node.send([changed(second, { offset })]))[0]!), 'conflict');
  await node.send(packs.slice(1, 3));
  assert.equal(brief((await node.send([behind]))[0]!), 'conflict');
  await assertSealedEqual(node, packs.slice(0, 3));
  assert.equal(brief((await node.send([behind]))[0]!), 'conflict');
  await assertSealedEqual(node, packs.slice(0, 3));

  const holed = await cutInto(logParts(3), { key: keyOf('holed') });
  await node.send([holed[0]!, holed[2]!]);
  assert.equal((await node.segment(keyOf('holed')))?.state, 'open');
  await assertLives(node);
});

test('empty segments, and segments that end in an empty pack, are sealed', TEST, async () => {
  await using node = await startSinkNode();
  const empty = await cutInto([Buffer.alloc(0)], { key: keyOf('empty') });
  const ending = await cutInto([...logParts(2), Buffer.alloc(0)], { key: keyOf('ending') });
  assert.ok((await node.send([...empty, ...ending.toReversed()])).every(({ kind }) => kind === 'ack'));
  await assertSealedEqual(node, empty);
  await assertSealedEqual(node, ending);
});
