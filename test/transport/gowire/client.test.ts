/** A Go receiver in miniature, with its faults: one read for the length, one for the header, one for the body; `ok` or `wrong header`. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { inflateSync } from 'node:zlib';
import type { Pack } from '../../../src/pack/pack.ts';
import { systemClock } from '../../../src/telemetry/clock.ts';
import { connectV1, toV1 } from '../../../src/transport/gowire/client.ts';
import { V1Decoder, type V1Pack } from '../../../src/transport/gowire/pack-frame.ts';
import type { Upstream } from '../../../src/transport/transport.ts';

const LIMITS = { headerBytes: 4096, bodyBytes: 1 << 20 };

const packOf = (id: number, text: string, more: Partial<Pack['header']> = {}): Pack => {
  const body = Buffer.from(text);
  const header: Pack['header'] = {
    ...{ host: '10.0.0.1', stream: 'access', hour: '2026112216', id, generation: 1, offset: 0 },
    ...{ bytes: body.length, lines: text.split('\n').length - 1, checksum: 0, sha256: '0'.repeat(64) },
    ...{ codec: 'none', time: 1_795_363_400_000, ...more },
  };
  return { header, body };
};

const receiver = async (
  t: { after(fn: () => unknown): void },
  answer: (pack: V1Pack, raw: Buffer, socket: Socket) => void,
): Promise<number> => {
  const server = createServer((socket) => {
    const decoder = new V1Decoder(LIMITS);
    let head: V1Pack | undefined;
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      decoder.push(chunk);
      head ??= decoder.head();
      const body = head && decoder.body(head);
      if (head === undefined || body === undefined) return;
      const whole = head;
      head = undefined;
      answer(whole, inflateSync(body), socket);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
};

const connected = (port: number, answer = 5000): Promise<Upstream> =>
  connectV1({
    address: { host: '127.0.0.1', port },
    stream: 'access',
    clock: systemClock,
    signal: AbortSignal.timeout(5000),
    timeouts: { connect: 5000, answer },
  });

describe('sending to a Go node', () => {
  it('sends one pack at a time and takes its ok', async (t) => {
    const got: string[] = [];
    let open = 0;
    const port = await receiver(t, (pack, raw, socket) => {
      assert.equal(++open, 1);
      got.push(
        `${pack.ip} ${pack.hour} ${pack.id} ${pack.lines}${pack.done ? ' done' : ''} ${raw.toString()}`,
      );
      setImmediate(() => {
        open--;
        socket.write('ok');
      });
    });
    await using upstream = await connected(port);
    const done = { packs: 3, lines: 3, bytes: 6, sha256: '0'.repeat(64), hoursInDay: 24 };
    const answers = await Promise.all([
      upstream.send(packOf(1, 'a\n')),
      upstream.send(packOf(2, 'b\nc\n')),
      upstream.send(packOf(3, '', { done })),
    ]);
    assert.deepEqual(answers, [{ kind: 'ack' }, { kind: 'ack' }, { kind: 'ack' }]);
    assert.deepEqual(got, [
      '10.0.0.1 2026112216 1 1 a\n',
      '10.0.0.1 2026112216 2 2 b\nc\n',
      '10.0.0.1 2026112216 3 0 done ',
    ]);
  });

  it('ends the connection at wrong header, at silence, and at other answers', async (t) => {
    for (const [said, code] of [
      ['wrong header', 'unreachable'],
      ['', 'unreachable'],
      ['hello', 'protocol'],
    ] as const) {
      const port = await receiver(t, (_pack, _raw, socket) => void (said !== '' && socket.write(said)));
      await using upstream = await connected(port, 50);
      await assert.rejects(upstream.send(packOf(1, 'a\n')), { code });
      assert.equal((await upstream.ended).code, code);
    }
  });

  it('refuses packs of another stream', async (t) => {
    const port = await receiver(t, () => undefined);
    await using upstream = await connected(port);
    const answer = await upstream.send(packOf(1, 'a\n', { stream: 'error' }));
    assert.equal(answer.kind === 'nack' && answer.retryable, false);
  });

  it('says that nobody listens', async () => {
    await assert.rejects(connected(1), { code: 'unreachable' });
  });

  it('marks only empty packs as repeats that must be taken', async () => {
    const text = (bytes: Buffer): string => bytes.toString('latin1');
    assert.match(text(await toV1(packOf(2, ''), 0)), /"repull":"1"/);
    assert.doesNotMatch(text(await toV1(packOf(2, 'a\n'), 0)), /repull/);
  });
});
