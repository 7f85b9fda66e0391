/** A sink under connections that are too many, cut, garbled or lying: good clients still get through. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { PackHeader, VerifiedPack } from '../../src/pack/pack.ts';
import { encodeFrame } from '../../src/transport/tcp/frame.ts';
import { PREAMBLE } from '../../src/transport/tcp/preamble.ts';
import { startSinkNode, storedFile } from '../roles/sink-node.ts';
import { cutInto, KEY, logParts } from '../commit/packs.ts';
import { OPENING, packFrame } from '../transport/tcp/rig.ts';
import { randomFrom, seedOf } from './lines.ts';
import { assertLives, assertSealedEqual, changed, keyOf } from './hostile-rig.ts';

const TEST = { timeout: 120_000 };

test('names that would leave their place are refused, and leave nothing anywhere', TEST, async () => {
  await using node = await startSinkNode();
  const [pack] = await cutInto(logParts(1));
  const before = await node.files();
  using client = await node.raw();
  const bad: Partial<PackHeader>[] = [
    ...[
      '../web1',
      '..',
      '/etc',
      'a\0b',
      'x'.repeat(300),
      '',
      '.',
      'a__b',
      '_a',
      'a_',
      'ä',
      'a b',
      '-',
      'a/../b',
      '~',
    ].flatMap((name) => [{ host: name }, { stream: name }]),
    ...['', '../1', '2026112224', '20261322', '202611', '2026112216c', '2026112216/..'].map((hour) => ({
      hour,
    })),
  ];
  client.send(
    OPENING,
    ...bad.map((header, n) => packFrame(n + 1, changed(pack!, header))),
    encodeFrame('BYE', {}),
  );
  const codes = (await client.rest())
    .filter(({ type }) => type === 'NACK')
    .map(({ header }) => (header as { code: string }).code);
  assert.deepEqual(
    codes,
    bad.map(() => 'name'),
  );
  assert.deepEqual(await node.files(), before);
  assert.deepEqual(await node.segments(), []);
  await assertLives(node);
});

test(
  '200 connections at a time, each with its own hour, and as many that say nothing useful',
  TEST,
  async () => {
    await using node = await startSinkNode({ more: '  limits: { connections: 450 }' });
    const random = randomFrom(seedOf());
    const garbage = await Promise.all(
      Array.from({ length: 200 }, async (_, n) => {
        const client = await node.raw();
        const noise = Buffer.from(Array.from({ length: 1 + (n % 64) }, () => Math.floor(random() * 256)));
        client.send(n % 2 === 0 ? noise : Buffer.concat([PREAMBLE, noise]));
        return client;
      }),
    );
    const keys = Array.from({ length: 200 }, (_, n) => keyOf(`many${n}`));
    const segments = await Promise.all(keys.map((key, n) => cutInto(logParts(3, n), { key })));
    const answers = await Promise.all(segments.map((packs) => node.send(packs)));
    assert.ok(answers.flat().every(({ kind }) => kind === 'ack'));
    for (const packs of segments) await assertSealedEqual(node, packs);
    for (const client of garbage) client[Symbol.dispose]();
    await assertLives(node);
  },
);

test(
  'a connection that is cut at any place inside a pack stores what came before and nothing else',
  TEST,
  async () => {
    await using node = await startSinkNode();
    const packs = await cutInto(logParts(2), { ends: [] });
    const frame = packFrame(2, packs[1]!);
    for (const cut of [1, 15, 16, 40, frame.length - packs[1]!.body.length, frame.length - 1]) {
      using client = await node.raw();
      client.send(OPENING, packFrame(1, packs[0]!), frame.subarray(0, cut));
      for (let head = await client.next(); head?.type !== 'ACK'; head = await client.next()) assert.ok(head);
      client.socket.resetAndDestroy();
    }
    while (node.said('receive.disconnected').length < 6) await turn();
    assert.equal((await node.segment(KEY))?.packs, 1);
    assert.ok((await storedFile(node, KEY)).equals(packs[0]!.raw));
    await assertLives(node);
  },
);

test('bodies that are not what they claim are refused, and their places stay free', TEST, async () => {
  await using node = await startSinkNode();
  const packs = await cutInto(logParts(20), { codec: 'zstd' });
  const truth = packs[0]!;
  const bad: VerifiedPack[] = [
    changed(packs[1]!, { checksum: 1 }),
    changed(truth, { sha256: packs[1]!.header.sha256 }),
    changed(truth, { lines: 0 }),
    { ...truth, body: truth.body.subarray(0, -1) },
    { ...truth, body: Buffer.concat([truth.body, truth.body]) },
    { ...truth, body: Buffer.from('garbage of no kind') },
    changed(truth, { bytes: 1 }),
  ];
  using client = await node.raw();
  client.send(OPENING, ...bad.map((pack, n) => packFrame(n + 1, pack)), encodeFrame('BYE', {}));
  const nacks = (await client.rest()).filter(({ type }) => type === 'NACK');
  assert.equal(nacks.length, bad.length);
  assert.deepEqual(await node.segments(), []);
  await node.send(packs);
  await assertSealedEqual(node, packs);
});

test('a small pack is answered beside large ones of others, long before they are', TEST, async () => {
  await using node = await startSinkNode({ compression: 'zstd' });
  const line = Buffer.alloc(1 << 10, 'x\n');
  const large = Buffer.alloc(32 << 20, line);
  const [honest] = await cutInto(logParts(1));
  const hostile = await Promise.all(
    Array.from(
      { length: 10 },
      async (_, n) => (await cutInto([large], { key: keyOf(`large${n}`), codec: 'zstd' }))[0]!,
    ),
  );
  let answered = 0;
  const flood = Array.from({ length: 4 }, async (_, n) => {
    await using upstream = await node.connect();
    // Each again and again: a repeat is decoded and looked at as the first was.
    const packs = Array.from({ length: 12 }, (__, at) => hostile[(n + at) % hostile.length]!);
    await Promise.all(
      packs.map(async ({ header, body }) => {
        await upstream.send({ header, body: Buffer.from(body) });
        answered++;
      }),
    );
  });
  while (answered < 4) await turn();
  const before = answered;
  assert.deepEqual(
    (await node.send([honest!])).map(({ kind }) => kind),
    ['ack'],
  );
  const meanwhile = answered - before;
  await Promise.all(flood);
  assert.ok(meanwhile <= 12, `${meanwhile} of 48 large packs came first`);
});

test('scripts of good frames with flipped bits leave the good frames as they are', TEST, async () => {
  await using node = await startSinkNode();
  const seed = seedOf();
  const random = randomFrom(seed);
  const packs = await cutInto(logParts(12));
  const script = Buffer.concat([OPENING, ...packs.map((pack, n) => packFrame(n + 1, pack))]);
  for (let n = 0; n < 60; n++) {
    const bytes = Buffer.from(script);
    for (let flips = 1 + Math.floor(random() * 3); flips > 0; flips--)
      bytes[Math.floor(random() * bytes.length)]! ^= 1 << Math.floor(random() * 8);
    using client = await node.raw();
    client.send(bytes);
    client.socket.end();
    await client.rest();
  }
  assert.ok(
    (await node.send(packs)).every(({ kind }) => kind === 'ack'),
    `LOGD_SEED=${seed}`,
  );
  await assertSealedEqual(node, packs);
  await assertLives(node);
});
