/** What a relay does with packs that the next hop refuses for good after they had been acknowledged: see refused.ts. */
import type { Answer } from '../pack/answer.ts';
import type { Pack } from '../pack/pack.ts';
import type { Emit } from '../telemetry/events.ts';
import { keepRefused, sendRetries } from './refused.ts';

type LateRefusal = Extract<Answer, { readonly kind: 'nack' }>;

export interface Refusals {
  /** Keeps it durably, and says so. `spooled`: when we took it. */
  keep(pack: Pack, refusal: LateRefusal, spooled: number): Promise<void>;
  /** Sends those again that a person wants to be sent, until the signal. */
  retry(send: (pack: Pack, spooled: number) => Promise<Answer>, signal: AbortSignal): Promise<void>;
}

const LOOK_EVERY_MS = 1000;

const pause = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, LOOK_EVERY_MS);
    signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true });
  });

export const createRefusals = (spoolDir: string, emit: Emit): Refusals => {
  const keep: Refusals['keep'] = async (pack, { code, message }, spooled) => {
    const path = await keepRefused(spoolDir, pack, `${code}: ${message}`, spooled);
    const { host, stream, hour, id } = pack.header;
    emit('spool.pack-refused', { host, stream, hour, id, code, reason: message, path });
  };
  return {
    keep,
    async retry(send, signal) {
      while (!signal.aborted) {
        await sendRetries(spoolDir, async (pack, spooled) => {
          const answer = await send(pack, spooled);
          if (answer.kind === 'nack') await keep(pack, answer, spooled);
          return true;
        });
        await pause(signal);
      }
    },
  };
};
