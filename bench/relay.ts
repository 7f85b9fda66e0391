/**
 * `npm run bench -- relay`: what a relay costs. This process makes packs of an access log beforehand, sends them over several connections, and is the
 * next hop as well, so that the relay is the only thing that is measured.
 *
 *   --mib 1024 --packs-mib 256 --idle 1000 --save NAME
 *
 *   agent    one agent that follows a file, into a next hop that acknowledges at once: what the relay is compared with
 *   relay    packs through a relay, from memory;  spool: the next hop is away, until everything is acknowledged from disk
 *   idle     connected agents without lines at a sink;  v1: packs of the Go system into a sink, until each is acknowledged
 */
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { connect as connectSocket, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { deflateSync } from 'node:zlib';
import { accessLog } from '../src/demo/access-log.ts';
import { createEncoder } from '../src/pack/encoder.ts';
import type { Pack } from '../src/pack/pack.ts';
import { countLines, survey } from '../src/pack/survey.ts';
import { systemClock } from '../src/telemetry/clock.ts';
import { encodeV1Pack } from '../src/transport/gowire/pack-frame.ts';
import { listenForPacks } from '../src/transport/registry.ts';
import { connect } from '../src/transport/tcp/client.ts';
import type { Upstream } from '../src/transport/transport.ts';
import { generate } from './input.ts';
import { type MeasuredNode, startMeasured } from './node.ts';
import { type Bar, reportBars, saveResults, say } from './report.ts';
import type { Bench } from './run.ts';
import { freePort } from './shipment.ts';

const PACK_BYTES = 1 << 20;
const CONNECTIONS = 4;
const WINDOW = 16;
const GO_LINES = 2000;
/** What the Go collector takes on the machine where the Go system was measured. */
const GO_MB_A_SECOND = 33;
const LIMITS = {
  ...{ windowPacks: 64, windowBytes: 64 << 20, bodyBytes: 32 << 20, rawBytes: 32 << 20 },
  ...{
    connections: 100,
    strangers: 100,
    inFlightBytes: 256 << 20,
    idleTimeout: 60_000,
    frameTimeout: 30_000,
    helloTimeout: 5000,
  },
};

type Body = Pick<Pack, 'body'> & {
  readonly bytes: number;
  readonly lines: number;
  readonly checksum: number;
};

const makeBodies = async (mib: number): Promise<Body[]> => {
  const encode = createEncoder(1, 2);
  const bodies: Body[] = [];
  let raw = Buffer.alloc(0);
  for (const chunk of accessLog({ seed: 1 }).bytes(mib * 2 ** 20)) {
    raw = Buffer.concat([raw, chunk]);
    if (raw.length < PACK_BYTES) continue;
    bodies.push({ body: await encode(raw), bytes: raw.length, ...survey(raw) });
    raw = Buffer.alloc(0);
  }
  return bodies;
};

const client = (port: number, node: string): Promise<Upstream> =>
  connect({
    ...{
      address: { host: '127.0.0.1', port },
      node,
      clock: systemClock,
      signal: AbortSignal.timeout(10_000),
    },
    timeouts: { connect: 10_000, answer: 60_000, ping: 15_000 },
  });

/** Sends `count` packs over each connection, as many at a time as the window; resolves when all are acknowledged. */
const sendAll = async (
  port: number,
  bodies: readonly Body[],
  count: number,
  hour: string,
): Promise<number> => {
  let raw = 0;
  const one = async (connection: number): Promise<void> => {
    await using upstream = await client(port, `web${connection}`);
    let id = 0;
    const lane = async (): Promise<void> => {
      while (id < count) {
        const { body, ...more } = bodies[id % bodies.length]!;
        const header: Pack['header'] = {
          ...{
            host: `web${connection}`,
            stream: 'access',
            hour,
            id: ++id,
            generation: 1,
            offset: 0,
            ...more,
          },
          ...{ sha256: '0'.repeat(64), codec: 'zstd', time: 0 },
        };
        const answer = await upstream.send({ header, body: Buffer.from(body) });
        if (answer.kind === 'nack') throw new Error(answer.message);
        raw += more.bytes;
      }
    };
    await Promise.all(Array.from({ length: WINDOW }, lane));
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, (_, connection) => one(connection)));
  return raw;
};

