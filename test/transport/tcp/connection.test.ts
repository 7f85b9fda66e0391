import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import type { PackHeader } from '../../../src/pack/pack.ts';
import { encodeFrame } from '../../../src/transport/tcp/frame.ts';
import type { Answer } from '../../../src/pack/answer.ts';
import { PREAMBLE } from '../../../src/transport/tcp/preamble.ts';
import { HELLO, OPENING, packFrame, packOf, startRig } from './rig.ts';

const TEST = { timeout: 20_000 };

/** Answers that wait until they are let go. */
const gate = (): { answer: () => Promise<Answer>; open: () => void; waiting: () => number } => {
  let waiting: (() => void)[] = [];
  let opened = false;
  return {
    answer: () =>
      new Promise((resolve) => {
        const go = (): void => resolve({ kind: 'ack' });
        if (opened) go();
        else waiting.push(go);
      }),
    open: () => {
      opened = true;
      for (const go of waiting) go();
      waiting = [];
    },
    waiting: () => waiting.length,
  };
};

/** Long enough for bytes on loopback to have been read, if anyone reads them. */
const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 100));

test('an exchange cut at every byte gives the same packs and answers', TEST, async () => {
  await using rig = await startRig();
  const empty = packOf(2, Buffer.alloc(0));
  const script = Buffer.concat([
    OPENING,
    packFrame(1, packOf(1)),
    packFrame(2, empty),
    encodeFrame('BYE', {}),
  ]);
  for (let cut = 1; cut < script.length; cut++) {
    using client = await rig.raw();
    client.send(script.subarray(0, cut));
    await new Promise((resolve) => setImmediate(resolve));
    client.send(script.subarray(cut));
    const heads = await client.rest();
    assert.equal(heads[0]?.type, 'WELCOME');
    const acked = heads.slice(1).flatMap(({ header }) => (header as { seqs: number[] }).seqs);
    assert.deepEqual(acked, [1, 2], `cut at ${cut}`);
    assert.deepEqual(rig.packs.splice(0), [packOf(1), empty]);
  }
  assert.deepEqual(
    rig.events.filter(({ name }) => /bad|refused/.test(name)),
    [],
  );
});

test('two packs in one write are two packs', TEST, async () => {
  await using rig = await startRig();
  using client = await rig.raw();
  client.send(OPENING);
  assert.equal((await client.next())?.type, 'WELCOME');
  client.send(packFrame(1, packOf(1)), packFrame(2, packOf(2)), encodeFrame('BYE', {}));
  assert.deepEqual(
    (await client.rest()).map(({ header }) => header),
    [{ seqs: [1, 2] }],
  );
  assert.deepEqual(rig.packs, [packOf(1), packOf(2)]);
});

const refusals: [string, Buffer, string, RegExp][] = [
  ['no token', Buffer.concat([PREAMBLE, encodeFrame('HELLO', HELLO)]), 'token', /required/],
  [
    'a wrong token',
    Buffer.concat([PREAMBLE, encodeFrame('HELLO', { ...HELLO, token: 'guess' })]),
    'token',
    /wrong/,
  ],
  [
    'another version',
    Buffer.concat([PREAMBLE, encodeFrame('HELLO', { ...HELLO, versions: [3] })]),
    'version',
    /Version 2/,
  ],
  [
    'a node name with a path',
    Buffer.concat([PREAMBLE, encodeFrame('HELLO', { ...HELLO, node: '../x' })]),
    'name',
    /node name/,
  ],
];
for (const [what, bytes, code, message] of refusals)
  test(`${what} is refused with the reason, on both sides`, TEST, async () => {
    await using rig = await startRig({ tokens: async () => ['secret'] });
    using client = await rig.raw();
    client.send(bytes);
    const [refusal] = await client.rest();
    assert.equal(refusal?.type, 'REFUSE');
    assert.match(JSON.stringify(refusal?.header), message);
    assert.equal((await rig.event('receive.refused')).fields['code'], code);
  });

test(
  'frames behind HELLO wait until the token is looked at; a client that leaves meanwhile harms nothing',
  TEST,
  async () => {
    const asked: ((tokens: readonly string[]) => void)[] = [];
    const both = Promise.withResolvers<void>();
    const tokens = (): Promise<readonly string[]> =>
      new Promise((resolve) => {
        if (asked.push(resolve) === 2) both.resolve();
      });
    await using rig = await startRig({ tokens });
    const hello = Buffer.concat([PREAMBLE, encodeFrame('HELLO', { ...HELLO, token: 'secret' })]);
    using client = await rig.raw();
    client.send(hello, packFrame(1, packOf(1)), packFrame(2, packOf(2)), encodeFrame('BYE', {}));
    using gone = await rig.raw();
    gone.send(hello);
    await both.promise;
    gone.socket.destroy();
    assert.deepEqual(rig.packs, []);
    for (const answer of asked) answer(['other', 'secret']);
    assert.deepEqual(
      (await client.rest()).map(({ type }) => type),
      ['WELCOME', 'ACK'],
    );
    assert.deepEqual(rig.packs, [packOf(1), packOf(2)]);
  },
);

