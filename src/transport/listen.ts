/**
 * The receiving side of all protocols that are spoken over TCP: listens on one port, lets callers in up to a limit, and closes in order.
 * Which protocol a caller speaks is found out in caller.ts; what happens then is the protocol's.
 */
import { createServer, type Server } from 'node:net';
import { formatAddress } from '../config/address.ts';
import { descriptorLimit, descriptorsNeeded } from '../disk/descriptors.ts';
import { LogdError, messageOf } from '../error.ts';
import type { Clock } from '../telemetry/clock.ts';
import type { Emit } from '../telemetry/events.ts';
import { createBrokenOffPacks } from './broken-off.ts';
import { Caller } from './caller.ts';
import { createBodyShares } from './body-shares.ts';
import { createConducts } from './conduct.ts';
import { allTaken, createDoor, type Door } from './door.ts';
import { createNodeNames } from './node-names.ts';
import { startTicker } from './ticker.ts';
import type {
  LedgerSide,
  OnLoosePack,
  OnPack,
  Peer,
  Protocol,
  ServerLimits,
  Serving,
  WantedRun,
} from './transport.ts';

export interface ListenOptions {
  /** Port 0 takes a free one. */
  readonly address: { readonly host: string; readonly port: number };
  /** Our name. */
  readonly node: string;
  /** Asked at each connection for the tokens of which a client must show one; must not reject. Without it everyone is let in. */
  readonly tokens?: () => Promise<readonly string[]>;
  /** What we call ourselves, such as `logd/0.1.0`. */
  readonly software?: string;
  readonly limits: ServerLimits;
  /** A sign of life after so many ms without one; 15,000 by default. Clients count on at most that. */
  readonly pingInterval?: number;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly onPack: OnPack;
  readonly onLoosePack?: OnLoosePack | undefined;
  readonly ledger?: LedgerSide | undefined;
  readonly onCannot?: Serving['onCannot'];
}

/** Disposing of it closes all connections at once; packs whose answer is due come again later. */
export interface Listener extends AsyncDisposable {
  /** With the port that was taken. */
  readonly address: { readonly host: string; readonly port: number };
  /** Body bytes in memory: on their way in, or not yet answered. */
  readonly inFlightBytes: number;
  /** Connections that were let in. */
  readonly connections: number;
  /** Who sends at the moment, at most `most` of them. */
  peers(most: number): readonly Peer[];
  /**
   * Asks for packs again: each host's on the connections that its packs came on, or on all of them where none did, or `widely`. Returns how
   * many connections were asked.
   */
  want(runs: readonly WantedRun[], widely?: boolean): number;
  /**
   * Lets nobody in, says so, answers the packs on their way; resolves when all clients have gone. Those that keep silent are cut off
   * after a second or two. Has no deadline of its own: dispose of the listener to end the waiting.
   */
  drain(): Promise<void>;
}

/** What the kernel may hand over in one turn of the event loop, before strangers above their number are closed. */
const BACKLOG = 512;
/** At most one event in so long says that strangers were closed. */
const QUIET_MS = 60_000;

