/**
 * The send stage: keeps one connection open, and every pack it is given on its way until the other side has answered for good.
 *
 * Packs leave in the order in which they were given, as many at a time as the receiver's window allows. When the connection
 * ends, what is unanswered leaves again over the next one, in the same order; receivers drop what they have.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { LogdError, messageOf } from '../error.ts';
import type { Pack } from '../pack/pack.ts';
import type { Emit } from '../telemetry/events.ts';
import type { Answer } from '../pack/answer.ts';
import type { Upstream } from '../transport/transport.ts';
import { type Backoff, backoff } from './backoff.ts';

export interface SenderOptions {
  /** `host:port`, for messages. */
  readonly address: string;
  readonly connect: (signal: AbortSignal) => Promise<Upstream>;
  /** Milliseconds. */
  readonly retry: { readonly min: number; readonly max: number };
  readonly emit: Emit;
  /** A pack that the receiver calls damaged so many times is answered with that, because whoever has its source can do better. By default it is sent again for ever. */
  readonly damagedTries?: number;
  /** Called when a connection is there, and when it is gone. */
  readonly onConnection?: (isConnected: boolean) => void;
  /** Called with each connection. */
  readonly onUpstream?: ((upstream: Upstream) => void) | undefined;
  /** Without a connection send() rejects with `unreachable` instead of waiting for the next: someone else takes the packs then. */
  readonly failover?: boolean;
}

export interface Sender extends AsyncDisposable {
  /**
   * Resolves with the ack, or with a refusal that trying again cannot change. Rejects with `closed` only, or as `failover` says. `via`: the
   * connection that it should leave by, as long as that is there.
   */
  send(pack: Pack, via?: Upstream): Promise<Answer>;
  /** There is a connection. */
  readonly connected: boolean;
  /** Packs that are neither answered nor in flight. */
  readonly queued: number;
  /**
   * Resolves when every pack given has its answer, or when none can come: there is no connection, or it ends. What is then
   * unanswered is for the next start.
   */
  drain(): Promise<void>;
}

interface Parcel {
  readonly order: number;
  readonly pack: Pack;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: LogdError) => void;
  /** Made when the receiver first asks for the pack to be sent again. */
  retry: Backoff | undefined;
  tries: number;
}

/** The bytes came damaged, or do not go on as they should. */
const isDamaged = (code: string): boolean => code === 'corrupt' || code === 'digest';