const violations: [string, Buffer, string][] = [
  ['garbage behind the preamble', Buffer.concat([PREAMBLE, Buffer.alloc(64, 0x41)]), 'protocol'],
  ['garbage behind HELLO', Buffer.concat([OPENING, Buffer.alloc(64, 0x41)]), 'protocol'],
  ['a pack before HELLO', Buffer.concat([PREAMBLE, packFrame(1, packOf(1, Buffer.alloc(0)))]), 'protocol'],
  [
    'a HELLO above 4 KiB',
    Buffer.concat([PREAMBLE, encodeFrame('HELLO', { ...HELLO, pad: 'x'.repeat(4096) })]),
    'limit',
  ],
  ['a HELLO without its fields', Buffer.concat([PREAMBLE, encodeFrame('HELLO', {})]), 'protocol'],
  ['a body above the limit', Buffer.concat([OPENING, encodeFrame('PACK', { seq: 1 }, 0xffff_ffff)]), 'limit'],
  ['a frame that only servers send', Buffer.concat([OPENING, encodeFrame('ACK', { seqs: [1] })]), 'protocol'],
  [
    'a pack without a number',
    Buffer.concat([OPENING, encodeFrame('PACK', { ...packOf(1).header })]),
    'protocol',
  ],
  ['a pack number left out', Buffer.concat([OPENING, packFrame(2, packOf(1))]), 'protocol'],
  [
    'a pack after BYE',
    Buffer.concat([OPENING, packFrame(1, packOf(1)), encodeFrame('BYE', {}), packFrame(2, packOf(2))]),
    'protocol',
  ],
];
for (const [what, bytes, code] of violations)
  test(`${what} closes the connection, with the reason on both sides`, TEST, async () => {
    const held = gate();
    await using rig = await startRig({ answer: held.answer });
    using client = await rig.raw();
    client.send(bytes);
    const heads = await client.rest();
    assert.equal(heads.at(-1)?.type, 'REFUSE');
    assert.equal((heads.at(-1)?.header as { code: string }).code, code);
    assert.equal((await rig.event('receive.bad-frame')).fields['code'], code);
    held.open();
  });

test('first bytes that are not of wire v2 are not answered', TEST, async () => {
  for (const bytes of ['d3010000', '4c000000', '47455420', '4c4f47440300']) {
    await using rig = await startRig();
    using client = await rig.raw();
    client.send(Buffer.from(bytes, 'hex'), Buffer.from('whatever follows'));
    assert.deepEqual(await client.rest(), []);
    assert.equal((await rig.event('receive.refused')).fields['code'], 'version');
  }
});

test('a faulty pack gets a NACK, and the packs around it are taken', TEST, async () => {
  await using rig = await startRig();
  const body = Buffer.from('x\n');
  const totals = { packs: 1, lines: 1, bytes: 2, sha256: 'ab'.repeat(32), hoursInDay: 24 };
  const faults: [object, string][] = [
    [{ host: '../etc' }, 'name'],
    [{ host: 'a'.repeat(300) }, 'name'],
    [{ stream: 'a\0b' }, 'name'],
    [{ hour: '2026113216' }, 'name'],
    [{ bytes: (1 << 20) + 1 }, 'limit'],
    [{ bytes: 3, lines: 4 }, 'invalid'],
    [{ lines: 3 }, 'invalid'],
    [{ id: 0 }, 'invalid'],
    [{ id: 1.5 }, 'invalid'],
    [{ id: 2 ** 53 }, 'invalid'],
    [{ id: '1' }, 'invalid'],
    [{ offset: -1 }, 'invalid'],
    [{ offset: Number.MAX_SAFE_INTEGER }, 'invalid'],
    [{ checksum: 2 ** 32 }, 'invalid'],
    [{ sha256: 'AB'.repeat(32) }, 'invalid'],
    [{ codec: 'gzip' }, 'invalid'],
    [{ done: { ...totals, packs: 2 } }, 'invalid'],
    [{ done: { ...totals, bytes: 3 } }, 'invalid'],
    [{ done: { ...totals, lines: 0 } }, 'invalid'],
    [{ done: { ...totals, sha256: 'cd'.repeat(32) } }, 'invalid'],
    [{ host: undefined }, 'invalid'],
  ];
  for (const [change, code] of faults) {
    using client = await rig.raw();
    const bad = { ...packOf(1, body).header, ...change };
    client.send(OPENING, packFrame(1, packOf(1)), encodeFrame('PACK', { seq: 2, ...bad }, 2), body);
    client.send(packFrame(3, packOf(3, body, { id: 1, done: totals })), encodeFrame('BYE', {}));
    const heads = await client.rest();
    const nack = heads.find(({ type }) => type === 'NACK')?.header as {
      seq: number;
      code: string;
      retryable: boolean;
    };
    assert.deepEqual([nack.seq, nack.code, nack.retryable], [2, code, false], JSON.stringify(change));
    const acked = heads
      .filter(({ type }) => type === 'ACK')
      .flatMap(({ header }) => (header as { seqs: number[] }).seqs);
    assert.deepEqual(acked, [1, 3]);
  }
  assert.equal(rig.packs.length, 2 * faults.length);
  assert.ok(rig.events.every(({ fields }) => !/[\0\n]/.test(String(fields['stream']))));
});

