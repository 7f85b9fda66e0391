import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { systemClock } from '../../src/telemetry/clock.ts';
import { listen, type Listener } from '../../src/transport/listen.ts';
import type { Protocol } from '../../src/transport/transport.ts';
import { type Seen, LIMITS } from './tcp/rig.ts';

/** Echoes what it gets, from the first byte on; begins with its letter, doubled. */
const echo = (letter: string, serves = true): Protocol => ({
  label: `wire ${letter}`,
  recognise: (first) => {
    const begin = letter.repeat(2);
    const text = first.toString().slice(0, 2);
    return text === begin ? 'yes' : begin.startsWith(text) ? 'more' : 'no';
  },
  ...(serves && {
    serve: (_, socket, first, guest) => {
      guest.letIn();
      socket.on('data', (chunk: Buffer) => socket.write(chunk));
      if (first.length > 0) socket.write(first);
      const say = (word: string): void => {
        if (socket.writable) socket.end(`${letter} ${word}`);
      };
      return {
        peer: { node: letter, address: '' },
        refuse: say,
        drain: () => say('bye'),
        destroy: () => socket.destroy(),
        tick: () => say('late'),
      };
    },
  }),
});

const start = async (limits = {}, protocols = [echo('a'), echo('b'), echo('c', false)]) => {
  const events: Seen[] = [];
  const listener = await listen(
    {
      address: { host: '127.0.0.1', port: 0 },
      node: 'sink1',
      limits: { ...LIMITS, ...limits },
      clock: systemClock,
      emit: (name, fields) => void events.push({ name, fields }),
      onPack: () => assert.fail('no packs here'),
    },
    protocols,
  );
  return { listener, events };
};

const call = async ({ address }: Listener): Promise<Socket> => {
  const socket = connect(address);
  await once(socket, 'connect');
  return socket;
};

/** All that comes until the end. */
const hear = async (socket: Socket): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
};

test('each caller gets its protocol and loses no byte, however its first bytes come', async () => {
  const { listener } = await start();
  await using _ = listener;
  for (const parts of [['aa', 'hello'], ['bbhello'], ['b', 'b', 'hello']]) {
    const socket = await call(listener);
    let heard = '';
    socket.on('data', (chunk: Buffer) => (heard += chunk.toString()));
    for (const part of parts) {
      socket.write(part);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    while (heard.length < parts.join('').length) await once(socket, 'data');
    assert.equal(heard, parts.join(''));
    assert.deepEqual(
      listener.peers(9).map(({ node }) => node),
      [parts.join('').slice(0, 1)],
    );
    socket.destroy();
    while (listener.connections > 0) await new Promise((resolve) => setTimeout(resolve, 1));
  }
});

test('a stranger, and a caller whose protocol is not spoken, hear nothing; the event says what to do', async () => {
  const { listener, events } = await start();
  await using _ = listener;
  for (const [first, reason] of [
    ['xx', 'The first bytes are of no protocol known here: send with wire a or wire b.'],
    ['cc', 'Wire c is not spoken here: send with wire a or wire b.'],
  ] as const) {
    const socket = await call(listener);
    socket.write(first);
    assert.equal(await hear(socket), '');
    assert.equal(events.at(-1)?.name, 'receive.refused');
    assert.equal(events.at(-1)?.fields['reason'], reason);
  }
});

test('whoever has said nothing yet is spoken to in the first protocol', async () => {
  const { listener } = await start({ connections: 1 });
  await using _ = listener;
  const silent = await call(listener);
  const first = await call(listener);
  first.resume().write('bb');
  while (listener.connections === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  assert.equal(await hear(await call(listener)), 'a busy');
  const heard = hear(silent);
  await listener.drain();
  assert.equal(await heard, 'a bye');
  const { listener: impatient } = await start({ helloTimeout: 50 });
  await using __ = impatient;
  assert.equal(await hear(await call(impatient)), 'a late');
});
