/** docs/PROTOCOL.md shows bytes: these tests keep them true. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { connect as connectSocket, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import type { Clock } from '../../../src/telemetry/clock.ts';
import { FRAME_TYPES, PREFIX_BYTES } from '../../../src/transport/tcp/frame.ts';
import { PREAMBLE } from '../../../src/transport/tcp/preamble.ts';
import { packOf, startRig } from './rig.ts';

const PAGE = new URL('../../../docs/PROTOCOL.md', import.meta.url);
const NAMES = new Map(Object.entries(FRAME_TYPES).map(([name, code]) => [code as number, name]));

/** Offsets, bytes and text, 16 a line, as `xxd -g 1` prints them. */
const dump = (bytes: Buffer): string => {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const row = bytes.subarray(at, at + 16);
    const hex = [...row].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
    const text = row.toString('latin1').replace(/[^\x20-\x7e]/g, '.');
    lines.push(`${at.toString(16).padStart(4, '0')}  ${hex.padEnd(47)}  ${text}`);
  }
  return lines.join('\n');
};

const block = (title: string, bytes: Buffer): string => `${title}\n\n\`\`\`\n${dump(bytes)}\n\`\`\`\n`;

/** The frames of one direction, each as a titled block. */
const blocks = (who: string, bytes: Buffer): string[] => {
  const found: string[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = PREFIX_BYTES + bytes.readUInt32BE(at + 4) + bytes.readUInt32BE(at + 8);
    found.push(block(`${who}: **${NAMES.get(bytes[at]!)}**`, bytes.subarray(at, at + length)));
    at += length;
  }
  return found;
};

test('the example in the docs is what client and server really say', { timeout: 20_000 }, async () => {
  const clock: Clock = { now: () => 1_795_363_400_000, monotonic: () => performance.now() };
  await using rig = await startRig({ clock, tokens: async () => ['secret'], software: 'logd/0.1.0' });
  const fromClient: Buffer[] = [];
  const fromServer: Buffer[] = [];
  const between = createServer((client) => {
    const server = connectSocket(rig.server.address);
    client.on('data', (chunk: Buffer) => void fromClient.push(chunk)).pipe(server);
    server.on('data', (chunk: Buffer) => void fromServer.push(chunk)).pipe(client);
  });
  between.listen(0, '127.0.0.1');
  await once(between, 'listening');
  const address = { host: '127.0.0.1', port: (between.address() as AddressInfo).port };

  const upstream = await rig.connect({
    address,
    clock,
    token: 'secret',
    software: 'logd/0.1.0',
    process: '3f2a',
  });
  const body = Buffer.from('203.0.113.7 - - [22/Nov/2026:16:03:11 +0000] "GET / HTTP/1.1" 200 512\n');
  const sha256 = createHash('sha256').update(body).digest('hex');
  const done = { packs: 1, lines: 1, bytes: body.length, sha256, hoursInDay: 24 };
  assert.deepEqual(await upstream.send(packOf(1, body, { sha256, done })), { kind: 'ack' });
  await rig.server.drain();
  await upstream.ended;
  between.close();

  const client = Buffer.concat(fromClient);
  assert.deepEqual(client.subarray(0, PREAMBLE.length), PREAMBLE);
  const [hello, pack, clientBye] = blocks('Client', client.subarray(PREAMBLE.length));
  const [welcome, ack, serverBye] = blocks('Server', Buffer.concat(fromServer));
  const preamble = block('Client: preamble', PREAMBLE);
  const example = [preamble, hello, welcome, pack, ack, serverBye, clientBye].join('\n');

  const page = await readFile(PAGE, 'utf8');
  const expected = page.replace(
    /(<!-- example -->\n)[^]*(<!-- \/example -->)/,
    (_, open, close) => `${open}${example}${close}`,
  );
  if (process.env['UPDATE_DOCS'] === '1') await writeFile(PAGE, expected);
  else assert.equal(page, expected, 'run this test with UPDATE_DOCS=1');
});

test('the docs name every frame type by its number', async () => {
  const page = await readFile(PAGE, 'utf8');
  for (const [name, code] of Object.entries(FRAME_TYPES))
    assert.match(page, new RegExp(`^\\| ${code} \\| ${name} \\|`, 'm'));
});