test(
  'a body shortened or lengthened on the way may come again, and the packs around it are taken',
  TEST,
  async () => {
    await using rig = await startRig();
    const whole = Buffer.from('x\ny\n');
    const lost = { reason: 'source-vanished', bytes: 2 } as const;
    const damages: [Partial<PackHeader>, Buffer][] = [
      [{}, whole.subarray(0, -1)],
      [{}, Buffer.concat([whole, whole])],
      [{}, Buffer.alloc(0)],
      [{ bytes: 0, lines: 0 }, whole],
      [{ codec: 'zstd' }, Buffer.alloc(0)],
      [{ lost, bytes: 0, lines: 0 }, whole],
    ];
    for (const [change, body] of damages) {
      using client = await rig.raw();
      const header = { ...packOf(2, whole).header, ...change };
      client.send(OPENING, packFrame(1, packOf(1)), packFrame(2, { header, body }), packFrame(3, packOf(3)));
      client.send(encodeFrame('BYE', {}));
      const heads = await client.rest();
      const { message, ...nack } = heads.find(({ type }) => type === 'NACK')?.header as { message: string };
      assert.deepEqual(nack, { seq: 2, code: 'corrupt', retryable: true }, JSON.stringify(change));
      assert.match(message, /damaged on the way: /);
    }
    assert.deepEqual(
      rig.events.flatMap(({ name, fields }) => (name === 'receive.bad-pack' ? [fields['code']] : [])),
      damages.map(() => 'corrupt'),
    );
    assert.deepEqual(
      rig.packs.map(({ header }) => header.id),
      damages.flatMap(() => [1, 3]),
    );
  },
);

test('fields that are not known are ignored', TEST, async () => {
  await using rig = await startRig();
  using client = await rig.raw();
  client.send(PREAMBLE, encodeFrame('HELLO', { ...HELLO, versions: [2, 3], future: [1] }));
  client.send(
    encodeFrame('PACK', { seq: 1, ...packOf(1).header, future: 1 }, packOf(1).body.length),
    packOf(1).body,
  );
  client.send(encodeFrame('BYE', { future: null }));
  assert.deepEqual(
    (await client.rest()).map(({ type }) => type),
    ['WELCOME', 'ACK'],
  );
  assert.deepEqual(rig.packs, [packOf(1)]);
});

test(
  'a client that floods with PINGs is closed, and comes in again after a pause; others at once',
  TEST,
  async () => {
    await using rig = await startRig({ limits: { frameTimeout: 100 } });
    using client = await rig.raw();
    client.send(OPENING);
    const pings = Buffer.concat(Array.from({ length: 5000 }, () => encodeFrame('PING', {})));
    client.send(pings);
    const heads = await client.rest();
    assert.ok(heads.length < 300, `${heads.length} answers`);
    assert.deepEqual((heads.at(-1)?.header as { code: string }).code, 'busy');
    await assert.rejects(rig.connect(), { code: 'refused', retryable: true, message: /try again in 1 s/ });
    await using other = await rig.connect({ node: 'web2' });
    assert.deepEqual(await other.send(packOf(1)), { kind: 'ack' });
    let again = await rig.connect().catch(() => undefined);
    for (; again === undefined; again = await rig.connect().catch(() => undefined)) await settle();
    await again[Symbol.asyncDispose]();
  },
);

