/** The door for Go nodes: one that sends bad packs only is let in again after a pause that grows. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { deflateSync } from 'node:zlib';
import type { Answer } from '../../../src/pack/answer.ts';
import { systemClock } from '../../../src/telemetry/clock.ts';
import { goWireTransport } from '../../../src/transport/gowire/transport-kind.ts';
import { encodeV1Pack } from '../../../src/transport/gowire/pack-frame.ts';
import { listen } from '../../../src/transport/listen.ts';
import { LIMITS, type Seen } from '../tcp/rig.ts';

const ROUTE = [{ ip: '10.0.0.1', hour: '2026112216', id: '1', lines: '1', stage: 'make pack' }];
const PACK = encodeV1Pack(ROUTE, deflateSync('a line\n'));
const BAD: Answer = { kind: 'nack', code: 'invalid', message: 'It is not right.', retryable: false };

test('a Go node that sends bad packs again and again waits before it is heard again', async () => {
  const events: Seen[] = [];
  let taken = 0;
  await using listener = await listen(
    {
      address: { host: '127.0.0.1', port: 0 },
      node: 'sink1',
      limits: { ...LIMITS, idleTimeout: 1e9, frameTimeout: 1e9, helloTimeout: 1e9 },
      clock: systemClock,
      emit: (name, fields) => void events.push({ name, fields }),
      onPack: () => assert.fail('no packs here'),
      onLoosePack: () => Promise.resolve(taken++ < 20 ? BAD : { kind: 'ack' }),
    },
    [goWireTransport.protocol!],
  );
  const send = async (): Promise<string> => {
    const socket = connect(listener.address);
    let heard = '';
    socket.on('data', (chunk: Buffer) => {
      heard += chunk.toString();
      socket.end();
    });
    socket.on('error', () => undefined);
    socket.write(PACK);
    await once(socket, 'close');
    return heard;
  };
  for (let n = 0; n < 20; n++) assert.equal(await send(), 'wrong header');
  assert.equal(await send(), '');
  const said = (name: Seen['name']): string[] =>
    events.filter((event) => event.name === name).map(({ fields }) => String(fields['reason' as never]));
  assert.match(said('receive.bad-frame').join(), /20 more packs were bad than good.*after 1 s/);
  assert.match(said('receive.refused').join(), /try again in 1 s/);
  assert.equal(taken, 20);
  let heard = '';
  while (heard === '') {
    await sleep(20);
    heard = await send();
  }
  assert.equal(heard, 'ok');
});
