/**
 * The send stage: keeps one connection open, and every pack it is given on its way until the other side has answered for good.
 *
 * Packs leave in the order in which they were given, as many at a time as the receiver's window allows. When the connection
 * ends, what is unanswered leaves again over the next one, in the same order; receivers drop what they have.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { LogdError } from '../error.ts';
import { type Pack, type SegmentKey, segmentName } from '../pack/pack.ts';
import type { Emit } from '../telemetry/events.ts';
import type { Answer } from '../pack/answer.ts';
import type { Upstream } from '../transport/transport.ts';
import { watchOutage } from '../telemetry/outage.ts';
import { type Backoff, backoff } from './backoff.ts';
import { createFlight, type Parcel, tooLarge } from './flight.ts';
import { keepConnected } from './keep-connected.ts';
import { createSendings, type NameSending } from './sendings.ts';

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
  /** Names each sending, see {@link Upstream.send}; senders that take packs over from each other share one. */
  readonly nameSending?: NameSending;
  /** Without a connection send() rejects with `unreachable` instead of waiting for the next: someone else takes the packs then. */
  readonly failover?: boolean;
}

export interface Sender extends AsyncDisposable {
  /**
   * Resolves with the ack, or with a refusal that trying again cannot change. Rejects with `closed` only, or as `failover` says. `via`: the
   * connection that it should leave by, as long as that is there. `sending`: its name where another sender has tried before.
   */
  send(pack: Pack, via?: Upstream, sending?: string): Promise<Answer>;
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

interface GivenPack extends Parcel {
  readonly order: number;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: LogdError) => void;
  /** Made when the receiver first asks for the pack to be sent again. */
  retry: Backoff | undefined;
  tries: number;
}

/** The bytes came damaged, or do not go on as they should. */
const isDamaged = (code: string): boolean => code === 'corrupt' || code === 'digest';

const closedError = (): LogdError =>
  new LogdError('closed', 'The sender was closed before the pack was answered.');

/** Packs that the receiver cannot store for a minute are an error here, too. */
const watchStored = (address: string, emit: Emit) => {
  const outage = watchOutage<undefined>({
    onLong: ({ waiting, reason }) => emit('send.not-stored', { address, hours: waiting.size, reason }),
    onOver: ({ lasted }) => emit('send.stored-again', { address, lasted }),
  });
  return (key: SegmentKey, answer: Answer): void => {
    if (answer.kind === 'ack') outage.worked(segmentName(key));
    else if (answer.code === 'storage') outage.failed(segmentName(key), undefined, answer.message);
  };
};

export const createSender = (options: SenderOptions): Sender => {
  const { address, retry, emit, failover = false, damagedTries = Infinity } = options;
  const { nameSending = createSendings() } = options;
  const closing = new AbortController();
  const unanswered = new Set<GivenPack>();
  let queue: GivenPack[] = [];
  let upstream: Upstream | undefined;
  let orders = 0;
  let drained: (() => void)[] = [];

  const requeue = (parcel: GivenPack): void => {
    if (failover && upstream === undefined) return giveBack(parcel);
    queue = [...queue, parcel].sort((a, b) => a.order - b.order);
  };

  const wakeDrained = (): void => {
    for (const wake of drained) wake();
    drained = [];
  };

  const giveBack = (parcel: GivenPack): void => {
    unanswered.delete(parcel);
    parcel.reject(new LogdError('unreachable', `There is no connection to ${address}.`, { retryable: true }));
  };

  const finish = (parcel: GivenPack, answer: Answer): void => {
    unanswered.delete(parcel);
    parcel.resolve(answer);
    if (unanswered.size === 0) wakeDrained();
  };

  const defer = (parcel: GivenPack, code: string, reason: string): void => {
    const { host, stream, hour, id } = parcel.pack.header;
    emit('send.pack-deferred', { host, stream, hour, id, code, reason });
    parcel.retry ??= backoff(retry.min, retry.max);
    // What was answered is over: the next try is another sending.
    parcel.sending = nameSending();
    sleep(parcel.retry.next(), undefined, { signal: closing.signal, ref: false }).then(
      () => {
        requeue(parcel);
        pump();
      },
      () => undefined,
    );
  };

  const watch = watchStored(address, emit);
  const flight = createFlight<GivenPack>({
    onAnswer(parcel, answer) {
      watch(parcel.pack.header, answer);
      const again =
        answer.kind === 'nack' &&
        answer.retryable &&
        !(isDamaged(answer.code) && ++parcel.tries >= damagedTries);
      if (again) defer(parcel, answer.code, answer.message);
      else finish(parcel, answer);
      pump();
    },
    onLost: requeue,
  });

  const pump = (): void => {
    const via = upstream;
    while (via !== undefined && upstream === via) {
      const parcel = queue[0];
      if (parcel === undefined || !flight.fits(parcel, via)) return;
      queue.shift();
      const message = tooLarge(parcel.pack, via);
      if (message === undefined) flight.launch(parcel, via);
      else finish(parcel, { kind: 'nack', code: 'limit', message, retryable: false });
    }
  };

  const running = keepConnected({
    ...{ address, connect: options.connect, retry, emit, signal: closing.signal },
    onUpstream(connection) {
      upstream = connection;
      options.onConnection?.(true);
      options.onUpstream?.(connection);
      pump();
    },
    onGone() {
      flight.broke();
      upstream = undefined;
      options.onConnection?.(false);
      if (failover) for (const parcel of queue.splice(0)) giveBack(parcel);
      wakeDrained();
    },
  });

  return {
    get connected() {
      return upstream !== undefined;
    },
    get queued() {
      return queue.length;
    },
    send(pack, _via, sending = nameSending()) {
      return new Promise((resolve, reject) => {
        if (closing.signal.aborted) return reject(new LogdError('closed', 'The sender is closed.'));
        const order = orders++;
        const parcel: GivenPack = { order, pack, sending, resolve, reject, retry: undefined, tries: 0 };
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
      for (const parcel of unanswered) parcel.reject(closedError());
      unanswered.clear();
    },
  };
};
