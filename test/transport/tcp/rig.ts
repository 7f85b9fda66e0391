/** What the tests of the wire stand on: packs, a listening server, and clients that speak in bytes. */
import { once } from 'node:events';
import { connect as connectSocket } from 'node:net';
import type { Socket } from 'node:net';
import type { Pack, PackHeader } from '../../../src/pack/pack.ts';
import { checksumOf } from '../../../src/pack/survey.ts';
import { systemClock } from '../../../src/telemetry/clock.ts';
import type { Emit } from '../../../src/telemetry/events.ts';
import { connect } from '../../../src/transport/tcp/client.ts';
import type { ConnectOptions } from '../../../src/transport/tcp/client.ts';
import { FrameDecoder, HEADER_BYTES, encodeFrame } from '../../../src/transport/tcp/frame.ts';
import type { FrameHead } from '../../../src/transport/tcp/frame.ts';
import type { Answer } from '../../../src/pack/answer.ts';
import type { ServerLimits, Upstream } from '../../../src/transport/transport.ts';
import { PREAMBLE } from '../../../src/transport/tcp/preamble.ts';
import type { Listener, ListenOptions } from '../../../src/transport/listen.ts';
import { listenForPacks } from '../../../src/transport/registry.ts';

/** Timeouts so long that only a hanging test meets them. */
export const LIMITS: ServerLimits = {
  windowPacks: 8,
  windowBytes: 1 << 20,
  bodyBytes: 1 << 18,
  rawBytes: 1 << 20,
  connections: 100,
  strangers: 100,
  inFlightBytes: 4 << 20,
  idleTimeout: 60_000,
  frameTimeout: 60_000,
  helloTimeout: 60_000,
};

export const headerOf = (id: number, body: Buffer, more: Partial<PackHeader> = {}): PackHeader => ({
  host: 'web1',
  stream: 'access',
  hour: '2026112216',
  id,
  generation: 1,
  offset: 0,
  bytes: body.length,
  lines: Math.min(1, body.length),
  checksum: checksumOf(body),
  sha256: 'ab'.repeat(32),
  codec: 'none',
  time: 1_795_363_391_000,
  ...more,
});

export const packOf = (
  id: number,
  body = Buffer.from(`line ${id}\n`),
  more: Partial<PackHeader> = {},
): Pack => ({
  header: headerOf(id, body, more),
  body,
});

export interface Seen {
  readonly name: string;
  readonly fields: Readonly<Record<string, string | number>>;
}

export interface Rig extends AsyncDisposable {
  readonly server: Listener;
  /** Packs in order of arrival. */
  readonly packs: Pack[];
  readonly events: Seen[];
  /** Resolves as soon as an event of this name was seen. */
  event(name: string): Promise<Seen>;
  /** Resolves once so many packs have arrived. */
  arrived(count: number): Promise<void>;
  connect(options?: Partial<ConnectOptions>): Promise<Upstream>;
  /** A client that sends what it likes. */
  raw(): Promise<RawClient>;
}

type RigOptions = Partial<Omit<ListenOptions, 'limits'>> & {
  limits?: Partial<ServerLimits>;
  answer?: (pack: Pack) => Promise<Answer>;
};

export const startRig = async ({ limits, answer, ...options }: RigOptions = {}): Promise<Rig> => {
  const packs: Pack[] = [];
  const events: Seen[] = [];
  const watchers = new Set<() => void>();
  const notify = (): void => watchers.forEach((watcher) => watcher());
  const until = <T>(look: () => T | undefined): Promise<T> =>
    new Promise((resolve) => {
      const watcher = (): void => {
        const found = look();
        if (found === undefined) return;
        watchers.delete(watcher);
        resolve(found);
      };
      watchers.add(watcher);
      watcher();
    });
  const emit: Emit = (name, fields) => {
    events.push({ name, fields });
    notify();
  };
  const server = await listenForPacks({
    address: { host: '127.0.0.1', port: 0 },
    node: 'sink1',
    clock: systemClock,
    emit,
    limits: { ...LIMITS, ...limits },
    onPack: async (pack) => {
      packs.push(pack);
      notify();
      return answer === undefined ? { kind: 'ack' } : await answer(pack);
    },
    ...options,
  });
  return {
    server,
    packs,
    events,
    event: (name) => until(() => events.find((event) => event.name === name)),
    arrived: async (count) => void (await until(() => (packs.length >= count ? true : undefined))),
    connect: (more) => connect({ ...clientOptions(server.address), ...more }),
    raw: () => openRaw(server.address),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
};

export const clientOptions = (address: { host: string; port: number }): ConnectOptions => ({
  address,
  node: 'web1',
  clock: systemClock,
  signal: new AbortController().signal,
  timeouts: { connect: 10_000, answer: 60_000, ping: 60_000 },
});

export const HELLO = { versions: [2], node: 'web1', software: 'test', time: 0 };
/** What a well-behaved client sends first. */
export const OPENING = Buffer.concat([PREAMBLE, encodeFrame('HELLO', HELLO)]);

export const packFrame = (seq: number, { header, body }: Pack): Buffer =>
  Buffer.concat([encodeFrame('PACK', { seq, ...header }, body.length), body]);

export interface RawClient extends Disposable {
  readonly socket: Socket;
  send(...parts: Buffer[]): void;
  /** The next frame from the server; undefined when it closed. */
  next(): Promise<FrameHead | undefined>;
  /** Frames until the server closes. */
  rest(): Promise<FrameHead[]>;
}

export const openRaw = async (address: { host: string; port: number }): Promise<RawClient> => {
  const socket = connectSocket({ ...address, noDelay: true });
  socket.on('error', () => undefined);
  const decoder = new FrameDecoder({ headerBytes: HEADER_BYTES, bodyBytes: 0 });
  let over = false;
  let wake = (): void => undefined;
  socket.on('data', (chunk: Buffer) => {
    decoder.push(chunk);
    wake();
  });
  socket.on('close', () => {
    over = true;
    wake();
  });
  await once(socket, 'connect');
  const next = async (): Promise<FrameHead | undefined> => {
    for (;;) {
      const head = decoder.head();
      if (head !== undefined || over) return head;
      await new Promise<void>((resolve) => (wake = resolve));
    }
  };
  return {
    socket,
    send: (...parts) => void socket.write(Buffer.concat(parts)),
    next,
    rest: async () => {
      const heads: FrameHead[] = [];
      for (let head = await next(); head !== undefined; head = await next()) heads.push(head);
      return heads;
    },
    [Symbol.dispose]: () => void socket.destroy(),
  };
};
