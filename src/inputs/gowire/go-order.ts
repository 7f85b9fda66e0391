/** Puts packs of an hour in the order of their ids: each in its turn, repeats told, what never comes a gap. */
import { free } from '../../pack/codec.ts';
import { dayOf, openHours } from '../../pack/hour.ts';
import type { Spool, SpooledPack } from '../../spool/spool.ts';
import type { Clock } from '../../telemetry/clock.ts';
import type { Emit } from '../../telemetry/events.ts';
import type { DecodedPacks } from './decoded-packs.ts';
import type { GoDelivery } from './go-delivery.ts';
import type { GoHour, GoHours } from './go-hours.ts';

export interface GoOrder {
  /** Takes the next pack of the queue: one at a time, as ids of an hour are given out in order. */
  place(given: SpooledPack): Promise<void>;
  /** Makes gaps of what has been missing for too long. */
  closeGaps(): Promise<void>;
}

export interface GoOrderOptions {
  readonly hours: GoHours;
  readonly decoded: DecodedPacks;
  readonly delivery: GoDelivery;
  readonly spool: Spool;
  /** Of the hours. */
  readonly zone: string;
  /** Milliseconds. */
  readonly gapAfter: number;
  readonly clock: Clock;
  readonly emit: Emit;
}

/** Packs of one hour that wait for their turn in memory. Beyond that the missing one is a gap. */
const MOST_HELD = 256;

/** Hours in the day of an hour; 0 for one that the zone does not have. */
const countHours = (zone: string): ((hour: string) => number) => {
  const hours = openHours(zone);
  return (hour) => (hours.startOf(hour) === undefined ? 0 : hours.hoursInDay(dayOf(hour)).length);
};

export const createGoOrder = (options: GoOrderOptions): GoOrder => {
  const { hours, decoded, delivery, spool, gapAfter, clock, emit } = options;
  const hoursInDay = countHours(options.zone);

  const addGap = async (hour: GoHour, reason: string): Promise<void> => {
    const entry = await hour.journal.add(Buffer.alloc(0), { done: false, hoursInDay: 0, gap: true });
    emit('input.gap', { ...hour.key, id: entry.id, reason });
    await delivery.start(hour, entry, Buffer.alloc(0));
  };

  /** Everything whose turn has come. */
  const advance = async (hour: GoHour): Promise<void> => {
    for (;;) {
      const next = hour.journal.entries.length + 1;
      const given = hour.held.get(next);
      if (given === undefined) break;
      hour.held.delete(next);
      const raw = await decoded.take(given);
      free(given.pack.body);
      const done = given.pack.header.done !== undefined;
      const entry = await hour.journal.add(raw, { done, hoursInDay: hoursInDay(hour.key.hour) });
      await delivery.start(hour, entry, raw, given);
    }
    if (hour.held.size === 0 || hour.last === undefined) hour.missingSince = undefined;
    else hour.missingSince ??= clock.monotonic();
  };

  const repeat = async (hour: GoHour, given: SpooledPack): Promise<void> => {
    const entry = hour.journal.entries[given.pack.header.id - 1];
    const raw = entry && (await hour.journal.read(entry));
    const came = await decoded.take(given);
    if (entry !== undefined && raw?.equals(came)) return delivery.start(hour, entry, raw, given);
    if (entry !== undefined && raw !== undefined) {
      const reason = entry.gap ? 'it came after it had become a gap' : 'other lines are there under this id';
      await delivery.setAside(hour, given, reason);
    } else if (hour.journal.isOver && entry === undefined)
      await delivery.setAside(hour, given, `the hour ended with pack ${hour.journal.entries.length}`);
    spool.done(given.ticket);
  };

  return {
    async place(given) {
      const { host, hour: label, id, done } = given.pack.header;
      const hour = await hours.get(host, label);
      hour.usedAt = clock.monotonic();
      if (id <= hour.journal.entries.length || hour.journal.isOver) return repeat(hour, given);
      if (hour.held.has(id)) {
        await decoded.take(given);
        spool.done(given.ticket);
      } else hour.held.set(id, given);
      if (done !== undefined) hour.last = Math.max(hour.last ?? 0, id);
      await advance(hour);
      while (hour.held.size > MOST_HELD) {
        await addGap(hour, `more than ${MOST_HELD} packs after it have come`);
        await advance(hour);
      }
    },
    async closeGaps() {
      for await (const hour of hours.all())
        while (hour.missingSince !== undefined && clock.monotonic() - hour.missingSince > gapAfter) {
          await addGap(hour, `it is still missing ${gapAfter} ms after the last pack of the hour`);
          const since = hour.missingSince;
          await advance(hour);
          if (hour.missingSince !== undefined) hour.missingSince = since;
        }
    },
  };
};
