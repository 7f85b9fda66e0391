/** Packs that a relay takes into its spool because the next hop does not take them: it says so once, and again when the spool is empty. */
import type { Pack } from '../pack/pack.ts';
import type { Clock } from '../telemetry/clock.ts';
import type { Emit } from '../telemetry/events.ts';
import type { Spool, SpoolTicket } from './spool.ts';

export interface Takeover {
  /** Packs taken so far. */
  readonly spooled: number;
  /** Resolves once the pack is durable here. `sentStill`: somebody else has it on its way, so the drain leaves it to them. */
  take(pack: Pack, sentStill?: () => boolean): Promise<SpoolTicket>;
  isOnItsWay(ticket: SpoolTicket): boolean;
  /** It is not on its way any more. */
  arrived(ticket: SpoolTicket): void;
  /** The pack is taken for good. */
  done(ticket: SpoolTicket): void;
}

const SAY_EVERY_MS = 10_000;

const nameOf = ({ file, at }: SpoolTicket): string => `${file}/${at}`;

export const createTakeover = (spool: Spool, dir: string, clock: Clock, emit: Emit): Takeover => {
  const onTheirWay = new Set<string>();
  let spooled = 0;
  let isSaid = false;
  let saidAt = -Infinity;

  const say = (): void => {
    if (isSaid || clock.monotonic() - saidAt < SAY_EVERY_MS) return;
    isSaid = true;
    saidAt = clock.monotonic();
    emit('spool.taking-over', { dir });
  };

  return {
    get spooled() {
      return spooled;
    },
    async take(pack, sentStill) {
      say();
      const ticket = await spool.append(pack);
      spooled++;
      if (sentStill?.() === true) onTheirWay.add(nameOf(ticket));
      return ticket;
    },
    isOnItsWay: (ticket) => onTheirWay.has(nameOf(ticket)),
    arrived: (ticket) => void onTheirWay.delete(nameOf(ticket)),
    done(ticket) {
      spool.done(ticket);
      if (!isSaid || spool.status().packs > 0) return;
      isSaid = false;
      emit('spool.drained', { dir });
    },
  };
};
