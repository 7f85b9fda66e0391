/**
 * What nodes of the Go system send to a monitor, many on one connection:
 *
 *   offset size
 *   0      4    length   unsigned varint of the JSON's bytes, padded with zeros
 *   4      N    JSON     {"req":"register"|"unregister","ip","port","hostname","role"} ─▶ {"err":"0","msg":"success"}
 *                        {"time":"2026/11/22 16:03:11","type":"WARNING","msg","ip","port"} ─▶ no answer
 */
import { createServer, type Socket } from 'node:net';
import { z } from 'zod';
import { formatAddress } from '../../config/address.ts';
import { LogdError, messageOf } from '../../error.ts';
import { encodeV1Length, readV1Length } from '../../transport/gowire/pack-frame.ts';

const LENGTH_BYTES = 4;
const MOST_BYTES = 64 << 10;
const IDLE_MS = 10 * 60_000;
const MOST_CONNECTIONS = 1_024;

const port = z.union([z.string().regex(/^\d{1,5}$/), z.number().int()]).transform(Number);
const registration = z.object({
  req: z.enum(['register', 'unregister']),
  ip: z.string().min(1).max(64),
  port,
  hostname: z.string().max(255).default(''),
  role: z.string().max(128).default(''),
});
const errorLog = z.object({
  time: z.string().max(32),
  type: z.string().max(32),
  msg: z.string(),
  ip: z.string().max(64).default(''),
  port: port.default(0),
});
const message = z.union([registration, errorLog]);

export type GoMessage = z.output<typeof message>;

/** Takes bytes as they come, and gives whole messages. Throws `protocol` or `limit`; what comes behind is lost. */
export const createGoDecoder = (): ((chunk: Buffer) => GoMessage[]) => {
  let pending = Buffer.alloc(0);
  return (chunk) => {
    pending = Buffer.concat([pending, chunk]);
    const messages: GoMessage[] = [];
    while (pending.length >= LENGTH_BYTES) {
      const length = readV1Length(pending.subarray(0, LENGTH_BYTES));
      if (length > MOST_BYTES) throw new LogdError('limit', `A message of ${length} bytes is too long.`);
      if (pending.length < LENGTH_BYTES + length) break;
      const json = pending.subarray(LENGTH_BYTES, LENGTH_BYTES + length).toString('utf8');
      pending = pending.subarray(LENGTH_BYTES + length);
      const parsed = message.safeParse(parseJson(json));
      if (!parsed.success) throw new LogdError('protocol', 'A message is neither a registration nor a log.');
      messages.push(parsed.data);
    }
    return messages;
  };
};

const parseJson = (json: string): unknown => {
  try {
    return JSON.parse(json) as unknown;
  } catch (error) {
    throw new LogdError('protocol', 'A message is not valid JSON.', { cause: error });
  }
};

const encode = (value: unknown): Buffer => {
  const body = Buffer.from(JSON.stringify(value));
  return Buffer.concat([encodeV1Length(body.length), body]);
};

export interface GoListenerOptions {
  readonly listen: { readonly host: string; readonly port: number };
  /** Rejects where it could not be kept: the node is told, and tries again. */
  readonly onMessage: (message: GoMessage) => Promise<void>;
  readonly onFault: (address: string, reason: string) => void;
}

export interface GoListener extends AsyncDisposable {
  readonly address: { readonly host: string; readonly port: number };
}

const serve = (socket: Socket, { onMessage, onFault }: GoListenerOptions): void => {
  const decode = createGoDecoder();
  let done = Promise.resolve();
  const answer = async (each: GoMessage): Promise<void> => {
    const failed = await onMessage(each).then(
      () => undefined,
      (error: unknown) => messageOf(error),
    );
    if ('req' in each)
      socket.write(encode(failed === undefined ? { err: '0', msg: 'success' } : { err: '1', msg: failed }));
  };
  socket.setTimeout(IDLE_MS, () => socket.destroy());
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk) => {
    try {
      const messages = decode(chunk);
      if (messages.length === 0) return;
      socket.pause();
      done = done.then(async () => {
        for (const each of messages) await answer(each);
        socket.resume();
      });
    } catch (error) {
      onFault(socket.remoteAddress ?? '', messageOf(error));
      socket.destroy();
    }
  });
};

/** Listens for Go nodes; rejects with `unreachable` where the address cannot be had. */
export const listenForGoNodes = async (options: GoListenerOptions): Promise<GoListener> => {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    serve(socket, options);
  });
  server.maxConnections = MOST_CONNECTIONS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) =>
      reject(
        new LogdError(
          'unreachable',
          `Cannot listen on ${formatAddress(options.listen)}: ${messageOf(error)}.`,
          {
            retryable: true,
            cause: error,
          },
        ),
      ),
    );
    server.listen(options.listen.port, options.listen.host, resolve);
  });
  const bound = server.address();
  return {
    address: {
      host: options.listen.host,
      port: typeof bound === 'object' && bound !== null ? bound.port : options.listen.port,
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};
