/**
 * Packs of the Go system: made durable, put in order of their ids, and handed on like packs of our own.
 *
 *   take ─ inflates? ─▶ queue on disk (a spool) ─ fsync ─▶ ok
 *                          │ in order of arrival
 *                          ▼
 *        id is next ─▶ hour journal: offset, digest ─▶ target (commit stage or forwarder) ─ ack ─▶ journal fsync ─▶ done in the queue
 *        id is later ─▶ held until its turn            │ refused for good: kept in refused/, shown
 *        id was there ─▶ the same pack again           └ later: tried again
 *
 * Invariants: `ok` means durable in the queue; a pack leaves the queue after the target has acknowledged it. After a crash the queue
 * gives the same packs in the same ids, so each gets the same offset and digest. A pack is known by address, hour and id, never by its
 * bytes. An id that is still missing `gapAfter` ms after the hour's end has come is a gap.
 */
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeDirectory } from '../../disk/durable-directory.ts';
import { LogdError, messageOf } from '../../error.ts';
import type { Answer } from '../../pack/answer.ts';
import { dayOf, openHours } from '../../pack/hour.ts';
import { isName } from '../../pack/name.ts';
import type { Pack } from '../../pack/pack.ts';
import { keepRefused } from '../../spool/refused.ts';
import { openSpool, type Spool, type SpooledPack } from '../../spool/spool.ts';
import type { Clock } from '../../telemetry/clock.ts';
import type { Emit } from '../../telemetry/events.ts';
import { decodeV1Body } from '../../transport/gowire/body.ts';
import type { LoosePack, OnLoosePack } from '../../transport/transport.ts';
import { decodedPacks } from './decoded-packs.ts';
import { headerOfEntry, type HourJournal, type JournalEntry, openHourJournal } from './hour-journal.ts';

export interface GoInputOptions {
  readonly dir: string;
  /** What its lines are called here: the Go system has no streams. */
  readonly stream: string;
  /** Most bytes of the queue on disk. */
  readonly bytes: number;
  /** Most raw bytes of a pack. */
  readonly rawBytes: number;
  /** Of the hours. */
  readonly zone: string;
  /** Milliseconds. */
  readonly gapAfter: number;
  readonly target: (pack: Pack) => Promise<Answer>;
  readonly clock: Clock;
  readonly emit: Emit;
}

export interface GoInput extends AsyncDisposable {
  readonly take: OnLoosePack;
  readonly failed: Promise<Error>;
}

