/**
 * The receiving end of wire v2: listens, lets clients in up to a limit, and closes in order. What happens on one connection
 * is in connection.ts.
 */
import { createServer } from 'node:net';
import { LogdError, messageOf } from '../../error.ts';
import type { Clock } from '../../telemetry/clock.ts';
import type { Emit } from '../../telemetry/events.ts';
import { byteBudget } from '../../pack/byte-budget.ts';
import { ServerConnection } from './connection.ts';
import type { Listener, ServerLimits } from './connection.ts';
import type { OnPack } from '../transport.ts';
import { startTicker } from './ticker.ts';

export type { ServerLimits } from './connection.ts';

export interface ListenOptions {
  /** Port 0 takes a free one. */
  readonly address: { readonly host: string; readonly port: number };
  /** Our name. */
  readonly node: string;
  /** Asked at each HELLO for the tokens of which a client must show one; must not reject. Without it everyone is let in. */
  readonly tokens?: () => Promise<readonly string[]>;
  /** What we call ourselves in WELCOME, such as `logd/0.1.0`. */
  readonly software?: string;
  readonly limits: ServerLimits;
  /** A sign of life after so many ms without one; 15,000 unless told. Clients count on at most that. */
  readonly pingInterval?: number;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly onPack: OnPack;
}

/** Disposing of it closes all connections at once; packs whose answer is due come again later. */
export interface WireServer extends AsyncDisposable {
  /** With the port that was taken. */
  readonly address: { readonly host: string; readonly port: number };
  /** Body bytes in memory: on their way in, or not yet answered. */
  readonly inFlightBytes: number;
  /**
   * Lets nobody in, says BYE, answers the packs on their way; resolves when all clients have gone. Those that keep silent are cut off
   * after a second or two. Has no deadline of its own: dispose of the server to end the waiting.
   */
  drain(): Promise<void>;
}

/** Sockets above the limit of connections that may be open for the moment in which they are told so. */
const REFUSABLE = 16;

/** Listens; rejects with `unreachable` where the address cannot be had. */
export const listen = async (options: ListenOptions): Promise<WireServer> => {
  const {
    address,
    node,
    tokens,
    limits,
    clock,
    emit,
    onPack,
    software = 'logd',
    pingInterval = 15_000,
  } = options;
  const connections = new Set<ServerConnection>();
  const server = createServer({ noDelay: true });
  // Above this the kernel's connection is closed without a word.
  server.maxConnections = limits.connections + REFUSABLE;
  await new Promise<void>((resolve, reject) => {
    const fail = (error: Error): void => {
      const message = `Cannot listen on ${address.host}:${address.port}: ${messageOf(error)}. Choose another address.`;
      reject(new LogdError('unreachable', message, { retryable: true, cause: error }));
    };
    server.once('error', fail);
    server.listen({ host: address.host, port: address.port }, () => {
      server.off('error', fail);
      resolve();
    });
  });
  const bound = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : address.port;
  const timeouts = [limits.idleTimeout, limits.frameTimeout, limits.helloTimeout, pingInterval];
  const ticker = startTicker(clock, timeouts, () => connections.forEach((connection) => connection.tick()));
  const budget = byteBudget(limits.inFlightBytes);
  const listener: Listener = {
    node,
    software,
    tokens,
    limits,
    pingInterval,
    clock,
    ticker,
    budget,
    emit,
    onPack,
  };
  const closed = new Promise<void>((resolve) => server.once('close', () => resolve()));

  // Those who are only told to go do not count: a crowd of them must not keep the door shut.
  let admitted = 0;
  server.on('connection', (socket) => {
    const connection = new ServerConnection(listener, socket);
    const busy = admitted >= limits.connections;
    if (!busy) admitted++;
    connections.add(connection);
    socket.once('close', () => {
      connections.delete(connection);
      if (!busy) admitted--;
    });
    if (busy)
      connection.refuse(
        'busy',
        `${limits.connections} connections are open, which is the limit: try again later.`,
      );
  });
  // An accept that fails (no file descriptors left) concerns that one client, which will try again.
  server.on('error', () => undefined);
  emit('receive.listening', { address: `${address.host}:${port}` });

  return {
    address: { host: address.host, port },
    get inFlightBytes() {
      return budget.used;
    },
    async drain() {
      server.close();
      for (const connection of connections) connection.drain();
      await closed;
      ticker[Symbol.dispose]();
    },
    async [Symbol.asyncDispose]() {
      server.close();
      for (const connection of connections) connection.destroy();
      await closed;
      ticker[Symbol.dispose]();
    },
  };
};
