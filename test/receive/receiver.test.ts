import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { encode } from '../../src/pack/codec.ts';
import type { Pack, PackHeader, VerifiedPack } from '../../src/pack/pack.ts';
import { createReceiver, verify } from '../../src/receive/receiver.ts';
import type { PackTarget } from '../../src/receive/pack-target.ts';
import { connect } from '../../src/transport/tcp/client.ts';
import type { Answer } from '../../src/pack/answer.ts';
import { cutInto, forged, KEY, logParts } from '../commit/packs.ts';
import { commitRig } from '../commit/rig.ts';
import { clientOptions, startRig } from '../transport/tcp/rig.ts';

const PEER = { node: 'web1', address: '127.0.0.1:9' };

/** A target that keeps what it is given, after `pause`. */
const fakeTarget = (pause: () => Promise<void> = () => Promise.resolve()) => {
  const stored: VerifiedPack[] = [];
  const target: Pick<PackTarget, 'put'> = {
    async put({ verified, release }) {
      try {
        const pack = await verified;
        await pause();
        stored.push({ ...pack, raw: Buffer.from(pack.raw), body: Buffer.from(pack.body) });
        return { kind: 'ack' };
      } catch (error) {
        const { code, message } = error as { code: 'corrupt'; message: string };
        return { kind: 'nack', code, message, retryable: true };
      } finally {
        release();
      }
    },
  };
  return { target, stored };
};

const rig = (rawBytes = 1 << 20, pause?: () => Promise<void>) => {
  const { target, stored } = fakeTarget(pause);
  const events: { name: string; fields: Readonly<Record<string, string | number>> }[] = [];
  const receive = createReceiver({
    target,
    rawBytes,
    unansweredBytes: 8 * rawBytes,
    emit: (name, fields) => void events.push({ name, fields: { ...fields } }),
  });
  return { stored, events, receive: (pack: Pack) => receive(pack, PEER) };
};

const zstd = async (raw: Buffer, changes: Partial<PackHeader> = {}): Promise<Pack> => {
  const [pack] = await cutInto([raw], { codec: 'zstd' });
  return { header: { ...pack!.header, ...changes }, body: pack!.body };
};

const LINES = Buffer.concat(logParts(50));
const cases: [string, () => Promise<Pack>, RegExp][] = [
  ['a wrong checksum', () => zstd(LINES, { checksum: 7 }), /as its checksum, its header says 7/],
  ['a wrong count of lines', () => zstd(LINES, { lines: 7 }), /has 150 as its lines, its header says 7/],
  ['fewer bytes than it claims', () => zstd(LINES, { bytes: LINES.length + 1 }), /where its header says/],
  ['more bytes than it claims', () => zstd(LINES, { bytes: LINES.length - 1 }), /cannot be decompressed/],
  [
    'a bomb: 64 MiB of zeros in 4 KiB',
    async () => ({ ...(await zstd(LINES)), body: await encode(Buffer.alloc(64 << 20), 'zstd', 1) }),
    /cannot be decompressed/,
  ],
  [
    'something behind its zstd frame',
    async () => {
      const pack = await zstd(LINES);
      return { ...pack, body: Buffer.concat([pack.body, Buffer.from('x')]) };
    },
    /not exactly one zstd frame/,
  ],
  [
    'a frame that ends too early',
    async () => {
      const pack = await zstd(LINES);
      return { ...pack, body: pack.body.subarray(0, -5) };
    },
    /not exactly one zstd frame/,
  ],
  [
    'garbage as its body',
    async () => ({ ...(await zstd(LINES)), body: Buffer.from('certainly not a zstd frame') }),
    /not exactly one zstd frame/,
  ],
  ['no body', async () => ({ ...(await zstd(LINES)), body: Buffer.alloc(0) }), /not exactly one zstd frame/],
  [
    'an uncompressed body of another length',
    async () => ({ ...(await zstd(LINES, { codec: 'none' })), body: LINES.subarray(1) }),
    /where its header says/,
  ],
];
for (const [what, make, message] of cases)
  test(`a pack with ${what} is corrupt: nothing is stored, it may come again`, async () => {
    const { receive, stored, events } = rig();
    const answer = await receive(await make());
    assert.ok(answer.kind === 'nack');
    assert.deepEqual([answer.code, answer.retryable], ['corrupt', true]);
    assert.match(answer.message, message);
    assert.deepEqual(stored, []);
    assert.deepEqual(
      events.map(({ name, fields }) => [name, fields['code'], fields['id'], fields['peer']]),
      [['receive.bad-pack', 'corrupt', 1, PEER.address]],
    );
  });

test('damaged bytes are corrupt and not written, in order, out of order and as a repeat', async () => {
  const { commit, store, put } = commitRig();
  const receive = createReceiver({
    target: commit,
    rawBytes: 1 << 20,
    unansweredBytes: 64 << 20,
    emit: () => undefined,
  });
  const packs = await cutInto(logParts(4));
  const damaged = (pack: VerifiedPack): Pack => ({ header: pack.header, body: forged(pack).body });
  await put(packs[0]!);
  for (const at of [0, 1, 2]) {
    const answer = await receive(damaged(packs[at]!), PEER);
    assert.equal(answer.kind === 'nack' && answer.code, 'corrupt');
  }
  assert.equal(store.writes, 1);
  for (const pack of packs) assert.equal((await put(pack)).kind, 'ack');
  assert.deepEqual(store.bytesOf(KEY), Buffer.concat(packs.map(({ raw }) => raw)));
});

