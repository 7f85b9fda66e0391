/**
 * A durable queue of packs on disk, between receiving and sending of a relay.
 *
 *   <dir>/0000000012.spool   records in order of arrival, see record.ts; a new file every `fileBytes` and at each start
 *   <dir>/position           `{"file":12,"at":4096}`: everything before it is done. Replaced by rename, not fsynced
 *   <dir>/refused/           packs that the next hop refused for good, see refused.ts
 *
 *   append ─▶ waiting for room ─▶ batch ─ one write, one fsync ─▶ resolves (the relay acks)
 *                                            │
 *   next   ◀─ read position, oldest first ◀──┘        done ─▶ position moves, a finished file is deleted
 *
 * Invariants
 * - What append() resolved survives `kill -9` and power loss until done() was called for it.
 * - next() gives records in order of arrival, so packs of a segment leave as they came. A record that was given and not done comes
 *   again after a restart; the receiver of a pack drops repeats.
 * - Memory: the records that are given and not done, the batch on its way to the disk, and a few numbers for each file.
 * - The files together have at most `bytes`, and nothing is taken while the oldest record is older than `age`: append() waits.
 * Recovery: files before the position are deleted, the position's file is read from there; a torn end is cut off and told. Damage is told, and the
 * records after it still count. A lost or old
 * position repeats packs, which is harmless.
 */
import { readdir, readFile, rename, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LogdError, messageOf } from '../error.ts';
import { makeDirectory, syncDirectory } from '../disk/durable-directory.ts';
import { fault } from '../fault/fault.ts';
import type { Pack } from '../pack/pack.ts';
import type { Clock } from '../telemetry/clock.ts';
import type { Emit } from '../telemetry/events.ts';
import { encodeRecordHead, packOf } from './record.ts';
import {
  countRecords,
  donePosition,
  openSpoolFile,
  readRecord,
  type SpoolFile,
  surveySpoolFile,
} from './spool-file.ts';

export interface SpoolOptions {
  readonly dir: string;
  /** Most bytes of all files together. */
  readonly bytes: number;
  /** Milliseconds that the oldest pack may wait while more are taken. */
  readonly age: number;
  /** A file that has so many bytes is followed by a new one; an eighth of `bytes` at most. */
  readonly fileBytes?: number;
  readonly clock: Clock;
  readonly emit: Emit;
}

/** Names a record until it is done. */
export interface SpoolTicket {
  readonly file: number;
  readonly at: number;
}

export interface SpooledPack {
  readonly ticket: SpoolTicket;
  readonly pack: Pack;
  /** When the spool took it: Unix milliseconds. */
  readonly spooled: number;
}

export interface SpoolStatus {
  readonly packs: number;
  readonly bytes: number;
  readonly limit: number;
  /** Unix milliseconds; undefined when the spool is empty. */
  readonly oldest: number | undefined;
  /** Why it takes no packs at the moment. */
  readonly full: 'bytes' | 'age' | undefined;
}

export interface Spool extends AsyncDisposable {
  /** Resolves once the pack is durable. Waits while the spool is full. Rejects with `storage` (disk) or `closed`. */
  append(pack: Pack): Promise<SpoolTicket>;
  /** The oldest record that was not given yet; waits for one. Rejects when aborted. */
  next(signal: AbortSignal): Promise<SpooledPack>;
  /** The pack has been taken for good by someone else. */
  done(ticket: SpoolTicket): void;
  status(): SpoolStatus;
}

interface WaitingAppend {
  readonly pack: Pack;
  readonly bytes: number;
  readonly parts: readonly Buffer[];
  readonly resolve: (ticket: SpoolTicket) => void;
  readonly reject: (error: unknown) => void;
}

const FILE_BYTES = 32 << 20;
const BATCH_BYTES = 8 << 20;
/** The position is written at most so often: what was done since comes again after a crash. */
const POSITION_EVERY_MS = 200;
const NAME = /^(\d{10})\.spool$/;

