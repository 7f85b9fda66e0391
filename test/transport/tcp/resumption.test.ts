import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { createBrokenOffPacks } from '../../../src/transport/broken-off.ts';
import type { Answer } from '../../../src/pack/answer.ts';
import type { Pack } from '../../../src/pack/pack.ts';
import { encodeFrame } from '../../../src/transport/tcp/frame.ts';
import { OPENING, packOf, type RawClient, type Rig, startRig } from './rig.ts';

const TEST = { timeout: 20_000 };
const BODY = randomBytes(100_000);

/** The frame of a pack from byte `from` on. */
const restFrame = (pack: Pack, sending: string, from = 0): Buffer => {
  const rest = pack.body.subarray(from);
  const fields = { seq: 1, ...pack.header, sending, ...(from > 0 && { from }) };
  return Buffer.concat([encodeFrame('PACK', fields, rest.length), rest]);
};

/** Says HELLO on a new connection; the client, and what the server has of earlier ones. */
const greet = async (rig: Rig): Promise<{ client: RawClient; begun: unknown }> => {
  const client = await rig.raw();
  client.send(OPENING);
  const welcome = await client.next();
  assert.equal(welcome?.type, 'WELCOME');
  return { client, begun: Reflect.get(welcome.header, 'begun') };
};

const over = async (rig: Rig, connections: number): Promise<void> => {
  while (rig.events.filter(({ name }) => name === 'receive.disconnected').length < connections)
    await new Promise((resolve) => setTimeout(resolve, 5));
};

/** Sends bytes on a new connection and breaks it once they have been read. */
const breakAfter = async (rig: Rig, bytes: Buffer, connections: number): Promise<void> => {
  const { client } = await greet(rig);
  client.send(bytes);
  await new Promise((resolve) => setTimeout(resolve, 50));
  client.socket.resetAndDestroy();
  await over(rig, connections);
};

test('a pack that broke off goes on where it did, again and again', TEST, async () => {
  await using rig = await startRig();
  const pack = packOf(1, BODY);
  await breakAfter(rig, restFrame(pack, 'a').subarray(0, -60_000), 1);
  const second = await greet(rig);
  assert.deepEqual(second.begun, [{ sending: 'a', from: 40_000 }]);
  second.client.send(restFrame(pack, 'a', 40_000).subarray(0, -30_000));
  await new Promise((resolve) => setTimeout(resolve, 50));
  second.client.socket.destroy();
  await over(rig, 2);
  // A connection that sends nothing loses nothing.
  await breakAfter(rig, Buffer.alloc(0), 3);
  const { client, begun } = await greet(rig);
  assert.deepEqual(begun, [{ sending: 'a', from: 70_000 }]);
  client.send(restFrame(pack, 'a', 70_000));
  assert.equal((await client.next())?.type, 'ACK');
  assert.equal(rig.packs.length, 1);
  assert.ok(rig.packs[0]?.body.equals(BODY));
  client.socket.destroy();
});

test('a pack that came whole is answered without its body; a later sending of it is not', TEST, async () => {
  const answers: ((answer: Answer) => void)[] = [];
  await using rig = await startRig({ answer: () => new Promise((resolve) => answers.push(resolve)) });
  const pack = packOf(1, BODY);
  await breakAfter(rig, restFrame(pack, 'a'), 1);
  const { client, begun } = await greet(rig);
  assert.deepEqual(begun, [{ sending: 'a' }]);
  client.send(restFrame(pack, 'a', BODY.length));
  await new Promise((resolve) => setTimeout(resolve, 50));
  answers[0]!({ kind: 'ack' });
  assert.deepEqual(await client.next(), { type: 'ACK', header: { seqs: [1] }, bodyBytes: 0 });
  assert.equal(rig.packs.length, 1, 'it was handed over once');
  client.socket.destroy();
  await over(rig, 2);
  const later = await greet(rig);
  later.client.send(restFrame(pack, 'b'));
  await rig.arrived(2);
  later.client.socket.destroy();
});

test('a beginning that is not here is asked for again, whole', TEST, async () => {
  await using rig = await startRig();
  const pack = packOf(1, BODY);
  for (const from of [40_000, BODY.length]) {
    const { client } = await greet(rig);
    client.send(restFrame(pack, 'never', from));
    const head = await client.next();
    assert.equal(head?.type, 'NACK');
    assert.equal(Reflect.get(head.header, 'retryable'), true);
    client.socket.destroy();
  }
  assert.equal(rig.packs.length, 0);
});

test('beginnings that do not go together are found out by the body alone, not stored', TEST, async () => {
  await using rig = await startRig();
  await breakAfter(rig, restFrame(packOf(1, BODY), 'a').subarray(0, -60_000), 1);
  const { client } = await greet(rig);
  const longer = packOf(1, Buffer.concat([BODY, BODY]));
  const { header } = packOf(1, BODY);
  client.send(restFrame({ header, body: longer.body }, 'a', 40_000));
  const head = await client.next();
  assert.equal(Reflect.get(head?.header ?? {}, 'code'), 'corrupt');
  assert.equal(rig.packs.length, 0);
  client.socket.destroy();
});

test('our own client goes on by itself', TEST, async () => {
  await using rig = await startRig();
  const pack = packOf(1, BODY);
  await breakAfter(rig, restFrame(pack, 'a').subarray(0, -60_000), 1);
  await using upstream = await rig.connect();
  let sent = 0;
  const received = rig.packs;
  assert.deepEqual(await upstream.send(pack, 'a'), { kind: 'ack' });
  sent++;
  assert.equal(received.length, sent);
  assert.ok(received[0]?.body.equals(BODY));
  assert.deepEqual(await upstream.send(pack, 'a'), { kind: 'ack' });
  assert.equal(received.length, 2, 'only the first try on a connection goes on');
});

test('what is kept of broken connections is bounded, also while it is with the next', () => {
  const packs = createBrokenOffPacks(1000);
  const part = (sending: string) => [{ sending, beginning: Buffer.alloc(400) }];
  packs.leave('one', part('1'));
  packs.leave('two', part('2'));
  packs.leave('three', part('3'));
  assert.deepEqual(packs.take('one'), [], 'the oldest went');
  const two = packs.take('two');
  assert.equal(two.length, 1);
  packs.leave('four', part('4'));
  assert.deepEqual(packs.take('three'), [], 'what two took still counts');
  packs.release(two);
  packs.leave('five', part('5'));
  assert.equal(packs.take('four').length + packs.take('five').length, 2);
  packs.leave('six', [{ sending: '6', beginning: Buffer.alloc(2000) }]);
  assert.deepEqual(packs.take('six'), [], 'one that is too large is not kept');
});
