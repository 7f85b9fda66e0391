/** Hands packs of the journals on, until the target has them or refuses them for good, and lets them go from the queue. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer } from '../../pack/answer.ts';
import type { Pack } from '../../pack/pack.ts';
import { keepRefused } from '../../spool/refused.ts';
import type { Spool, SpooledPack } from '../../spool/spool.ts';
import type { Clock } from '../../telemetry/clock.ts';
import type { Emit } from '../../telemetry/events.ts';
import type { GoHour } from './go-hours.ts';
import { headerOfEntry, type JournalEntry } from './hour-journal.ts';

export interface GoDelivery {
  /**
   * Begins with a pack; waits only while too many are on their way. `raw` is given away. `given`: its record in the queue, which is done
   * after the target has it.
   */
  start(hour: GoHour, entry: JournalEntry, raw: Buffer, given?: SpooledPack): Promise<void>;
  /** Keeps a pack of the queue that cannot be used, and says so. */
  setAside(hour: GoHour, given: SpooledPack, reason: string): Promise<void>;
  /** Waits a moment for those on their way. */
  end(): Promise<void>;
}

export interface GoDeliveryOptions {
  /** Of the queue. */
  readonly dir: string;
  readonly spool: Spool;
  readonly target: (pack: Pack) => Promise<Answer>;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly fail: (error: unknown) => void;
}

const RETRY_MS = 500;
/** Packs on their way to the target. */
const IN_FLIGHT = 64;
const END_MS = 1000;

/** The bytes of a pack whose first copy was given away. */
const readAgain = async ({ journal, key }: GoHour, entry: JournalEntry): Promise<Buffer> => {
  const raw = entry.bytes === 0 ? Buffer.alloc(0) : await journal.read(entry);
  if (raw === undefined)
    throw new Error(
      `The journal of ${key.host} ${key.hour} has lost pack ${entry.id}, which is not handed on yet`,
    );
  return raw;
};

export const createGoDelivery = (options: GoDeliveryOptions): GoDelivery => {
  const { dir, spool, target, signal, clock, emit, fail } = options;
  const inFlight = new Set<Promise<void>>();

  const conflict = (hour: GoHour, id: number, reason: string, path: string): void =>
    emit('input.conflict', { ...hour.key, id, reason, path });

  /** False when we stop before the target has answered for good. */
  const handOn = async (hour: GoHour, entry: JournalEntry, time: number, first: Buffer): Promise<boolean> => {
    const header = headerOfEntry(entry, hour.key, time);
    // The target may free the body.
    for (let raw: Buffer | undefined = first; ; raw = undefined) {
      const answer = await target({ header, body: raw ?? (await readAgain(hour, entry)) });
      if (signal.aborted) return false;
      if (answer.kind === 'ack') return true;
      if (!answer.retryable) {
        const reason = `${answer.code}: ${answer.message}`;
        const pack = { header, body: await readAgain(hour, entry) };
        conflict(hour, entry.id, reason, await keepRefused(dir, pack, reason, clock.now()));
        return true;
      }
      await sleep(RETRY_MS, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return false;
    }
  };

  const deliver = async (
    hour: GoHour,
    entry: JournalEntry,
    raw: Buffer,
    given: SpooledPack | undefined,
  ): Promise<void> => {
    hour.unanswered++;
    if (!(await handOn(hour, entry, given?.pack.header.time ?? clock.now(), raw))) return;
    await hour.journal.sync();
    hour.unanswered--;
    if (given !== undefined) spool.done(given.ticket);
    if (!hour.journal.isOver || hour.unanswered > 0) return;
    await hour.journal.drop();
    const { entries } = hour.journal;
    emit('input.hour-ended', { ...hour.key, packs: entries.length, lines: entries.at(-1)?.done ?? 0 });
  };

  return {
    async start(hour, entry, raw, given) {
      hour.users++;
      const running = deliver(hour, entry, raw, given)
        .catch(fail)
        .finally(() => {
          hour.users--;
          inFlight.delete(running);
        });
      inFlight.add(running);
      if (inFlight.size >= IN_FLIGHT) await Promise.race(inFlight);
    },
    async setAside(hour, given, reason) {
      const path = await keepRefused(dir, given.pack, reason, given.spooled);
      conflict(hour, given.pack.header.id, reason, path);
    },
    async end() {
      await Promise.race([Promise.allSettled(inFlight), sleep(END_MS, undefined, { ref: false })]);
    },
  };
};