const storage = (dir: string, error: unknown): LogdError =>
  new LogdError('storage', `Cannot write to the spool in ${dir}: ${messageOf(error)}.`, {
    retryable: true,
    cause: error,
  });

const readPosition = async (path: string): Promise<{ readonly file: number; readonly at: number }> => {
  try {
    const { file, at } = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
    if (Number.isSafeInteger(file) && Number.isSafeInteger(at)) return { file: Number(file), at: Number(at) };
  } catch {
    // None yet, or torn: everything that is there comes again.
  }
  return { file: 0, at: 0 };
};

/** Files as a start finds them, oldest first, with what is damaged told and what is done deleted. */
const recover = async (dir: string, emit: Emit): Promise<{ files: SpoolFile[]; last: number }> => {
  const position = await readPosition(join(dir, 'position'));
  const names = (await readdir(dir)).filter((name) => NAME.test(name)).sort();
  const files: SpoolFile[] = [];
  for (const [index, name] of names.entries()) {
    const path = join(dir, name);
    const number = Number(name.slice(0, 10));
    if (number < position.file) {
      await unlink(path);
      continue;
    }
    const file = await openSpoolFile(path, number, 'r+');
    const newest = index === names.length - 1;
    const rest = await surveySpoolFile(file, number === position.file ? position.at : 0, newest);
    if (rest > 0 && newest) {
      await file.handle.truncate(file.size);
      emit('spool.torn', { path, bytes: rest });
    } else if (rest > 0) emit('spool.damaged', { path, bytes: rest });
    if (file.undone > 0) files.push(file);
    else {
      await file.handle.close();
      await unlink(path);
    }
  }
  const numbers = names.map((name) => Number(name.slice(0, 10)));
  return { files, last: Math.max(position.file, ...numbers) };
};

/** Opens the spool, and makes its directory where there is none. Rejects with `storage`. */
export const openSpool = async (options: SpoolOptions): Promise<Spool> => {
  const { dir, clock, emit } = options;
  await makeDirectory(dir, 'spool.dir', 0o750);
  const { files, last } = await recover(dir, emit).catch((error: unknown) => {
    throw error instanceof LogdError ? error : storage(dir, error);
  });
  return createSpool(options, files, last, clock);
};

