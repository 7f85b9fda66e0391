/**
 * Keeps one connection open: connects, serves until it ends, waits, connects again.
 *
 *   connect ─┬─ let in ─▶ onUpstream ─ ended ─▶ onGone ─┐
 *      ▲     └─ refused, unreachable ───────────────────┤
 *      └───────────── backoff ◀─────────────────────────┘
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { LogdError, messageOf } from '../error.ts';
import type { Emit } from '../telemetry/events.ts';
import type { Upstream } from '../transport/transport.ts';
import { type Backoff, backoff } from './backoff.ts';

export interface KeepConnectedOptions {
  /** `host:port`, for messages. */
  readonly address: string;
  readonly connect: (signal: AbortSignal) => Promise<Upstream>;
  /** Milliseconds. */
  readonly retry: { readonly min: number; readonly max: number };
  readonly emit: Emit;
  /** Ends it. */
  readonly signal: AbortSignal;
  readonly onUpstream: (upstream: Upstream) => void;
  /** Called as soon as the connection has ended. */
  readonly onGone: () => void;
}

const serve = async (options: KeepConnectedOptions, delay: Backoff): Promise<LogdError> => {
  const { address, emit, signal } = options;
  await using connection = await options.connect(signal);
  delay.reset();
  emit('send.connected', { node: connection.node, address });
  options.onUpstream(connection);
  const stop = Promise.withResolvers<LogdError>();
  const close = (): void => stop.resolve(new LogdError('closed', 'The sender is closing.'));
  signal.addEventListener('abort', close, { once: true });
  if (signal.aborted) close();
  const reason = await Promise.race([connection.ended, stop.promise]);
  signal.removeEventListener('abort', close);
  options.onGone();
  return reason;
};

/** Resolves when the signal has ended it. */
export const keepConnected = async (options: KeepConnectedOptions): Promise<void> => {
  const { address, emit, retry, signal } = options;
  const delay = backoff(retry.min, retry.max);
  while (!signal.aborted) {
    const error: unknown = await serve(options, delay).catch((failure: unknown) => failure);
    if (signal.aborted) return;
    const delay_ms = delay.next();
    // A sink that is busy, stops or had to wait too long (for us, or the network between) will let us in again by itself.
    const refused = error instanceof LogdError && error.code === 'refused' && !error.retryable;
    const said = messageOf(error);
    const reason = said.includes(address) ? said : `No connection to ${address}: ${said}`;
    emit(refused ? 'send.refused' : 'send.disconnected', { address, reason, delay_ms });
    await sleep(delay_ms, undefined, { signal }).catch(() => undefined);
  }
};
