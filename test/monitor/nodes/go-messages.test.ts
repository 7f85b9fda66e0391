/** Messages as a Go node sent them, byte for byte, and what is none. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { createGoDecoder, type GoMessage, listenForGoNodes } from '../../../src/monitor/nodes/go-messages.ts';
import { encodeV1Length } from '../../../src/transport/gowire/pack-frame.ts';

const recorded = (name: string): Buffer =>
  readFileSync(join(import.meta.dirname, '../../transport/gowire/captures', name));
const REGISTER = recorded('mon-01-register.bin');
const UNREGISTER = recorded('mon-03-unregister.bin');
const ERROR_LOG = recorded('netlog-06-ERROR.bin');
const framed = (json: string): Buffer => Buffer.concat([encodeV1Length(json.length), Buffer.from(json)]);

const listening = async (
  job: (port: number, taken: GoMessage[], faults: string[]) => Promise<void>,
  fail = false,
): Promise<void> => {
  const taken: GoMessage[] = [];
  const faults: string[] = [];
  await using listener = await listenForGoNodes({
    listen: { host: '127.0.0.1', port: 0 },
    async onMessage(message) {
      if (fail) throw new Error('The database is away.');
      taken.push(message);
    },
    onFault: (_address, reason) => faults.push(reason),
  });
  await job(listener.address.port, taken, faults);
};

/** Sends chunks one after the other, and resolves with all that came back by the time the other end or we close. */
const exchange = async (port: number, chunks: readonly Buffer[], answerBytes: number): Promise<Buffer> => {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true });
  const answer: Buffer[] = [];
  const enough = Promise.withResolvers<void>();
  socket.on('data', (chunk) => {
    answer.push(chunk);
    if (Buffer.concat(answer).length >= answerBytes) enough.resolve();
  });
  socket.on('error', () => undefined);
  socket.on('close', () => enough.resolve());
  await once(socket, 'connect');
  for (const chunk of chunks) await new Promise<void>((resolve) => socket.write(chunk, () => resolve()));
  await enough.promise;
  socket.destroy();
  return Buffer.concat(answer);
};

describe('messages of Go nodes', () => {
  it('register and unregister are answered with the recorded bytes, logs with none, on one connection', () =>
    listening(async (port, taken) => {
      const replies = Buffer.concat([recorded('mon-02-reply.bin'), recorded('mon-04-reply.bin')]);
      const answer = await exchange(port, [REGISTER, ERROR_LOG, UNREGISTER], replies.length);
      assert.deepEqual(answer, replies);
      const about = { ip: '10.0.0.1', port: 27_441 };
      assert.deepEqual(taken[0], { req: 'register', ...about, hostname: 'vm', role: 'tail' });
      assert.deepEqual(taken[2], { req: 'unregister', ...about, hostname: 'vm', role: 'tail' });
      assert.ok('type' in taken[1]! && taken[1].type === 'ERROR' && taken[1].ip === '10.0.0.1');
      assert.match(taken[1].msg, /^wrong format header hello/);
    }));

  it('come in any chunking', () => {
    const all = Buffer.concat([REGISTER, ERROR_LOG, UNREGISTER]);
    for (const size of [1, 3, 7, 100, all.length]) {
      const decode = createGoDecoder();
      const found: GoMessage[] = [];
      for (let at = 0; at < all.length; at += size) found.push(...decode(all.subarray(at, at + size)));
      assert.deepEqual(
        found.map((each) => ('req' in each ? each.req : each.type)),
        ['register', 'ERROR', 'unregister'],
      );
    }
  });

  it('a node is told when it could not be registered', () =>
    listening(async (port) => {
      const answer = await exchange(port, [REGISTER], 10);
      assert.match(answer.toString(), /\{"err":"1","msg":"The database is away\."\}/);
    }, true));

  for (const [what, bytes] of [
    ['a length of two gigabytes', Buffer.from([0xff, 0xff, 0xff, 0x7f, 0x7b])],
    ['no varint', Buffer.from([0xff, 0xff, 0xff, 0xff])],
    ['no JSON', framed('hello')],
    ['another JSON', framed('{"req":"shutdown","ip":"1.2.3.4","port":"1"}')],
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
  ] as const)
    it(`${what} ends the connection, and is reported`, () =>
      listening(async (port, taken, faults) => {
        assert.equal((await exchange(port, [bytes], 1)).length, 0);
        assert.deepEqual([taken.length, faults.length], [0, 1]);
      }));
});