const createSpool = (options: SpoolOptions, files: SpoolFile[], last: number, clock: Clock): Spool => {
  const { dir, bytes: limit, age, emit } = options;
  const fileBytes = Math.max(1, Math.min(options.fileBytes ?? FILE_BYTES, Math.floor(limit / 8)));
  /** The file that is written to; always the last of `files`. None after a start: an old file is only read. */
  let current: SpoolFile | undefined;
  let number = last;
  let waiting: WaitingAppend[] = [];
  let flushing: Promise<void> | undefined;
  let reading: Promise<unknown> = Promise.resolve();
  /** Its handle is in use, so it is not deleted yet. */
  let beingRead: SpoolFile | undefined;
  let readers: (() => void)[] = [];
  let closed = false;
  let positionTimer: NodeJS.Timeout | undefined;
  let saidFull = false;

  const used = (): number => files.reduce((sum, { size }) => sum + size, 0);
  const packs = (): number => files.reduce((sum, { undone }) => sum + undone, 0);
  const oldest = (): number | undefined => files.find(({ undone }) => undone > 0)?.since;

  const whyFull = (more: number): 'bytes' | 'age' | undefined => {
    const since = oldest();
    // What is done and not deleted yet takes no room: a pack that is alone is always taken.
    if (since === undefined) return undefined;
    if (used() + more > limit) return 'bytes';
    return clock.now() - since > age ? 'age' : undefined;
  };

  const warnFull = (why: 'bytes' | 'age'): void => {
    if (saidFull) return;
    saidFull = true;
    emit('spool.full', { dir, packs: packs(), bytes: used(), reason: why });
  };

  const writePosition = async (): Promise<void> => {
    const first = files[0];
    const at =
      first === undefined ? { file: number + 1, at: 0 } : { file: first.number, at: donePosition(first) };
    const path = join(dir, 'position');
    // A failure costs repeats after the next start, nothing more.
    await writeFile(`${path}~`, JSON.stringify(at))
      .then(() => rename(`${path}~`, path))
      .catch(() => undefined);
  };

  const schedulePosition = (): void => {
    positionTimer ??= setTimeout(() => {
      positionTimer = undefined;
      void writePosition();
    }, POSITION_EVERY_MS).unref();
  };

  const drop = (file: SpoolFile): void => {
    files.splice(files.indexOf(file), 1);
    if (current === file) current = undefined;
    void file.handle
      .close()
      .then(() => unlink(file.path))
      .catch(() => undefined);
  };

  /** Deletes files of which everything is done; the one that is being written to only between two batches. */
  const sweep = (): void => {
    const isWritten = flushing !== undefined || waiting.length > 0;
    for (const file of [...files])
      if (
        file.undone === 0 &&
        file !== beingRead &&
        !(file === current && isWritten && file.size < fileBytes)
      )
        drop(file);
  };

  const roll = async (): Promise<SpoolFile> => {
    if (current !== undefined && current.size < fileBytes) return current;
    const path = join(dir, `${String(++number).padStart(10, '0')}.spool`);
    const file = await openSpoolFile(path, number, 'wx+');
    try {
      await syncDirectory(dir);
    } catch (error) {
      await file.handle.close();
      throw error;
    }
    files.push(file);
    current = file;
    return file;
  };

  const takeBatch = (): WaitingAppend[] => {
    let bytes = 0;
    let count = 0;
    for (const { bytes: more } of waiting) {
      const why = whyFull(bytes + more);
      if (why !== undefined) {
        if (count === 0) warnFull(why);
        break;
      }
      if (count > 0 && bytes + more > Math.min(BATCH_BYTES, limit)) break;
      bytes += more;
      count++;
    }
    return waiting.splice(0, count);
  };

  const writeAll = async (file: SpoolFile, buffers: readonly Buffer[], bytes: number): Promise<void> => {
    const { bytesWritten } = await file.handle.writev(buffers, file.size);
    if (bytesWritten < bytes) {
      const rest = Buffer.concat(buffers).subarray(bytesWritten);
      const more = await file.handle.write(rest, 0, rest.length, file.size + bytesWritten);
      if (more.bytesWritten < rest.length) throw new Error('The disk took only a part of what was written');
    }
  };

  const writeBatch = async (batch: readonly WaitingAppend[]): Promise<void> => {
    let file: SpoolFile | undefined;
    try {
      file = await roll();
      const bytes = batch.reduce((sum, one) => sum + one.bytes, 0);
      fault('spool.before-write');
      await writeAll(
        file,
        batch.flatMap(({ parts }) => parts),
        bytes,
      );
      fault('spool.before-sync');
      await file.handle.datasync();
      fault('spool.after-sync');
      if (file.undone === 0) file.since = clock.now();
      for (const one of batch) {
        const at = file.size;
        file.size += one.bytes;
        file.undone++;
        one.resolve({ file: file.number, at });
      }
    } catch (error) {
      // Whatever reached the file is behind its end and is cut off; nothing more is written to it.
      await file?.handle.truncate(file.size).catch(() => undefined);
      current = undefined;
      emit('spool.failed', { dir, reason: messageOf(error) });
      for (const one of batch) one.reject(storage(dir, error));
    }
    for (const wake of readers.splice(0)) wake();
  };

  const flush = (): void => {
    if (flushing !== undefined || closed) return;
    const batch = takeBatch();
    if (batch.length === 0) return;
    flushing = writeBatch(batch).finally(() => {
      flushing = undefined;
      sweep();
      flush();
    });
  };

  const finish = (file: SpoolFile): void => {
    file.undone--;
    sweep();
    schedulePosition();
    if (saidFull && whyFull(limit >> 3) === undefined) {
      saidFull = false;
      emit('spool.taking-again', { dir });
    }
    flush();
  };

  /** Records were damaged after they had been counted. */
  const recount = async (file: SpoolFile): Promise<void> => {
    const left = await countRecords(file, file.readAt);
    file.undone = file.unanswered.size + left - file.doneAhead.size + 1;
    finish(file);
  };

  /** One record on; undefined when everything durable was given. */
  const readNext = async (): Promise<SpooledPack | undefined> => {
    for (const file of [...files]) {
      while (file.readAt < file.size && files.includes(file)) {
        const at = file.readAt;
        beingRead = file;
        const record = await readRecord(file.handle, at, file.size, true);
        beingRead = undefined;
        if (record === undefined) break;
        file.readAt += record.bytes;
        if (file.doneAhead.delete(at)) {
          sweep();
          continue;
        }
        file.unanswered.add(at);
        if (record.header === undefined) {
          emit('spool.damaged', { path: file.path, bytes: record.bytes });
          file.unanswered.delete(at);
          if (!file.damage.delete(at)) await recount(file);
        } else if (record.body === undefined) {
          const { host, stream, hour, id } = record.header.pack;
          emit('spool.pack-damaged', { host, stream, hour, id, path: file.path });
          file.unanswered.delete(at);
          finish(file);
        } else {
          if (file.unanswered.size === 1) file.since = record.header.spooled;
          const { spooled } = record.header;
          return { ticket: { file: file.number, at }, pack: packOf(record.header, record.body), spooled };
        }
      }
    }
    return undefined;
  };

  const takeNext = async (signal: AbortSignal): Promise<SpooledPack> => {
    for (;;) {
      signal.throwIfAborted();
      if (closed) throw new LogdError('closed', 'The spool was closed.');
      const record = await readNext();
      if (record !== undefined) return record;
      const woken = Promise.withResolvers<void>();
      const wake = (): void => woken.resolve();
      readers.push(wake);
      signal.addEventListener('abort', wake, { once: true });
      await woken.promise;
      signal.removeEventListener('abort', wake);
    }
  };

  return {
    append: (pack) =>
      new Promise((resolve, reject) => {
        if (closed) return reject(new LogdError('closed', 'The spool was closed.', { retryable: true }));
        const head = encodeRecordHead({ spooled: clock.now(), pack: pack.header }, pack.body);
        const parts = pack.body.length > 0 ? [head, pack.body] : [head];
        waiting.push({ pack, bytes: head.length + pack.body.length, parts, resolve, reject });
        flush();
      }),
    next(signal) {
      const record = reading.then(() => takeNext(signal));
      reading = record.catch(() => undefined);
      return record;
    },
    done(ticket) {
      const file = files.find((one) => one.number === ticket.file);
      if (file === undefined) return;
      if (file.unanswered.delete(ticket.at)) finish(file);
      else if (ticket.at >= file.readAt && !file.doneAhead.has(ticket.at)) {
        file.doneAhead.add(ticket.at);
        finish(file);
      }
    },
    status: () => ({
      ...{ packs: packs(), bytes: used(), limit, oldest: oldest() },
      full: waiting.length > 0 && flushing === undefined ? whyFull(waiting[0]!.bytes) : undefined,
    }),
    async [Symbol.asyncDispose]() {
      closed = true;
      clearTimeout(positionTimer);
      await flushing;
      for (const one of waiting.splice(0))
        one.reject(new LogdError('closed', 'The spool was closed.', { retryable: true }));
      for (const wake of readers.splice(0)) wake();
      await reading;
      await writePosition();
      for (const { handle } of files) await handle.close().catch(() => undefined);
    },
  };
};
