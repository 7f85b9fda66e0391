/**
 * Segments that stay open too long are closed as incomplete, with their gaps. A pack that still comes opens them again.
 */
import { formatDuration } from '../config/units.ts';
import { messageOf } from '../error.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Clock } from '../telemetry/clock.ts';
import type { Emit } from '../telemetry/events.ts';

const CHECK_MS = 60_000;
const GAPS_NAMED = 5;

export interface ExpiryOptions {
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly emit: Emit;
  /** Milliseconds after the last pack of a segment. */
  readonly expireAfter: number;
}

/** Looks once, and closes what is due. */
export const expireOnce = async ({ ledger, clock, emit, expireAfter }: ExpiryOptions): Promise<void> => {
  const silence = formatDuration(expireAfter);
  const expired = await ledger.expire(clock.now() - expireAfter, `No pack came for ${silence}.`);
  for (const { host, stream, hour } of expired) {
    const gaps = await ledger.gaps({ host, stream, hour }, GAPS_NAMED);
    const missing = gaps.map(({ from, to }) => (from === to ? `${from}` : `${from} to ${to}`)).join(', ');
    emit('seal.incomplete', {
      host,
      stream,
      hour,
      reason: `no pack came for ${silence}; missing: ${missing === '' ? 'the end' : `packs ${missing}`}`,
    });
  }
};

/** Looks every minute, or more often where `expireAfter` is shorter. */
export const startExpiry = (options: ExpiryOptions): AsyncDisposable => {
  let running: Promise<void> = Promise.resolve();
  const look = (): void => {
    running = running
      .then(() => expireOnce(options))
      .catch((error: unknown) => {
        options.emit('store.failed', { reason: messageOf(error) });
      });
  };
  // Not at once: after an outage of the sink, agents first need to come back with what they kept.
  const timer = setInterval(look, Math.min(CHECK_MS, Math.max(1_000, options.expireAfter / 4)));
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await running;
    },
  };
};