test('any byte of a compressed body that is changed on its way is noticed', async () => {
  const pack = await zstd(LINES);
  const original = pack.body;
  await fc.assert(
    fc.asyncProperty(fc.nat(original.length - 1), fc.integer({ min: 1, max: 255 }), async (at, mask) => {
      const body = Buffer.from(original);
      body[at] = body[at]! ^ mask;
      const { commit, store } = commitRig();
      const receive = createReceiver({
        target: commit,
        rawBytes: 1 << 20,
        unansweredBytes: 64 << 20,
        emit: () => undefined,
      });
      const answer = await receive({ header: pack.header, body }, PEER);
      // A changed bit that decodes to the same bytes, such as a reserved one, harms nobody.
      if (answer.kind === 'ack') assert.deepEqual(store.bytesOf(pack.header), LINES);
      else assert.equal(answer.code, 'corrupt');
    }),
    { numRuns: 300 },
  );
});

test('what a header claims is what the target gets', async () => {
  const { receive, stored, events } = rig();
  const packs = [
    await zstd(LINES),
    { ...(await zstd(LINES, { codec: 'none' })), body: Buffer.from(LINES) },
    ...(await cutInto([Buffer.alloc(0)])),
  ];
  for (const { header, body } of packs) assert.deepEqual(await receive({ header, body }), { kind: 'ack' });
  assert.deepEqual(
    stored.map(({ raw }) => raw),
    [LINES, LINES, Buffer.alloc(0)],
  );
  assert.deepEqual(events, []);
});

test('of a lost pack nothing is decoded', async () => {
  const { header } = await zstd(LINES);
  const lost = { ...header, lost: { reason: 'source-vanished', bytes: LINES.length } } as const;
  const { pack } = await verify({ header: lost, body: Buffer.alloc(0) }, () => assert.fail('decoded'));
  assert.equal(pack.raw.length, 0);
});

test('raw bytes that wait to be written are bounded, and every pack gets its turn', async () => {
  const packs = await Promise.all(Array.from({ length: 40 }, (_, n) => zstd(LINES, { id: n + 1 })));
  // Small packs have a quarter of the room: three of these.
  let [waiting, most, gate] = [0, 0, Promise.withResolvers<void>()];
  const { receive, stored } = rig(12 * LINES.length, async () => {
    most = Math.max(most, ++waiting);
    await gate.promise;
    waiting--;
  });
  const answers = packs.map(receive);
  while (stored.length < packs.length) {
    const before = stored.length;
    while (waiting < Math.min(3, packs.length - before)) await turn();
    for (let turns = 0; turns < 20; turns++) await turn(); // A fourth would come now.
    gate.resolve();
    gate = Promise.withResolvers();
    while (stored.length === before) await turn();
  }
  assert.ok((await Promise.all(answers)).every(({ kind }) => kind === 'ack'));
  assert.equal(most, 3);
  assert.deepEqual(
    // Those that are decoded side by side may end in any order; putting them in order is the target's business.
    stored.map(({ header }) => header.id).sort((a, b) => a - b),
    packs.map(({ header }) => header.id),
  );
});

test('packs of a segment that is being sealed hold up no others, and come in order after it', async () => {
  const { commit, store } = commitRig();
  const one = await cutInto([LINES]);
  const receive = createReceiver({
    target: commit,
    rawBytes: 4 * LINES.length,
    unansweredBytes: 64 << 20,
    emit: () => undefined,
  });
  const sealed = Promise.withResolvers<void>();
  const sealing = commit.exclusive(KEY, () => sealed.promise);
  const packs = await cutInto(Array.from({ length: 20 }, () => LINES));
  let answered = 0;
  const answers = packs.map(async (pack) => {
    const answer = await receive(pack, PEER);
    answered++;
    return answer;
  });
  const other = { ...one[0]!, header: { ...one[0]!.header, host: 'web2' } };
  assert.deepEqual(await receive(other, { ...PEER }), { kind: 'ack' });
  assert.equal(answered, 0);
  sealed.resolve();
  await sealing;
  assert.ok((await Promise.all(answers)).every(({ kind }) => kind === 'ack'));
  assert.deepEqual(store.bytesOf(KEY), Buffer.concat(packs.map(({ raw }) => raw)));
  assert.equal(commit.ready?.(KEY), undefined);
});

test('corrupt packs give their share of the budget back', async () => {
  const { receive, stored } = rig(LINES.length);
  for (let n = 0; n < 20; n++) await receive(await zstd(LINES, { lines: 7 }));
  assert.deepEqual(await receive(await zstd(LINES)), { kind: 'ack' });
  assert.equal(stored.length, 1);
});

test('packs that were answered leave the window of their connection, though their memory is gone', async () => {
  const gate = Promise.withResolvers<void>();
  const body = 100 << 10; // More than a buffer pool, so that it is freed.
  let open = true;
  const { target, stored } = fakeTarget(() => (open ? Promise.resolve() : gate.promise));
  let begun = 0;
  const receive = createReceiver({
    target,
    rawBytes: 4 << 20,
    unansweredBytes: 64 << 20,
    emit: () => undefined,
  });
  const onPack = (pack: Pack): Promise<Answer> => {
    begun++;
    return receive(pack, PEER);
  };
  await using server = await startRig({ limits: { windowBytes: 3 * body }, onPack });
  await using client = await connect(clientOptions(server.server.address));
  const packs = (await cutInto(Array.from({ length: 9 }, (_, n) => Buffer.alloc(body, 65 + n)))).map(
    ({ header, raw }) => ({ header, body: raw }),
  );
  for (const pack of packs.slice(0, 6)) assert.equal((await client.send(pack)).kind, 'ack');
  open = false;
  const answers = packs.slice(6).map((pack) => client.send(pack));
  while (begun < 9) await turn();
  gate.resolve();
  await Promise.all(answers);
  assert.equal(stored.length, 9);
});