/** Listens; rejects with `unreachable` where the address cannot be had. */
export const listen = async (options: ListenOptions, protocols: readonly Protocol[]): Promise<Listener> => {
  const { address, limits, clock, emit, pingInterval = 15_000 } = options;
  const callers = new Set<Caller>();
  const server = createServer({ noDelay: true });
  // Above this the kernel's connection is closed without a word.
  server.maxConnections = limits.connections + 2 * limits.strangers + 2 * BACKLOG;
  const port = await bind(server, address);
  const timeouts = [limits.idleTimeout, limits.frameTimeout, limits.helloTimeout, pingInterval];
  const ticker = startTicker(clock, timeouts, () => {
    for (const caller of callers) caller.tick();
    bodies.look();
  });
  const { bodyBytes: body, connections, frameTimeout: patience } = limits;
  const bodies = createBodyShares({ total: limits.inFlightBytes, body, connections, patience, ticker });
  const { node, tokens, onPack, onLoosePack, ledger, onCannot, software = 'logd' } = options;
  const serving: Serving = {
    ...{ node, software, tokens, limits, pingInterval },
    ...{
      clock,
      ticker,
      conducts: createConducts(ticker),
      bodies,
      emit,
      onPack,
      onLoosePack,
      ledger,
      onCannot,
    },
    brokenOff: createBrokenOffPacks(),
    names: createNodeNames(ticker, emit),
  };
  const closed = new Promise<void>((resolve) => server.once('close', () => resolve()));

  const door = doorOf(serving, address);
  server.on('connection', (socket) => {
    const caller = new Caller(serving, protocols, socket, door.enter(socket, ticker.now));
    callers.add(caller);
    socket.once('close', () => callers.delete(caller));
    if (door.isFull) caller.refuse('busy', allTaken(limits));
  });
  // An accept that fails (no file descriptors left) concerns that one client, which will try again.
  server.on('error', () => undefined);
  emit('receive.listening', { address: formatAddress({ host: address.host, port }) });
  tellFewDescriptors(options, port);

  const close = async (end: (caller: Caller) => void): Promise<void> => {
    server.close();
    for (const caller of callers) end(caller);
    await closed;
    ticker[Symbol.dispose]();
  };
  return {
    address: { host: address.host, port },
    get inFlightBytes() {
      return bodies.used;
    },
    get connections() {
      return door.inside;
    },
    peers(most) {
      const found: Peer[] = [];
      for (const { peer } of callers) if (peer !== undefined && found.push(peer) >= most) break;
      return found;
    },
    want: (runs, widely = false) => askCallers(callers, runs, widely),
    drain: () => close((caller) => caller.drain()),
    [Symbol.asyncDispose]: () => close((caller) => caller.destroy()),
  };
};

/** An accept without a descriptor left closes the connection, and nobody is told: so it is said before. */
const tellFewDescriptors = ({ address, limits, emit }: ListenOptions, port: number): void => {
  const limit = descriptorLimit();
  const needed = descriptorsNeeded(limits.connections + limits.strangers, limit);
  if (needed !== undefined)
    emit('receive.few-descriptors', { address: formatAddress({ host: address.host, port }), limit, needed });
};

const doorOf = ({ limits, clock, emit }: Serving, address: ListenOptions['address']): Door => {
  let closed = 0;
  let told: number | undefined;
  return createDoor({
    ...limits,
    onClosed(count) {
      closed += count;
      const now = clock.monotonic();
      if (told !== undefined && now - told < QUIET_MS) return;
      emit('receive.crowded', { address: formatAddress(address), closed });
      told = now;
      closed = 0;
    },
  });
};

const askCallers = (callers: ReadonlySet<Caller>, runs: readonly WantedRun[], widely: boolean): number => {
  const asked = new Set<Caller>();
  for (const [host, ofHost] of Map.groupBy(runs, (run) => run.host)) {
    const able = [...callers].filter((caller) => caller.carries(host) !== undefined);
    const carriers = widely ? [] : able.filter((caller) => caller.carries(host));
    for (const caller of carriers.length > 0 ? carriers : able) {
      caller.want(ofHost);
      asked.add(caller);
    }
  }
  return asked.size;
};

/** Resolves with the port. */
const bind = async (server: Server, address: ListenOptions['address']): Promise<number> => {
  await new Promise<void>((resolve, reject) => {
    const fail = (error: Error): void => {
      const message = `Cannot listen on ${formatAddress(address)}: ${messageOf(error)}. Choose another address.`;
      reject(new LogdError('unreachable', message, { retryable: true, cause: error }));
    };
    server.once('error', fail);
    server.listen({ host: address.host, port: address.port }, () => {
      server.off('error', fail);
      resolve();
    });
  });
  const bound = server.address();
  return typeof bound === 'object' && bound !== null ? bound.port : address.port;
};
