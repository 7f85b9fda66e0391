/** The hours of the Go system that are under way: their journals, and what came of them before its turn. */
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { SpooledPack } from '../../spool/spool.ts';
import type { Clock } from '../../telemetry/clock.ts';
import { type HourJournal, openHourJournal } from './hour-journal.ts';

export interface GoHour {
  readonly key: { readonly host: string; readonly stream: string; readonly hour: string };
  readonly journal: HourJournal;
  /** Packs that came before their turn, by id. */
  readonly held: Map<number, SpooledPack>;
  /** The id of the last pack, once that has come. */
  last: number | undefined;
  /** Monotonic time since when packs are missing although the last has come. */
  missingSince: number | undefined;
  unanswered: number;
  /** Packs that are being handed on: the journal stays open. */
  users: number;
  /** Monotonic time when a pack of it last came. */
  usedAt: number;
}

export interface GoHours {
  /** The hour of an address, opened where it is not. */
  get(host: string, hour: string): Promise<GoHour>;
  all(): AsyncIterable<GoHour>;
  /** Memory and open files are for hours under way, not for each that ever was. */
  closeIdle(): Promise<void>;
  close(): Promise<void>;
}

/** An hour to which nothing happens for so long is closed; its list is read again should a pack come. */
const IDLE_MS = 300_000;
/** Lists of packs are kept for so long after their last change. A repeat that comes later is for the sink to tell. */
const LISTS_MS = 35 * 24 * 3_600_000;
const CLEAN_EVERY_MS = 3_600_000;

/** Removes the lists of hours that are long over. */
const removeOldLists = async (dir: string, before: number): Promise<void> => {
  const names = await readdir(dir);
  for (const name of names) {
    // An hour that is not over has its lines beside its list.
    if (!name.endsWith('.packs') || names.includes(name.slice(0, -'.packs'.length))) continue;
    const { mtimeMs } = await stat(join(dir, name));
    if (mtimeMs < before) await rm(join(dir, name), { force: true });
  }
};

/** Whether nothing happens to an hour, and it can be closed. */
const isIdle = ({ held, users, missingSince, usedAt }: GoHour, now: number): boolean =>
  held.size === 0 && users === 0 && missingSince === undefined && now - usedAt >= IDLE_MS;

export const createGoHours = (dir: string, stream: string, clock: Clock): GoHours => {
  const hours = new Map<string, Promise<GoHour>>();
  let cleanAt = clock.monotonic();

  const open = async (host: string, hour: string): Promise<GoHour> => {
    const journal = await openHourJournal(join(dir, `${host}.${hour}`));
    return {
      ...{ key: { host, stream, hour }, journal, held: new Map(), unanswered: 0, users: 0 },
      ...{ usedAt: clock.monotonic(), missingSince: undefined },
      last: journal.isOver ? journal.entries.length : undefined,
    };
  };

  return {
    get(host, hour) {
      const name = `${host}.${hour}`;
      const opened = hours.get(name) ?? open(host, hour);
      hours.set(name, opened);
      return opened;
    },
    async *all() {
      for (const opened of hours.values()) yield await opened;
    },
    async closeIdle() {
      const now = clock.monotonic();
      for (const [name, opened] of hours) {
        const hour = await opened;
        if (!isIdle(hour, now)) continue;
        hours.delete(name);
        await hour.journal.close();
      }
      if (now < cleanAt) return;
      cleanAt = now + CLEAN_EVERY_MS;
      await removeOldLists(dir, clock.now() - LISTS_MS);
    },
    async close() {
      for (const opened of hours.values())
        await opened.then(({ journal }) => journal.close()).catch(() => undefined);
    },
  };
};
