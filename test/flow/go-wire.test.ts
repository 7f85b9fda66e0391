/** A Go node sends to a sink and a relay of ours, on the port of our own wire: the bytes that were recorded, and hours under kills. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { deflateSync } from 'node:zlib';
import { encodeV1Pack } from '../../src/transport/gowire/pack-frame.ts';
import { linesOf, randomFrom } from './lines.ts';
import { onRig, type Rig } from './rig.ts';

const capture = (name: string): Buffer =>
  readFileSync(join(import.meta.dirname, '..', 'transport', 'gowire', 'captures', `${name}.bin`));

const open = async (port: number): Promise<Socket> => {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  socket.on('error', () => undefined);
  return socket;
};

/** What is answered to these bytes, written in pieces: `ok`, `wrong header`, or nothing before the end. */
const ask = async (port: number, bytes: Buffer, piece = bytes.length): Promise<string> => {
  const socket = await open(port);
  const answer = new Promise<string>((resolve) => {
    socket.once('data', (chunk: Buffer) => resolve(chunk.toString()));
    socket.once('close', () => resolve(''));
  });
  for (let at = 0; at < bytes.length && !socket.destroyed; at += piece) {
    socket.write(bytes.subarray(at, at + piece));
    if (piece < 100) await sleep(1);
  }
  const said = await answer;
  socket.destroy();
  return said;
};

const goPack = (hour: string, id: number, raw: Buffer, done = false): Buffer => {
  const lines = raw.reduce((sum, byte) => sum + (byte === 10 ? 1 : 0), 0);
  const route = { ip: '10.0.0.7', hour, id: String(id), lines: String(lines), stage: 'make pack' };
  return encodeV1Pack([{ ...route, ...(done && { done: '1' }) }], deflateSync(raw));
};

const send = async (port: number, pack: Buffer): Promise<void> => {
  for (;;) {
    const said = await ask(port, pack).catch(() => '');
    if (said === 'ok') return;
    await sleep(20);
  }
};

const sealedHours = async (rig: Rig): Promise<string[]> =>
  (await rig.segments()).filter(({ state }) => state === 'sealed').map(({ hour }) => hour);

const settings = { gowire: { stream: 'access', gap_after: '1m' } };

describe('go-wire', { concurrency: 2 }, () => {
  it('takes the recorded packs in any chunking, and answers wrong header to what is malformed', (t) =>
    onRig(t, async (rig) => {
      await rig.configureSink({}, settings);
      await rig.start('sink');
      assert.equal(await ask(rig.port, capture('pack-normal-1'), 7000), 'ok');
      assert.equal(await ask(rig.port, capture('relayed-normal-1')), 'ok');
      assert.equal(await ask(rig.port, capture('relayed-empty-done'), 1), 'ok');
      for (const bad of ['05000000hello', '02000000{}', '08000000{"a":"b"'])
        assert.equal(
          await ask(
            rig.port,
            Buffer.from(
              bad.replace(/^(..)0{6}/, (_, n: string) => String.fromCharCode(parseInt(n, 16)) + '\0\0\0'),
            ),
          ),
          'wrong header',
        );
    }));

  it('seals what a Go node sent through a relay, while relay and sink are killed', (t) =>
    onRig(
      t,
      async (rig) => {
        const random = randomFrom(8);
        const port = rig.port + 1;
        await rig.configureSink();
        await rig.configure('relay', {
          relay: {
            listen: `127.0.0.1:${port}`,
            send_to: `127.0.0.1:${rig.port}`,
            retry: { min: '10ms', max: '50ms' },
            patience: '50ms',
            ...settings,
          },
        });
        let sink = await rig.start('sink');
        let relay = await rig.start('relay');
        const hours = ['2026112216', '2026112217'];
        for (const [n, hour] of hours.entries()) {
          const parts = Array.from({ length: 12 }, (_, id) => linesOf(hour, id * 50, 50, random));
          rig.sources.expectEmpty('10.0.0.7', 'access', hour);
          for (const [at, raw] of parts.entries()) {
            if (at === 4) {
              await relay.end('SIGKILL');
              relay = rig.spawn('relay');
            }
            if (at === 8 && n === 0) {
              await sink.end('SIGKILL');
              sink = rig.spawn('sink');
            }
            await send(port, goPack(hour, at + 1, raw, at === parts.length - 1));
            // A Go node that got no answer sends again.
            if (at % 5 === 0) await send(port, goPack(hour, at + 1, raw));
          }
          await rig.until(`${hour} is sealed`, async () => (await sealedHours(rig)).includes(hour));
          const record = (await rig.segments()).find((one) => one.hour === hour);
          assert.equal(record?.bytes, Buffer.concat(parts).length);
          assert.equal(record?.host, '10.0.0.7');
          const stored = (await rig.ledger()).seals({ host: '10.0.0.7', stream: 'access', hour });
          const { createHash } = await import('node:crypto');
          assert.equal(
            (await stored)[0]?.sha256,
            createHash('sha256').update(Buffer.concat(parts)).digest('hex'),
          );
        }
      },
      60_000,
    ));
});
