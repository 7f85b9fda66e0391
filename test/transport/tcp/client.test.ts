import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { test } from 'node:test';
import { LogdError } from '../../../src/error.ts';
import { EVENTS } from '../../../src/telemetry/events.ts';
import { renderText } from '../../../src/telemetry/log.ts';
import { connect } from '../../../src/transport/tcp/client.ts';
import { encodeFrame } from '../../../src/transport/tcp/frame.ts';
import type { Answer } from '../../../src/pack/answer.ts';
import { LIMITS, clientOptions, packOf, startRig } from './rig.ts';

const TEST = { timeout: 20_000 };

/** A server that does with each connection what the test says. */
const fakeServer = async (
  serve: (socket: Socket) => void,
): Promise<{ address: { host: string; port: number } } & AsyncDisposable> => {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    serve(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: { host: '127.0.0.1', port: (server.address() as AddressInfo).port },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
};

const { windowPacks, windowBytes, bodyBytes, rawBytes } = LIMITS;
const WELCOME = encodeFrame('WELCOME', {
  version: 2,
  node: 'sink1',
  software: 'test',
  limits: { windowPacks, windowBytes, bodyBytes, rawBytes },
  time: 0,
});

test('packs sent at once are answered each, in whatever order', TEST, async () => {
  const answers: ((answer: Answer) => void)[] = [];
  await using rig = await startRig({
    tokens: async () => ['secret'],
    answer: () => new Promise((resolve) => answers.push(resolve)),
  });
  await using upstream = await rig.connect({ token: 'secret' });
  assert.equal(upstream.node, 'sink1');
  assert.deepEqual(upstream.limits, { windowPacks, windowBytes, bodyBytes, rawBytes });
  const packs = [1, 2, 3].map((id) => packOf(id, Buffer.alloc(100_000, id), { lines: 0 }));
  const sent = packs.map((pack) => upstream.send(pack));
  await rig.arrived(3);
  assert.deepEqual(rig.packs, packs);
  const nack: Answer = { kind: 'nack', code: 'corrupt', message: 'Wrong checksum.', retryable: true };
  answers[2]!({ kind: 'ack' });
  assert.deepEqual(await sent[2], { kind: 'ack' });
  answers[0]!(nack);
  assert.deepEqual(await sent[0], nack);
  answers[1]!({ kind: 'ack' });
  assert.deepEqual(await sent[1], { kind: 'ack' });
});

test('a pack that the server would not take is not sent', TEST, async () => {
  await using rig = await startRig();
  await using upstream = await rig.connect();
  const answer = await upstream.send(packOf(1, Buffer.alloc(bodyBytes + 1)));
  assert.equal(answer.kind === 'nack' && answer.code, 'limit');
  // Nothing can have happened on the way: to send it again would not help.
  const short = await upstream.send(packOf(1, Buffer.from('x\n'), { bytes: 3 }));
  assert.ok(short.kind === 'nack' && short.code === 'invalid' && !short.retryable);
  assert.deepEqual(await upstream.send(packOf(2)), { kind: 'ack' });
  assert.deepEqual(rig.packs, [packOf(2)]);
});

test('a refusal carries the words of the server', TEST, async () => {
  await using rig = await startRig({ tokens: async () => ['secret'] });
  await assert.rejects(rig.connect({ token: 'guess' }), (error) => {
    assert.ok(error instanceof LogdError);
    assert.equal(error.code, 'refused');
    assert.equal(error.retryable, false);
    const { host, port } = rig.server.address;
    const address = `${host}:${port}`;
    const message =
      `${address} refuses us (token): The token is wrong: ` +
      "the token_file of the agent must have the same first line as the sink's.";
    assert.equal(error.message, message);
    const { text } = EVENTS['send.refused'];
    assert.equal(
      renderText(text, { address, reason: error.message, delay_ms: 270 }),
      `${message} Next try in 0.3 s.`,
    );
    return true;
  });
});

test('nobody there, nobody who speaks, someone who hangs up: unreachable', TEST, async () => {
  const gone = await fakeServer(() => undefined);
  await gone[Symbol.asyncDispose]();
  await assert.rejects(connect(clientOptions(gone.address)), {
    code: 'unreachable',
    retryable: true,
    message: /refuses connections/,
  });
  await using mute = await fakeServer(() => undefined);
  const timeouts = { connect: 50, answer: 60_000, ping: 60_000 };
  await assert.rejects(connect({ ...clientOptions(mute.address), timeouts }), {
    code: 'unreachable',
    message: /50 ms/,
  });
  await using rude = await fakeServer((socket) => socket.once('data', () => socket.destroy()));
  await assert.rejects(connect(clientOptions(rude.address)), { code: 'unreachable' });
});

test('a server that speaks something else is named so', TEST, async () => {
  await using http = await fakeServer((socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'));
  await assert.rejects(connect(clientOptions(http.address)), { code: 'protocol' });
});

test('the signal calls the attempt off', TEST, async () => {
  await using mute = await fakeServer(() => undefined);
  const stop = new AbortController();
  const attempt = connect({ ...clientOptions(mute.address), signal: stop.signal });
  stop.abort();
  await assert.rejects(attempt, { code: 'closed' });
  await assert.rejects(connect({ ...clientOptions(mute.address), signal: stop.signal }), { code: 'closed' });
});

test(
  'when the connection breaks, every pack without an answer is rejected, and so are later ones',
  TEST,
  async () => {
    await using server = await fakeServer((socket) => {
      socket.write(WELCOME);
      socket.on('data', (chunk: Buffer) => chunk.includes('line 2') && socket.resetAndDestroy());
    });
    const upstream = await connect(clientOptions(server.address));
    const sent = [upstream.send(packOf(1)), upstream.send(packOf(2))];
    for (const result of await Promise.allSettled(sent)) assert.equal(result.status, 'rejected');
    assert.equal((await upstream.ended).code, 'unreachable');
    await assert.rejects(upstream.send(packOf(3)), { code: 'unreachable', retryable: true });
    await upstream[Symbol.asyncDispose]();
  },
);

test('silence is asked about, and with answers due it ends the connection', TEST, async () => {
  let pings = 0;
  await using server = await fakeServer((socket) => {
    socket.write(WELCOME);
    socket.on('data', (chunk: Buffer) => {
      const at = chunk.indexOf(encodeFrame('PING', {}));
      if (at >= 0 && ++pings < 3) socket.write(encodeFrame('PONG', {}));
    });
  });
  await using upstream = await connect({
    ...clientOptions(server.address),
    timeouts: { connect: 10_000, answer: 40, ping: 20 },
  });
  assert.match((await upstream.ended).message, /silent for 40 ms/);
  assert.equal(pings, 3);
});

test('a server that is slow but alive is waited for', TEST, async () => {
  let answer: ((answer: Answer) => void) | undefined;
  await using rig = await startRig({
    pingInterval: 10,
    answer: () => new Promise((resolve) => (answer = resolve)),
  });
  await using upstream = await rig.connect({ timeouts: { connect: 10_000, answer: 100, ping: 60_000 } });
  const sent = upstream.send(packOf(1));
  await rig.arrived(1);
  await new Promise((resolve) => setTimeout(resolve, 400));
  answer!({ kind: 'ack' });
  assert.deepEqual(await sent, { kind: 'ack' });
});

test('after BYE no packs go out, the answers come in, and the connection ends', TEST, async () => {
  const answers: ((answer: Answer) => void)[] = [];
  await using rig = await startRig({ answer: () => new Promise((resolve) => answers.push(resolve)) });
  await using upstream = await rig.connect();
  const sent = upstream.send(packOf(1));
  await rig.arrived(1);
  const drained = rig.server.drain();
  let code: unknown;
  while (code !== 'closed') {
    const other = upstream.send(packOf(2)).catch((error: unknown) => (code = (error as LogdError).code));
    await new Promise((resolve) => setImmediate(resolve));
    for (const answer of answers.splice(1)) answer({ kind: 'ack' });
    void other;
  }
  for (const answer of answers.splice(0)) answer({ kind: 'ack' });
  const finish = setInterval(() => answers.splice(0).forEach((answer) => answer({ kind: 'ack' })), 5);
  assert.deepEqual(await sent, { kind: 'ack' });
  assert.match((await upstream.ended).message, /sink1 has shut down/);
  clearInterval(finish);
  await drained;
});

const lies: [string, Buffer][] = [
  ['answers a pack that was not sent', encodeFrame('ACK', { seqs: [7] })],
  ['sends a frame that only clients send', encodeFrame('HELLO', {})],
  ['sends a body', encodeFrame('PACK', {}, 1)],
  ['sends an ACK without numbers', encodeFrame('ACK', { seqs: [] })],
];
for (const [what, frame] of lies)
  test(`a server that ${what} is left`, TEST, async () => {
    await using server = await fakeServer((socket) => socket.write(Buffer.concat([WELCOME, frame])));
    const upstream = await connect(clientOptions(server.address));
    assert.match((await upstream.ended).code, /protocol|limit/);
    await upstream[Symbol.asyncDispose]();
  });

test(
  'a question of what the ledger has is answered; a refusal of it fails that question alone',
  TEST,
  async () => {
    const runs = [{ segment: 0, from: 2, to: 5 }];
    const answers = [
      encodeFrame('WANT', { seq: 1, knows: false, runs }),
      encodeFrame('NACK', { seq: 2, code: 'storage', message: 'Not now.', retryable: true, have: true }),
    ];
    await using server = await fakeServer((socket) => {
      socket.write(WELCOME);
      socket.on('data', (chunk: Buffer) => chunk.includes('"segments"') && socket.write(answers.shift()!));
    });
    await using upstream = await connect(clientOptions(server.address));
    const mark = { id: 'one', start: 'first', counter: 3 };
    const key = { host: 'web1', stream: 'access', hour: '2026112216', packs: 5 };
    const { knows, runs: found } = await upstream.ask!({ mark, segments: [key] });
    assert.deepEqual([knows, found], [false, runs]);
    await assert.rejects(upstream.ask!({ segments: [] }), { message: 'Not now.', retryable: true });
  },
);

test('a REFUSE with an unknown code is a refusal, and a NACK with one is invalid', TEST, async () => {
  await using refusing = await fakeServer((socket) =>
    socket.write(encodeFrame('REFUSE', { code: 'moon', message: 'Full.' })),
  );
  await assert.rejects(connect(clientOptions(refusing.address)), {
    code: 'refused',
    message: /\(moon\): Full/,
  });
  await using nacking = await fakeServer((socket) => {
    socket.write(WELCOME);
    const nack = encodeFrame('NACK', { seq: 1, code: 'moon', message: 'Full.', retryable: true });
    socket.on('data', (chunk: Buffer) => chunk.includes('line 1') && socket.write(nack));
  });
  await using upstream = await connect(clientOptions(nacking.address));
  assert.deepEqual(await upstream.send(packOf(1)), {
    kind: 'nack',
    code: 'invalid',
    message: 'Full.',
    retryable: true,
  });
});
