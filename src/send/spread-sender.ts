/**
 * Sends over several upstreams: each (host, stream) keeps to one of them as long as it is there, see upstream-choice.ts.
 *
 *   send(pack) ─ choose by (host, stream) ─▶ sender of that upstream ─▶ answer
 *      ▲                                          │ connection lost
 *      └── chosen again ◀── unanswered packs ◀────┘       all away: they wait here, in order
 */
import { LogdError } from '../error.ts';
import type { Answer } from '../pack/answer.ts';
import type { Pack } from '../pack/pack.ts';
import type { Clock } from '../telemetry/clock.ts';
import type { Emit } from '../telemetry/events.ts';
import type { Upstream } from '../transport/transport.ts';
import { createSender, type Sender } from './sender.ts';
import { createSendings } from './sendings.ts';
import { chooseUpstream, type UpstreamHealth } from './upstream-choice.ts';

export interface SpreadUpstream {
  /** `host:port`; the hash depends on it. */
  readonly name: string;
  readonly weight: number;
  readonly connect: (signal: AbortSignal) => Promise<Upstream>;
}

export interface SpreadOptions {
  readonly upstreams: readonly SpreadUpstream[];
  /** Milliseconds. */
  readonly retry: { readonly min: number; readonly max: number };
  /** Milliseconds in which an upstream that was away takes its share again. */
  readonly slowStart: number;
  readonly damagedTries?: number;
  /** Called with each connection. */
  readonly onUpstream?: ((upstream: Upstream) => void) | undefined;
  readonly clock: Clock;
  readonly emit: Emit;
}

interface Lane {
  readonly name: string;
  readonly weight: number;
  readonly sender: Sender;
  /** The newest connection. */
  upstream: Upstream | undefined;
  health: UpstreamHealth;
}

interface WaitingSend {
  readonly order: number;
  readonly pack: Pack;
  readonly via: Upstream | undefined;
  readonly sending: string;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/** A sender over one upstream or several. */
export const createSpreadSender = (options: SpreadOptions): Sender => {
  const { upstreams, retry, slowStart, clock, emit, damagedTries, onUpstream } = options;
  const tries = damagedTries === undefined ? {} : { damagedTries };
  const [only] = upstreams;
  if (only !== undefined && upstreams.length === 1)
    return createSender({ address: only.name, connect: only.connect, retry, emit, onUpstream, ...tries });
  const nameSending = createSendings();
  let waiting: WaitingSend[] = [];
  let orders = 0;
  let unanswered = 0;
  let closed = false;
  let drained: (() => void)[] = [];

  const pump = (): void => {
    const due = waiting.sort((a, b) => a.order - b.order);
    waiting = [];
    for (const one of due) dispatch(one);
  };

  const lanes: Lane[] = upstreams.map(({ name, weight, connect }) => {
    const onConnection = (isConnected: boolean): void => {
      lane.health = {
        connectedSince: isConnected ? clock.monotonic() : undefined,
        returned: lane.health.returned || !isConnected,
      };
      if (isConnected) pump();
      else if (!isConnectedAtAll()) wakeDrained();
    };
    const sender = createSender({
      address: name,
      connect,
      retry,
      emit,
      onConnection,
      onUpstream(upstream) {
        lane.upstream = upstream;
        onUpstream?.(upstream);
      },
      failover: true,
      nameSending,
      ...tries,
    });
    const health = { connectedSince: undefined, returned: false };
    const lane: Lane = { name, weight, sender, upstream: undefined, health };
    return lane;
  });

  const isConnectedAtAll = (): boolean => lanes.some(({ health }) => health.connectedSince !== undefined);
  const wakeDrained = (): void => {
    for (const wake of drained.splice(0)) wake();
  };

  const dispatch = (one: WaitingSend): void => {
    const { host, stream } = one.pack.header;
    const asked = one.via && lanes.find(({ upstream, sender }) => upstream === one.via && sender.connected);
    const lane =
      asked ??
      chooseUpstream(lanes, `${host}/${stream}`, ({ health }) => health, clock.monotonic(), slowStart);
    if (lane === undefined) return void waiting.push(one);
    lane.sender.send(one.pack, undefined, one.sending).then(
      (answer) => {
        unanswered--;
        one.resolve(answer);
        if (unanswered === 0) wakeDrained();
      },
      (error: unknown) => {
        const isAway = error instanceof LogdError && error.code === 'unreachable';
        if (!isAway || closed) return one.reject(error);
        waiting.push(one);
        // Those of one lost connection come back one by one: together they are put in order.
        setImmediate(pump);
      },
    );
  };

  return {
    get connected() {
      return isConnectedAtAll();
    },
    get queued() {
      return lanes.reduce((sum, { sender }) => sum + sender.queued, waiting.length);
    },
    send: (pack, via) =>
      new Promise((resolve, reject) => {
        if (closed) return reject(new LogdError('closed', 'The sender is closed.'));
        unanswered++;
        dispatch({ order: orders++, pack, via, sending: nameSending(), resolve, reject });
      }),
    drain: () =>
      new Promise((resolve) => (unanswered === 0 || !isConnectedAtAll() ? resolve() : drained.push(resolve))),
    async [Symbol.asyncDispose]() {
      closed = true;
      await Promise.all(lanes.map(({ sender }) => sender[Symbol.asyncDispose]()));
      for (const { reject } of waiting.splice(0))
        reject(new LogdError('closed', 'The sender was closed before the pack was answered.'));
      wakeDrained();
    },
  };
};