interface Hour {
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

const AGE = 10 * 365 * 24 * 3_600_000;
const LOOK_EVERY_MS = 250;
const RETRY_MS = 500;
/** Packs on their way to the target. */
const IN_FLIGHT = 64;
/** An hour to which nothing happens for so long is closed; its list is read again should a pack come. */
const IDLE_MS = 300_000;
/** Lists of packs are kept for so long after their last change. A repeat that comes later is for the sink to tell. */
const LISTS_MS = 35 * 24 * 3_600_000;
const CLEAN_EVERY_MS = 3_600_000;
/** Packs of one hour that wait for their turn in memory. Beyond that the missing one is a gap. */
const MOST_HELD = 256;

export const openGoInput = async (options: GoInputOptions): Promise<GoInput> => {
  const { dir, clock, emit, bytes } = options;
  await makeDirectory(join(dir, 'hours'), 'gowire.dir', 0o750);
  const spool = await openSpool({ dir: join(dir, 'queue'), bytes, age: AGE, clock, emit });
  return createGoInput(options, spool);
};

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

/** Hours in the day of an hour; 0 for one that the zone does not have. */
const countHours = (zone: string): ((hour: string) => number) => {
  const hours = openHours(zone);
  return (hour) => (hours.startOf(hour) === undefined ? 0 : hours.hoursInDay(dayOf(hour)).length);
};

/** Whether nothing happens to an hour, and it can be closed. */
const isIdle = ({ held, users, missingSince, usedAt }: Hour, now: number): boolean =>
  held.size === 0 && users === 0 && missingSince === undefined && now - usedAt >= IDLE_MS;

/** Keeps a pack that cannot be used, and says so. */
const setAside = async (
  { dir, emit }: GoInputOptions,
  { key }: Hour,
  { pack, spooled }: SpooledPack,
  reason: string,
): Promise<void> => {
  const path = await keepRefused(join(dir, 'queue'), pack, reason, spooled);
  emit('input.conflict', { ...key, id: pack.header.id, reason, path });
};

const refusal = (error: unknown): Answer => {
  const code = error instanceof LogdError && error.code === 'corrupt' ? 'corrupt' : 'storage';
  return { kind: 'nack', code, message: messageOf(error), retryable: true };
};

const createGoInput = (options: GoInputOptions, spool: Spool): GoInput => {
  const { dir, stream, rawBytes, gapAfter, target, clock, emit } = options;
  const hours = new Map<string, Promise<Hour>>();
  const stop = new AbortController();
  const failed = Promise.withResolvers<Error>();
  const inFlight = new Set<Promise<void>>();
  const decoded = decodedPacks(rawBytes);
  const hoursInDay = countHours(options.zone);
  let cleanAt = clock.monotonic();

  const fail = (error: unknown): void => {
    if (!stop.signal.aborted) failed.resolve(error instanceof Error ? error : new Error(messageOf(error)));
  };

  const hourOf = (host: string, hour: string): Promise<Hour> => {
    const name = `${host}.${hour}`;
    const known = hours.get(name);
    if (known !== undefined) return known;
    const opened = openHourJournal(join(dir, 'hours', name)).then((journal): Hour => ({
      ...{
        key: { host, stream, hour },
        journal,
        held: new Map(),
        unanswered: 0,
        users: 0,
        usedAt: clock.monotonic(),
      },
      last: journal.isOver ? journal.entries.length : undefined,
      missingSince: undefined,
    }));
    hours.set(name, opened);
    return opened;
  };

  const take = async ({ host, hour, id, lines, done, body }: LoosePack): Promise<Answer> => {
    try {
      if (!isName(host)) throw new LogdError('name', 'The address cannot be used as a name of a host.');
      // What cannot be read must not be acknowledged.
      const raw = await decodeV1Body(body, rawBytes);
      const empty = { packs: id, lines, bytes: 0, sha256: '', hoursInDay: 24 };
      const ticket = await spool.append({
        header: {
          ...{ host, stream, hour, id, generation: 1, offset: 0, bytes: 0, lines, checksum: 0, sha256: '' },
          ...{ codec: 'none', time: clock.now(), ...(done && { done: empty }) },
        },
        body,
      });
      decoded.keep(ticket, raw);
      return { kind: 'ack' };
    } catch (error) {
      return refusal(error);
    }
  };

  /** Until the target has it, or refuses it for good. */
  const deliver = async (
    hour: Hour,
    entry: JournalEntry,
    raw: Buffer,
    given: SpooledPack | undefined,
  ): Promise<void> => {
    const header = headerOfEntry(entry, hour.key, given?.pack.header.time ?? clock.now());
    hour.unanswered++;
    for (;;) {
      // The target may free the body.
      const answer = await target({ header, body: Buffer.from(raw) });
      if (stop.signal.aborted) return;
      if (answer.kind === 'ack') break;
      if (!answer.retryable) {
        const reason = `${answer.code}: ${answer.message}`;
        const path = await keepRefused(join(dir, 'queue'), { header, body: raw }, reason, clock.now());
        emit('input.conflict', { ...hour.key, id: entry.id, reason, path });
        break;
      }
      await sleep(RETRY_MS, undefined, { signal: stop.signal }).catch(() => undefined);
      if (stop.signal.aborted) return;
    }
    hour.unanswered--;
    await hour.journal.sync();
    if (given !== undefined) spool.done(given.ticket);
    if (!hour.journal.isOver || hour.unanswered > 0) return;
    await hour.journal.drop();
    const { entries } = hour.journal;
    emit('input.hour-ended', { ...hour.key, packs: entries.length, lines: entries.at(-1)?.done ?? 0 });
  };

  const start = async (hour: Hour, job: Promise<void>): Promise<void> => {
    hour.users++;
    const running = job.catch(fail).finally(() => {
      hour.users--;
      inFlight.delete(running);
    });
    inFlight.add(running);
    if (inFlight.size >= IN_FLIGHT) await Promise.race(inFlight);
  };

  const addGap = async (hour: Hour, reason: string): Promise<void> => {
    const entry = await hour.journal.add(Buffer.alloc(0), { done: false, hoursInDay: 0, gap: true });
    emit('input.gap', { ...hour.key, id: entry.id, reason });
    await start(hour, deliver(hour, entry, Buffer.alloc(0), undefined));
  };

  /** Everything whose turn has come. */
  const advance = async (hour: Hour): Promise<void> => {
    for (;;) {
      const next = hour.journal.entries.length + 1;
      const given = hour.held.get(next);
      if (given === undefined) break;
      hour.held.delete(next);
      const raw = await decoded.take(given);
      const done = given.pack.header.done !== undefined;
      const entry = await hour.journal.add(raw, { done, hoursInDay: hoursInDay(hour.key.hour) });
      await start(hour, deliver(hour, entry, raw, given));
    }
    if (hour.held.size === 0 || hour.last === undefined) hour.missingSince = undefined;
    else hour.missingSince ??= clock.monotonic();
  };

  const repeat = async (hour: Hour, given: SpooledPack): Promise<void> => {
    const { id } = given.pack.header;
    const entry = hour.journal.entries[id - 1];
    const raw = entry && (await hour.journal.read(entry));
    if (entry === undefined || raw === undefined) {
      await decoded.take(given);
      if (hour.journal.isOver && entry === undefined) {
        await setAside(options, hour, given, `the hour ended with pack ${hour.journal.entries.length}`);
      }
      return spool.done(given.ticket);
    }
    const came = await decoded.take(given);
    if (!came.equals(raw)) {
      const reason = entry.gap ? 'it came after it had become a gap' : 'other lines are there under this id';
      await setAside(options, hour, given, reason);
      return spool.done(given.ticket);
    }
    await start(hour, deliver(hour, entry, raw, given));
  };

  const place = async (given: SpooledPack): Promise<void> => {
    const { host, hour: label, id, done } = given.pack.header;
    const hour = await hourOf(host, label);
    hour.usedAt = clock.monotonic();
    if (id <= hour.journal.entries.length || hour.journal.isOver) return repeat(hour, given);
    const before = hour.held.get(id);
    if (before !== undefined) {
      await decoded.take(given);
      spool.done(given.ticket);
    } else hour.held.set(id, given);
    if (done !== undefined) hour.last = Math.max(hour.last ?? 0, id);
    await advance(hour);
    while (hour.held.size > MOST_HELD) {
      await addGap(hour, `more than ${MOST_HELD} packs after it have come`);
      await advance(hour);
    }
  };

  const closeGaps = async (): Promise<void> => {
    for (const opened of hours.values()) {
      const hour = await opened;
      while (hour.missingSince !== undefined && clock.monotonic() - hour.missingSince > gapAfter) {
        await addGap(hour, `it is still missing ${gapAfter} ms after the last pack of the hour`);
        const since = hour.missingSince;
        await advance(hour);
        if (hour.missingSince !== undefined) hour.missingSince = since;
      }
    }
  };

  /** Memory and open files are for hours under way, not for each that ever was. */
  const closeIdle = async (): Promise<void> => {
    const now = clock.monotonic();
    for (const [name, opened] of hours) {
      const hour = await opened;
      if (!isIdle(hour, now)) continue;
      hours.delete(name);
      await hour.journal.close();
    }
    if (now < cleanAt) return;
    cleanAt = now + CLEAN_EVERY_MS;
    await removeOldLists(join(dir, 'hours'), clock.now() - LISTS_MS);
  };

  /** One thing at a time: ids of an hour are given out in order. */
  const run = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      const look = AbortSignal.any([stop.signal, AbortSignal.timeout(LOOK_EVERY_MS)]);
      const given = await spool.next(look).catch((error: unknown) => {
        if (look.aborted) return undefined;
        throw error;
      });
      if (given !== undefined) await place(given);
      await closeGaps();
      await closeIdle();
    }
  };
  const running = run().catch(fail);

  return {
    take,
    failed: failed.promise,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
      await spool[Symbol.asyncDispose]();
      await Promise.race([Promise.allSettled(inFlight), sleep(1000, undefined, { ref: false })]);
      for (const opened of hours.values())
        await opened.then(({ journal }) => journal.close()).catch(() => undefined);
    },
  };
};
