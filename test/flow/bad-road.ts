/** A bad network between two nodes: delays, narrow, connections that are reset after a few bytes, and such that carry nothing any more. */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Weather {
  /** Most milliseconds that a chunk is late. */
  readonly delay: number;
  /** A connection is reset after at most so many bytes, perhaps inside a frame; 0 never. */
  readonly resetAfter: number;
  /** One connection in so many falls silent instead of being reset, and is cut a little later; 0 none. */
  readonly silent: number;
  /** A bit of one byte in about so many is changed; 0 or absent none. */
  readonly flipAfter?: number;
}

export const FAIR: Weather = { delay: 0, resetAfter: 0, silent: 0 };

export interface BadRoad extends AsyncDisposable {
  readonly port: number;
  readonly connections: number;
  /** Bytes that were changed. */
  readonly flips: number;
  weather: Weather;
}

const SILENCE_MS = 300;

/** Carries connections to `port` through the weather of the moment in which they begin. */
export const startBadRoad = async (port: number, random: () => number): Promise<BadRoad> => {
  const sockets = new Set<Socket>();
  let connections = 0;
  let flips = 0;
  let weather = FAIR;

  const flip = (chunk: Buffer, { flipAfter = 0 }: Weather): Buffer => {
    if (flipAfter === 0 || chunk.length === 0 || random() > chunk.length / flipAfter) return chunk;
    flips++;
    const changed = Buffer.from(chunk);
    changed[Math.floor(random() * chunk.length)]! ^= 1 << Math.floor(random() * 8);
    return changed;
  };

  const carry = (from: Socket, to: Socket, today: Weather, spend: (chunk: Buffer) => Buffer): void => {
    let turn = Promise.resolve();
    from.on('data', (whole: Buffer) => {
      const chunk = flip(spend(whole), today);
      if (chunk.length === 0) return;
      if (today.delay === 0) return void to.write(chunk);
      turn = turn.then(async () => {
        await sleep(random() * today.delay);
        if (!to.destroyed) to.write(chunk);
      });
    });
    from.on('error', () => undefined);
    from.once('close', () => to.destroy());
  };

  const server = createServer((near) => {
    const today = weather;
    connections++;
    const far = connect({ port, host: '127.0.0.1', noDelay: true });
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    }
    let left = today.resetAfter === 0 ? Infinity : 1 + Math.floor(random() * today.resetAfter);
    const silent = today.silent > 0 && random() < 1 / today.silent;
    /** What of a chunk is let through before the connection is cut. */
    const spend = (chunk: Buffer): Buffer => {
      const passed = left <= 0 ? 0 : Math.min(left, chunk.length);
      const isOver = left > 0 && left <= chunk.length;
      left -= chunk.length;
      if (!isOver) return chunk.subarray(0, passed);
      const cut = (): void => {
        near.resetAndDestroy();
        far.resetAndDestroy();
      };
      // What was let through leaves first.
      if (silent) setTimeout(cut, SILENCE_MS);
      else setTimeout(cut, today.delay + 1);
      return chunk.subarray(0, passed);
    };
    carry(near, far, today, spend);
    carry(far, near, today, spend);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    get connections() {
      return connections;
    },
    get flips() {
      return flips;
    },
    get weather() {
      return weather;
    },
    set weather(next) {
      weather = next;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
};