test(
  'a client of which nearly all packs are bad is closed; one that sends good ones as well is not',
  TEST,
  async () => {
    const answer = async ({ header }: { header: PackHeader }): Promise<Answer> =>
      header.host === 'bad' || header.id % 2 === 0
        ? { kind: 'nack', code: 'conflict', message: 'no', retryable: false }
        : { kind: 'ack' };
    await using rig = await startRig({ answer, limits: { windowPacks: 1000 } });
    using mixed = await rig.raw();
    mixed.send(OPENING);
    for (let seq = 1; seq <= 600; seq++) mixed.send(packFrame(seq, packOf(seq)));
    mixed.send(encodeFrame('BYE', {}));
    const answers = await mixed.rest();
    assert.ok(answers.every(({ type }) => type !== 'REFUSE'));
    using bad = await rig.raw();
    bad.send(OPENING);
    for (let seq = 1; seq <= 600; seq++) bad.send(packFrame(seq, packOf(seq, undefined, { host: 'bad' })));
    const heads = await bad.rest();
    const nacks = heads.filter(({ type }) => type === 'NACK').length;
    assert.deepEqual([heads.at(-1)?.type, nacks], ['REFUSE', 200]);
  },
);

test('a connection cut inside a frame loses nothing of what came before', TEST, async () => {
  await using rig = await startRig();
  const bytes = Buffer.concat([OPENING, packFrame(1, packOf(1)), packFrame(2, packOf(2))]);
  const client = await rig.raw();
  client.send(bytes.subarray(0, -3));
  await rig.arrived(1);
  client.socket.resetAndDestroy();
  await rig.event('receive.disconnected');
  assert.deepEqual(rig.packs, [packOf(1)]);
  assert.equal(rig.server.inFlightBytes, 0);
});

test('a frame that drips in is cut off, and its budget is given back', TEST, async () => {
  await using rig = await startRig({ limits: { frameTimeout: 60, inFlightBytes: 1 << 18 } });
  using slow = await rig.raw();
  const frame = packFrame(1, packOf(1, Buffer.alloc(1 << 18)));
  slow.send(OPENING, frame.subarray(0, 1000));
  const drip = setInterval(() => slow.socket.write('x'), 10);
  using quick = await rig.raw();
  quick.send(OPENING, packFrame(1, packOf(2)), encodeFrame('BYE', {}));
  assert.deepEqual(
    (await quick.rest()).map(({ type }) => type),
    ['WELCOME', 'ACK'],
    'the other client gets its turn',
  );
  const heads = await slow.rest();
  clearInterval(drip);
  assert.deepEqual(
    heads.map(({ type }) => type),
    ['WELCOME', 'REFUSE'],
  );
  assert.equal((await rig.event('receive.bad-frame')).fields['code'], 'timeout');
  assert.equal(rig.server.inFlightBytes, 0);
});

test('a head that drips in, a HELLO that does not come, and silence are cut off', TEST, async () => {
  const cases: [object, Buffer, RegExp][] = [
    [{ frameTimeout: 50 }, Buffer.concat([OPENING, encodeFrame('PING', {}).subarray(0, 7)]), /frame/],
    [{ helloTimeout: 50 }, PREAMBLE.subarray(0, 5), /HELLO/],
    [{ helloTimeout: 50 }, OPENING.subarray(0, 30), /HELLO/],
    [{ idleTimeout: 50 }, OPENING, /sign of life/],
  ];
  for (const [limits, bytes, message] of cases) {
    await using rig = await startRig({ limits });
    using client = await rig.raw();
    client.send(bytes);
    await client.rest();
    assert.match(String((await rig.event('receive.bad-frame')).fields['reason']), message);
  }
});

test('a client that ignores the window waits in its own kernel', TEST, async () => {
  const held = gate();
  await using rig = await startRig({
    limits: { windowPacks: 1000, windowBytes: 1 << 20 },
    answer: held.answer,
  });
  using client = await rig.raw();
  client.send(OPENING);
  const body = Buffer.alloc(1 << 18);
  const count = 64;
  for (let seq = 1; seq <= count; seq++) client.socket.write(packFrame(seq, packOf(seq, body)));
  await rig.arrived(4);
  await settle();
  assert.equal(rig.packs.length, 4, 'windowBytes holds four bodies');
  assert.equal(rig.server.inFlightBytes, 1 << 20);
  held.open();
  await rig.arrived(count);
  assert.deepEqual(
    rig.packs.map(({ header }) => header.id),
    Array.from({ length: count }, (_, n) => n + 1),
  );
});

