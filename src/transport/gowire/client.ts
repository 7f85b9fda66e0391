/**
 * The sending end of wire v1: feeds a Go `fcollector`, `mgocollector` or `collector`.
 *
 *   we                                 Go receiver
 *    │ length, header, body ─────────▶ │   in one write: it reads each part with a single read
 *    │ ◀──────────────────────── ok    │   or `wrong header` and the end; no framing, one pack in flight
 *
 * A Go receiver knows one stream, hours without a generation and no lost bytes. Late lines go out under their own ids; a lost pack goes out
 * empty, so that the receiver's count of ids is whole, and stays named in our own ledger and log.
 */
import { connect as connectSocket, type Socket } from 'node:net';
import { formatAddress } from '../../config/address.ts';
import { errnoOf, LogdError, messageOf } from '../../error.ts';
import type { Answer } from '../../pack/answer.ts';
import { decode } from '../../pack/codec.ts';
import type { Pack } from '../../pack/pack.ts';
import type { Clock } from '../../telemetry/clock.ts';
import type { Upstream } from '../transport.ts';
import { EMPTY_BODY, encodeV1Body } from './body.ts';
import { goDuration, goTime } from './go-time.ts';
import { encodeV1Pack, type V1Route } from './pack-frame.ts';

export interface V1ConnectOptions {
  readonly address: { readonly host: string; readonly port: number };
  /** The only stream that is sent there: a pack of another one is refused for good. */
  readonly stream: string | undefined;
  readonly clock: Clock;
  /** Ends the attempt to connect. */
  readonly signal: AbortSignal;
  /** Milliseconds. */
  readonly timeouts: { readonly connect: number; readonly answer: number };
}

const OK = 'ok';
const WRONG_HEADER = 'wrong header';
/** A pack holds one more than a Go node's own, far below what its receiver takes. */
const LIMITS = { windowPacks: 1, windowBytes: 64 << 20, bodyBytes: 64 << 20, rawBytes: 64 << 20 };

const unreachable = (message: string, cause?: unknown): LogdError =>
  new LogdError('unreachable', message, { retryable: true, cause });

/** What Route[0] says of our pack. */
const routeOf = ({ header }: Pack, now: number): V1Route => ({
  ip: header.host,
  hour: header.hour,
  id: String(header.id),
  lines: header.lost === undefined ? String(header.lines) : '0',
  stage: 'make pack',
  st: goTime(header.time),
  ed: goTime(now),
  elapse: goDuration(Math.max(0, now - header.time)),
  ...(header.done !== undefined && { done: '1' }),
  // The empty body is the same for all packs, and would be dropped as a repeat.
  ...((header.bytes === 0 || header.lost !== undefined) && { repull: '1' }),
});

/** The pack's bytes on the wire. */
export const toV1 = async (pack: Pack, now: number): Promise<Buffer> => {
  const { header, body } = pack;
  const raw =
    header.lost === undefined && header.bytes > 0
      ? await decode(body, header.codec, header.bytes)
      : undefined;
  const zlib = raw === undefined ? EMPTY_BODY : await encodeV1Body(raw, header, header.id);
  return encodeV1Pack([routeOf(pack, now)], zlib);
};

/** Connects; rejects with LogdError `unreachable` or `closed`. */
export const connectV1 = async (options: V1ConnectOptions): Promise<Upstream> => {
  const { address, signal, timeouts } = options;
  const where = formatAddress(address);
  if (signal.aborted) throw new LogdError('closed', `Connecting to ${where} was called off.`);
  const socket = connectSocket({ host: address.host, port: address.port, noDelay: true });
  const opened = Promise.withResolvers<void>();
  const giveUp = (): void => opened.reject(new LogdError('closed', `Connecting to ${where} was called off.`));
  const timer = setTimeout(
    () => opened.reject(unreachable(`${where} did not answer within ${timeouts.connect} ms.`)),
    timeouts.connect,
  );
  const failed = (error: Error): void =>
    opened.reject(
      unreachable(
        errnoOf(error) === 'ECONNREFUSED'
          ? `${where} refuses connections (is it running?).`
          : `Cannot connect to ${where}: ${messageOf(error)}.`,
        error,
      ),
    );
  signal.addEventListener('abort', giveUp, { once: true });
  socket.once('connect', () => opened.resolve()).once('error', failed);
  try {
    await opened.promise;
    socket.off('error', failed);
    return createV1Upstream(socket, where, options);
  } catch (error) {
    socket.on('error', () => undefined).destroy();
    throw error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', giveUp);
  }
};

const createV1Upstream = (socket: Socket, where: string, options: V1ConnectOptions): Upstream => {
  const { stream, clock, timeouts } = options;
  const ended = Promise.withResolvers<LogdError>();
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  let over: LogdError | undefined;
  const throwIfOver = (): void => {
    if (over instanceof LogdError) throw over;
  };
  let due: PromiseWithResolvers<Answer> | undefined;
  let said = '';
  /** One pack at a time, whatever the caller does. */
  let turn: Promise<unknown> = Promise.resolve();

  const end = (reason: LogdError): void => {
    if (over !== undefined) return;
    over = reason;
    socket.destroy();
    due?.reject(reason);
    due = undefined;
    ended.resolve(reason);
  };

  const hear = (chunk: Buffer): void => {
    said += chunk.toString('latin1');
    if (said === OK && due !== undefined) {
      said = '';
      due.resolve({ kind: 'ack' });
      due = undefined;
    } else if (said === WRONG_HEADER)
      end(unreachable(`${where} answered "${WRONG_HEADER}": the pack is sent again over a new connection.`));
    else if (due === undefined || !(OK.startsWith(said) || WRONG_HEADER.startsWith(said)))
      end(new LogdError('protocol', `${where} answered neither ok nor wrong header: is it a Go logd?`));
  };
  socket.on('data', hear);
  socket.on('error', (error) =>
    end(unreachable(`The connection to ${where} broke: ${messageOf(error)}.`, error)),
  );
  socket.once('end', () => end(unreachable(`${where} closed the connection.`)));
  socket.once('close', () => end(unreachable(`${where} closed the connection.`)));

  const refuse = (message: string): Answer => ({ kind: 'nack', code: 'invalid', message, retryable: false });

  const send = async (pack: Pack): Promise<Answer> => {
    const { header } = pack;
    throwIfOver();
    if (stream !== undefined && header.stream !== stream)
      return refuse(`Only the stream ${stream} is sent to ${where}: the Go system has no streams.`);
    if (header.hour.length !== 10) return refuse('The Go system knows only hours of ten digits.');
    const bytes = await toV1(pack, clock.now());
    throwIfOver();
    const answer = (due = Promise.withResolvers<Answer>());
    const timer = setTimeout(
      () => end(unreachable(`${where} has been silent for ${timeouts.answer} ms with an answer due.`)),
      timeouts.answer,
    );
    socket.write(bytes);
    return answer.promise.finally(() => clearTimeout(timer));
  };

  return {
    node: where,
    limits: LIMITS,
    ended: ended.promise,
    send(pack) {
      const answer = turn.then(() => send(pack));
      turn = answer.catch(() => undefined);
      return answer;
    },
    async [Symbol.asyncDispose]() {
      end(new LogdError('closed', `The connection to ${where} was closed here.`, { retryable: true }));
      await closed;
    },
  };
};