export const createSender = (options: SenderOptions): Sender => {
  const { address, connect, retry, emit, failover = false, damagedTries = Infinity } = options;
  const closing = new AbortController();
  const unanswered = new Set<Parcel>();
  const inFlight = new Set<Parcel>();
  let queue: Parcel[] = [];
  let flightBytes = 0;
  /** Most packs in flight. Small after a connection that broke: over a link that is cut every few KB a full window would never be answered. */
  let allowance = Infinity;
  let answered = 0;
  let upstream: Upstream | undefined;
  let orders = 0;
  let drained: (() => void)[] = [];

  const requeue = (parcels: readonly Parcel[]): void => {
    if (failover && upstream === undefined) return parcels.forEach(giveBack);
    queue = [...queue, ...parcels].sort((a, b) => a.order - b.order);
  };

  const wakeDrained = (): void => {
    for (const wake of drained) wake();
    drained = [];
  };

  const giveBack = (parcel: Parcel): void => {
    unanswered.delete(parcel);
    parcel.reject(new LogdError('unreachable', `There is no connection to ${address}.`, { retryable: true }));
  };

  const finish = (parcel: Parcel, answer: Answer): void => {
    unanswered.delete(parcel);
    parcel.resolve(answer);
    if (unanswered.size === 0) wakeDrained();
  };

  const defer = (parcel: Parcel, code: string, reason: string): void => {
    const { host, stream, hour, id } = parcel.pack.header;
    emit('send.pack-deferred', { host, stream, hour, id, code, reason });
    parcel.retry ??= backoff(retry.min, retry.max);
    sleep(parcel.retry.next(), undefined, { signal: closing.signal, ref: false }).then(
      () => {
        requeue([parcel]);
        pump();
      },
      () => undefined,
    );
  };

  const settle = (parcel: Parcel, answer: Answer): void => {
    const again =
      answer.kind === 'nack' &&
      answer.retryable &&
      !(isDamaged(answer.code) && ++parcel.tries >= damagedTries);
    if (again) defer(parcel, answer.code, answer.message);
    else finish(parcel, answer);
  };

  const fits = (parcel: Parcel, { limits }: Upstream): boolean =>
    inFlight.size === 0 ||
    (inFlight.size < allowance &&
      inFlight.size < limits.windowPacks &&
      flightBytes + parcel.pack.body.length <= limits.windowBytes);

  const tooLarge = ({ header, body }: Pack, { limits }: Upstream): string | undefined => {
    if (header.bytes > limits.rawBytes)
      return `It has ${header.bytes} bytes, the receiver takes ${limits.rawBytes}.`;
    if (body.length > limits.bodyBytes)
      return `Its body has ${body.length} bytes, the receiver takes ${limits.bodyBytes}.`;
    return undefined;
  };

  const launch = (parcel: Parcel, via: Upstream): void => {
    inFlight.add(parcel);
    flightBytes += parcel.pack.body.length;
    const leaveFlight = (): void => {
      inFlight.delete(parcel);
      flightBytes -= parcel.pack.body.length;
    };
    via.send(parcel.pack).then(
      (answer) => {
        leaveFlight();
        answered++;
        allowance++;
        settle(parcel, answer);
        pump();
      },
      () => {
        leaveFlight();
        requeue([parcel]);
      },
    );
  };

  const pump = (): void => {
    const via = upstream;
    while (via !== undefined && upstream === via) {
      const parcel = queue[0];
      if (parcel === undefined || !fits(parcel, via)) return;
      queue.shift();
      const reason = tooLarge(parcel.pack, via);
      if (reason === undefined) launch(parcel, via);
      else finish(parcel, { kind: 'nack', code: 'limit', message: reason, retryable: false });
    }
  };

  const serve = async (delay: Backoff): Promise<LogdError> => {
    await using connection = await connect(closing.signal);
    delay.reset();
    emit('send.connected', { node: connection.node, address });
    upstream = connection;
    answered = 0;
    options.onConnection?.(true);
    options.onUpstream?.(connection);
    pump();
    const stop = Promise.withResolvers<LogdError>();
    const close = (): void => stop.resolve(new LogdError('closed', 'The sender is closing.'));
    closing.signal.addEventListener('abort', close, { once: true });
    if (closing.signal.aborted) close();
    const reason = await Promise.race([connection.ended, stop.promise]);
    // As many as were answered have a chance on the next one; each answer allows one more, which doubles them with each round.
    if (inFlight.size > 0 || answered > 0) allowance = Math.max(1, Math.min(answered, inFlight.size >> 1));
    closing.signal.removeEventListener('abort', close);
    upstream = undefined;
    options.onConnection?.(false);
    if (failover) for (const parcel of queue.splice(0)) giveBack(parcel);
    wakeDrained();
    return reason;
  };

  const run = async (): Promise<void> => {
    const delay = backoff(retry.min, retry.max);
    while (!closing.signal.aborted) {
      const error: unknown = await serve(delay).catch((failure: unknown) => failure);
      if (closing.signal.aborted) return;
      const delay_ms = delay.next();
      // A sink that is busy, stops or had to wait too long (for us, or the network between) will let us in again by itself.
      const refused = error instanceof LogdError && error.code === 'refused' && !error.retryable;
      const said = messageOf(error);
      const reason = said.includes(address) ? said : `No connection to ${address}: ${said}`;
      emit(refused ? 'send.refused' : 'send.disconnected', { address, reason, delay_ms });
      await sleep(delay_ms, undefined, { signal: closing.signal }).catch(() => undefined);
    }
  };
  const running = run();

  return {
    get connected() {
      return upstream !== undefined;
    },
    get queued() {
      return queue.length;
    },
    send(pack) {
      return new Promise((resolve, reject) => {
        if (closing.signal.aborted) return reject(new LogdError('closed', 'The sender is closed.'));
        const parcel: Parcel = { order: orders++, pack, resolve, reject, retry: undefined, tries: 0 };
        if (failover && upstream === undefined) return giveBack(parcel);
        unanswered.add(parcel);
        queue.push(parcel);
        pump();
      });
    },
    drain: () =>
      new Promise((resolve) =>
        unanswered.size === 0 || upstream === undefined ? resolve() : drained.push(resolve),
      ),
    async [Symbol.asyncDispose]() {
      closing.abort();
      await running;
      for (const parcel of unanswered)
        parcel.reject(new LogdError('closed', 'The sender was closed before the pack was answered.'));
      unanswered.clear();
    },
  };
};