test('the budget of all connections holds whatever their number, and each gets its turn', TEST, async () => {
  const held = gate();
  const budget = 1 << 20;
  await using rig = await startRig({ limits: { inFlightBytes: budget }, answer: held.answer });
  const clients = await Promise.all(Array.from({ length: 20 }, () => rig.raw()));
  const body = Buffer.alloc(100_000);
  for (const client of clients) {
    client.send(OPENING);
    for (let seq = 1; seq <= 5; seq++) client.socket.write(packFrame(seq, packOf(seq, body)));
  }
  await rig.arrived(1);
  await settle();
  assert.ok(rig.packs.length <= 10);
  assert.ok(rig.server.inFlightBytes <= budget);
  held.open();
  await rig.arrived(100);
  await settle();
  assert.equal(rig.server.inFlightBytes, 0);
  for (const client of clients) client.socket.destroy();
});

test('connections above the limit are told so, and there is room again when one goes', TEST, async () => {
  await using rig = await startRig({ limits: { connections: 1 } });
  const first = await rig.connect();
  for (let n = 0; n < 3; n++) {
    await assert.rejects(rig.connect(), { code: 'refused', retryable: true, message: /\(busy\)/ });
    // The refused connection is gone by now, and must not have made room.
    await settle();
  }
  await first[Symbol.asyncDispose]();
  for (;;) {
    const again = await rig.connect().catch(() => undefined);
    if (again === undefined) continue;
    await again[Symbol.asyncDispose]();
    break;
  }
});

test('drain answers what is on its way, and then closes', TEST, async () => {
  const held = gate();
  await using rig = await startRig({ answer: held.answer });
  using client = await rig.raw();
  using late = await rig.raw();
  client.send(OPENING, packFrame(1, packOf(1)));
  await rig.arrived(1);
  const drained = rig.server.drain();
  assert.equal((await client.next())?.type, 'WELCOME');
  assert.equal((await client.next())?.type, 'BYE');
  assert.equal(((await late.rest())[0]?.header as { code: string }).code, 'closing');
  client.send(packFrame(2, packOf(2)), encodeFrame('BYE', {}));
  await rig.arrived(2);
  held.open();
  assert.deepEqual(
    (await client.rest()).map(({ header }) => header),
    [{ seqs: [1, 2] }],
  );
  await drained;
});

test('drain does not wait for a client that keeps silent', TEST, async () => {
  const held = gate();
  await using rig = await startRig({ answer: held.answer, limits: { helloTimeout: 100 } });
  using idle = await rig.raw();
  idle.send(OPENING);
  using waiting = await rig.raw();
  waiting.send(OPENING, packFrame(1, packOf(1)));
  await rig.arrived(1);
  assert.equal((await idle.next())?.type, 'WELCOME');
  const drained = rig.server.drain();
  assert.deepEqual(
    (await idle.rest()).map(({ type }) => type),
    ['BYE'],
  );
  // Its pack is not answered yet: it has a right to wait.
  held.open();
  assert.deepEqual(
    (await waiting.rest()).map(({ type }) => type),
    ['WELCOME', 'BYE', 'ACK'],
  );
  await drained;
});

test('a handler that fails is a NACK to try again', TEST, async () => {
  await using rig = await startRig({ answer: () => Promise.reject(new Error('boom')) });
  await using upstream = await rig.connect();
  assert.deepEqual(await upstream.send(packOf(1)), {
    kind: 'nack',
    code: 'storage',
    message: 'boom',
    retryable: true,
  });
});

test('many connections leave nothing behind', TEST, async () => {
  await using rig = await startRig();
  const handles = (): number =>
    process.getActiveResourcesInfo().filter((name) => name !== 'Immediate').length;
  const once100 = async (): Promise<void> => {
    for (let n = 0; n < 100; n++) {
      await using upstream = await rig.connect();
      assert.deepEqual(await upstream.send(packOf(1)), { kind: 'ack' });
    }
    while (rig.events.filter(({ name }) => name === 'receive.disconnected').length % 100 > 0) await settle();
  };
  await once100();
  const before = handles();
  await once100();
  assert.equal(handles(), before);
  assert.equal(rig.server.inFlightBytes, 0);
});

test('an address that cannot be had says so', TEST, async () => {
  await using rig = await startRig();
  await assert.rejects(startRig({ address: rig.server.address }), {
    code: 'unreachable',
    message: /Cannot listen on 127/,
  });
});

test('disposing of the server cuts its clients off', TEST, async () => {
  const rig = await startRig({ answer: () => new Promise(() => undefined) });
  using client = await rig.raw();
  client.send(OPENING, packFrame(1, packOf(1)));
  await rig.arrived(1);
  await Promise.all([rig.server[Symbol.asyncDispose](), once(client.socket, 'close')]);
});