const configure = async (dir: string, name: string, config: object): Promise<string> => {
  const path = join(dir, `${name}.yaml`);
  const base = { node: name, state_dir: join(dir, name), log: { level: 'info', format: 'json' } };
  await writeFile(path, JSON.stringify({ ...base, ...config }));
  return path;
};

interface Flow {
  readonly mibPerSecond: number;
  readonly cpuPerGib: number;
  readonly peakMiB: number;
}

const measured = async (node: MeasuredNode, work: () => Promise<number>): Promise<Flow> => {
  const cpu = node.cpuSeconds();
  const start = performance.now();
  const bytes = await work();
  const seconds = (performance.now() - start) / 1000;
  return {
    mibPerSecond: bytes / 2 ** 20 / seconds,
    cpuPerGib: (node.cpuSeconds() - cpu) / (bytes / 2 ** 30),
    peakMiB: node.peakMiB(),
  };
};

/** A next hop that acknowledges at once and counts raw bytes. */
const nextHop = async (port: number) => {
  let bytes = 0;
  const listener = await listenForPacks({
    ...{ address: { host: '127.0.0.1', port }, node: 'next', limits: LIMITS, clock: systemClock },
    emit: () => undefined,
    onPack: ({ header }) => {
      bytes += header.bytes;
      return Promise.resolve({ kind: 'ack' });
    },
  });
  return { listener, count: () => bytes };
};

const measureAgent = async (dir: string, port: number, mib: number): Promise<number> => {
  const hop = await nextHop(port);
  await using _listener = hop.listener;
  await mkdir(join(dir, 'logs'));
  const config = await configure(dir, 'agent', {
    agent: {
      send_to: `127.0.0.1:${port}`,
      streams: { access: { path: join(dir, 'logs', 'access.<%Y%m%d%H>'), zone: 'UTC' } },
    },
  });
  const agent = startMeasured(config);
  await agent.event('send.connected');
  await generate(join(dir, 'access.log'), mib, 1);
  const start = performance.now();
  await rename(join(dir, 'access.log'), join(dir, 'logs', 'access.2026112216'));
  while (hop.count() < mib * 2 ** 20) await sleep(5);
  const seconds = (performance.now() - start) / 1000;
  await agent.stop();
  return mib / seconds;
};

const measureIdle = async (
  dir: string,
  idle: number,
): Promise<{ readonly core: number; readonly mib: number }> => {
  const port = await freePort();
  const config = await configure(dir, 'idle-sink', {
    sink: {
      listen: `127.0.0.1:${port}`,
      limits: { connections: idle + 10 },
      store: { kind: 'file', dir: join(dir, 'idle') },
    },
  });
  const sink = startMeasured(config);
  await sink.event('receive.listening');
  await using stack = new AsyncDisposableStack();
  for (let n = 0; n < idle; n++) stack.use(await client(port, `web${n}`));
  await sleep(2000);
  const before = sink.cpuSeconds();
  const start = performance.now();
  await sleep(20_000);
  const core = (sink.cpuSeconds() - before) / ((performance.now() - start) / 1000);
  const mib = sink.peakMiB();
  await stack.disposeAsync();
  await sink.stop();
  return { core, mib };
};

const measureV1 = async (dir: string, mib: number): Promise<number> => {
  const port = await freePort();
  const config = await configure(dir, 'v1-sink', {
    sink: {
      listen: `127.0.0.1:${port}`,
      gowire: { stream: 'access', size: '8GiB' },
      store: { kind: 'file', dir: join(dir, 'v1') },
    },
  });
  const lines = Buffer.concat([...accessLog({ seed: 2 }).bytes(8 << 20)])
    .toString()
    .split('\n');
  const bodies: { readonly body: Buffer; readonly raw: Buffer }[] = [];
  for (let at = 0; at + GO_LINES <= lines.length; at += GO_LINES) {
    const raw = Buffer.from(`${lines.slice(at, at + GO_LINES).join('\n')}\n`);
    bodies.push({ raw, body: deflateSync(raw, { level: 6 }) });
  }
  const sink = startMeasured(config);
  await sink.event('receive.listening');
  const each = Math.ceil((mib * 2 ** 20) / bodies[0]!.raw.length / CONNECTIONS);
  let bytes = 0;
  const feed = async (n: number): Promise<void> => {
    const socket: Socket = connectSocket({ port, host: '127.0.0.1', noDelay: true });
    for (let id = 1; id <= each; id++) {
      const { raw, body } = bodies[id % bodies.length]!;
      const route = {
        ip: `10.0.0.${n + 1}`,
        hour: '2026112216',
        id: String(id),
        lines: String(countLines(raw)),
      };
      const answered = new Promise<string>((resolve) =>
        socket.once('data', (chunk: Buffer) => resolve(chunk.toString())),
      );
      socket.write(encodeV1Pack([{ ...route, stage: 'make pack' }], body));
      if ((await answered) !== 'ok') throw new Error('A pack of wire v1 was not taken.');
      bytes += raw.length;
    }
    socket.destroy();
  };
  const start = performance.now();
  await Promise.all(Array.from({ length: CONNECTIONS }, (_, n) => feed(n)));
  const seconds = (performance.now() - start) / 1000;
  await sink.stop();
  return bytes / 1e6 / seconds;
};

