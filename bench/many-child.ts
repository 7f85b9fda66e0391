/**
 * Many agents with small packs, in one process: `many-child.ts PORT CONNECTIONS WINDOW LINES SECONDS`. Each connection is a host of its own
 * and keeps WINDOW packs of LINES lines unanswered. Prints what was acknowledged in the measured seconds, after a warm-up, as JSON.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { accessLog } from '../src/demo/access-log.ts';
import { encode } from '../src/pack/codec.ts';
import { runningDigest } from '../src/pack/digest.ts';
import { survey } from '../src/pack/survey.ts';
import { encodeFrame, FrameDecoder, HEADER_BYTES } from '../src/transport/tcp/frame.ts';
import { PREAMBLE } from '../src/transport/tcp/preamble.ts';

const WARM_UP_MS = 5000;

const [port, connections, window, lines, seconds] = process.argv.slice(2).map(Number) as [
  number,
  number,
  number,
  number,
  number,
];

/** The first lines of a log. */
const firstLines = (): Buffer => {
  const [chunk = Buffer.alloc(0)] = accessLog({ seed: 1 }).bytes(1 << 20);
  let end = 0;
  for (let n = 0; n < lines; n++) end = chunk.indexOf(10, end) + 1;
  return Buffer.from(chunk.subarray(0, end));
};

const raw = firstLines();
const body = await encode(raw, 'zstd', 1);
const { checksum } = survey(raw);
const latencies: number[] = [];
let isMeasured = false;
let acked = 0;

const runHost = async (socket: Socket, host: string): Promise<void> => {
  const decoder = new FrameDecoder({ headerBytes: HEADER_BYTES, bodyBytes: 0 });
  const digest = runningDigest();
  const sentAt = new Map<number, number>();
  let id = 0;
  const send = (): void => {
    id++;
    const offset = digest.bytes;
    digest.update(raw);
    const header = {
      ...{ seq: id, host, stream: 'access', hour: '2026112216', id, generation: 1, offset },
      ...{ bytes: raw.length, lines, checksum, sha256: digest.hex(), codec: 'zstd', time: 1_795_363_391_000 },
    };
    sentAt.set(id, performance.now());
    socket.write(Buffer.concat([encodeFrame('PACK', header, body.length), body]));
  };
  socket.write(
    Buffer.concat([
      PREAMBLE,
      encodeFrame('HELLO', { versions: [2], node: host, software: 'bench', time: 0 }),
    ]),
  );
  for await (const chunk of socket) {
    decoder.push(chunk as Buffer);
    for (let head = decoder.head(); head !== undefined; head = decoder.head()) {
      if (head.type === 'PING') socket.write(encodeFrame('PONG', {}));
      else if (head.type === 'WELCOME') for (let n = 0; n < window; n++) send();
      else if (head.type === 'ACK')
        for (const seq of (head.header as { seqs: number[] }).seqs) {
          if (isMeasured) latencies.push(performance.now() - sentAt.get(seq)!);
          sentAt.delete(seq);
          if (isMeasured) acked++;
          send();
        }
      else throw new Error(`${head.type}: ${JSON.stringify(head.header)}`);
    }
  }
};

const sockets = await Promise.all(
  Array.from({ length: connections }, async () => {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    await once(socket, 'connect');
    return socket;
  }),
);
for (const [n, socket] of sockets.entries()) void runHost(socket, `web${n}`);
await new Promise((resolve) => setTimeout(resolve, WARM_UP_MS));
isMeasured = true;
process.stdout.write('warm\n');
const started = performance.now();
await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
isMeasured = false;
const took = (performance.now() - started) / 1000;
latencies.sort((a, b) => a - b);
const at = (share: number): number => latencies[Math.floor(latencies.length * share)] ?? Number.NaN;
const result = {
  seconds: took,
  packs: acked,
  p50: at(0.5),
  p99: at(0.99),
  rawBytes: raw.length,
  bodyBytes: body.length,
};
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