const OPTIONS = {
  mib: { type: 'string', default: '1024' },
  'packs-mib': { type: 'string', default: '256' },
  idle: { type: 'string', default: '1000' },
  save: { type: 'string' },
} as const;

const measureRelay = async (
  dir: string,
  bodies: readonly Body[],
  mib: number,
): Promise<{ direct: Flow; spool: Flow }> => {
  const [port, hopPort] = [await freePort(), await freePort()];
  const config = await configure(dir, `relay-${randomUUID().slice(0, 4)}`, {
    relay: { listen: `127.0.0.1:${port}`, send_to: `127.0.0.1:${hopPort}`, memory: '64MiB', patience: '5s' },
  });
  const hop = await nextHop(hopPort);
  const relay = startMeasured(config);
  await relay.event('send.connected');
  const count = Math.ceil(mib / CONNECTIONS);
  await sendAll(port, bodies, Math.ceil(count / 4), '2026112200');
  const direct = await measured(relay, () => sendAll(port, bodies, count, '2026112201'));
  await hop.listener[Symbol.asyncDispose]();
  await sleep(500);
  const spool = await measured(relay, () => sendAll(port, bodies, count, '2026112202'));
  await relay.stop();
  return { direct, spool };
};

const run = async (args: readonly string[]): Promise<boolean> => {
  const { values } = parseArgs({ args: [...args], options: OPTIONS });
  const dir = await mkdtemp(join(tmpdir(), 'logd-bench-'));
  try {
    const mib = Number(values.mib);
    const bodies = await makeBodies(Number(values['packs-mib']));
    const agent = await measureAgent(dir, await freePort(), mib);
    say(`agent   ${agent.toFixed(0)} MiB/s`);
    const { direct, spool } = await measureRelay(dir, bodies, mib * 4);
    for (const [name, flow] of Object.entries({ direct, spool }))
      say(
        `${name.padEnd(7)} ${flow.mibPerSecond.toFixed(0)} MiB/s, ${flow.cpuPerGib.toFixed(2)} CPU s/GiB, peak ${flow.peakMiB.toFixed(0)} MiB`,
      );
    const idle = await measureIdle(dir, Number(values.idle));
    say(`idle    ${(idle.core * 100).toFixed(1)} % of a core, ${idle.mib.toFixed(0)} MiB`);
    const v1 = await measureV1(dir, mib / 2);
    say(`v1      ${v1.toFixed(0)} MB/s`);
    const bars: Bar[] = [
      { what: 'relay/agent throughput', is: direct.mibPerSecond / agent, atLeast: 3 },
      { what: 'relay CPU s/GiB', is: direct.cpuPerGib, atMost: 0.35 },
      { what: 'spool/relay throughput', is: spool.mibPerSecond / direct.mibPerSecond, atLeast: 0.5 },
      { what: 'idle agents % of a core', is: idle.core * 100, atMost: 5 },
      { what: 'idle agents MiB', is: idle.mib, atMost: 200 },
      { what: 'v1 in / Go collector', is: v1 / GO_MB_A_SECOND, atLeast: 5 },
    ];
    if (values.save !== undefined) await saveResults(values.save, { mib, agent, direct, spool, idle, v1 });
    return reportBars('relay', bars);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
};

export const bench: Bench = { summary: 'a relay, its spool, idle agents, and packs of the Go system', run };
