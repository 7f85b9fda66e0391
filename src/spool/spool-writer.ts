/**
 * The writing side of a spool: packs wait for room, and go to the disk in batches.
 *
 *   append ─▶ waiting ─ room? ─▶ batch ─ one write, one fsync ─▶ resolves
 *               └ full: told once, waits until packs are done, or the disk takes some again
 *
 * Invariants: append() resolves only after the fsync. What is done and not deleted yet takes no room: a pack that is alone is always taken.
 */
import { errnoOf, LogdError, messageOf } from '../error.ts';
import { fault } from '../fault/fault.ts';
import type { Pack } from '../pack/pack.ts';
import type { Clock } from '../telemetry/clock.ts';
import type { Emit } from '../telemetry/events.ts';
import { encodeRecordHead } from './record.ts';
import type { SpoolFile, SpoolTicket } from './spool-file.ts';
import type { SpoolFiles } from './spool-files.ts';

export interface SpoolLimits {
  readonly dir: string;
  /** Most bytes of all files together. */
  readonly bytes: number;
  /** Milliseconds that the oldest pack may wait while more are taken. */
  readonly age: number;
  readonly clock: Clock;
  readonly emit: Emit;
}

export type WhyFull = 'bytes' | 'age' | 'disk';

export interface SpoolWriter {
  append(pack: Pack): Promise<SpoolTicket>;
  /** Packs were done: there may be room again. */
  madeRoom(): void;
  /** Why it takes no packs at the moment. */
  full(): WhyFull | undefined;
  /** Those that wait are rejected. */
  close(): Promise<void>;
}

interface WaitingAppend {
  readonly bytes: number;
  readonly parts: readonly Buffer[];
  readonly resolve: (ticket: SpoolTicket) => void;
  readonly reject: (error: unknown) => void;
}

const BATCH_BYTES = 8 << 20;
/** A full disk is tried again after so long. */
const DISK_RETRY_MS = 1000;
/** The disk, a quota or a limit of the process has no room. */
const NO_ROOM: ReadonlySet<string | undefined> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

export const spoolFailure = (dir: string, error: unknown): LogdError =>
  new LogdError('storage', `Cannot write to the spool in ${dir}: ${messageOf(error)}.`, {
    retryable: true,
    cause: error,
  });

const closed = (): LogdError => new LogdError('closed', 'The spool was closed.', { retryable: true });

const writeAll = async (file: SpoolFile, buffers: readonly Buffer[], bytes: number): Promise<void> => {
  const { bytesWritten } = await file.handle.writev(buffers, file.size);
  if (bytesWritten < bytes) {
    const rest = Buffer.concat(buffers).subarray(bytesWritten);
    const more = await file.handle.write(rest, 0, rest.length, file.size + bytesWritten);
    if (more.bytesWritten < rest.length) throw new Error('The disk took only a part of what was written');
  }
};

/** How many of those that wait make the next batch, of at most so many bytes unless it is one; `why`: what stands against more. */
const countBatch = (
  waiting: readonly WaitingAppend[],
  most: number,
  whyFull: (bytes: number) => WhyFull | undefined,
): { readonly count: number; readonly why?: WhyFull | undefined } => {
  let bytes = 0;
  for (const [count, { bytes: more }] of waiting.entries()) {
    const why = whyFull(bytes + more);
    if (why !== undefined) return { count, why };
    if (count > 0 && bytes + more > most) return { count };
    bytes += more;
  }
  return { count: waiting.length };
};

/** Writes a batch to the end of a file, durably. */
const syncBatch = async (file: SpoolFile, batch: readonly WaitingAppend[]): Promise<void> => {
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
};

/** `onWritten` is called after each batch, whether it came to the disk or not. */
export const createSpoolWriter = (
  { dir, bytes: limit, age, clock, emit }: SpoolLimits,
  files: SpoolFiles,
  onWritten: () => void,
): SpoolWriter => {
  let waiting: WaitingAppend[] = [];
  let flushing: Promise<void> | undefined;
  let isClosed = false;
  let saidFull = false;
  /** Set while the disk is full, until it is tried again. */
  let diskTimer: NodeJS.Timeout | undefined;

  const whyFull = (more: number): WhyFull | undefined => {
    const since = files.oldest();
    if (since === undefined) return undefined;
    if (files.bytes() + more > limit) return 'bytes';
    return clock.now() - since > age ? 'age' : undefined;
  };

  const warnFull = (reason: WhyFull): void => {
    if (saidFull) return;
    saidFull = true;
    emit('spool.full', { dir, packs: files.packs(), bytes: files.bytes(), reason });
  };

  const takeBatch = (): WaitingAppend[] => {
    const { count, why } = countBatch(waiting, Math.min(BATCH_BYTES, limit), whyFull);
    if (count === 0 && why !== undefined) warnFull(why);
    return waiting.splice(0, count);
  };

  /** They keep their turn. Senders get no answer meanwhile, so their windows fill and they wait. */
  const waitForDisk = (batch: readonly WaitingAppend[]): void => {
    waiting = [...batch, ...waiting];
    warnFull('disk');
    diskTimer = setTimeout(tryDisk, DISK_RETRY_MS);
  };

  const tryDisk = (): void => {
    clearTimeout(diskTimer);
    diskTimer = undefined;
    flush();
  };

  const sayTaking = (): void => {
    if (!saidFull || diskTimer !== undefined || whyFull(limit >> 3) !== undefined) return;
    saidFull = false;
    emit('spool.taking-again', { dir });
  };

  const writeBatch = async (batch: readonly WaitingAppend[]): Promise<void> => {
    let file: SpoolFile | undefined;
    try {
      file = await files.roll();
      await syncBatch(file, batch);
      if (file.undone === 0) file.since = clock.now();
      for (const one of batch) {
        const at = file.size;
        file.size += one.bytes;
        file.undone++;
        one.resolve({ file: file.number, at });
      }
      sayTaking();
    } catch (error) {
      // Whatever reached the file is after its end and is cut off; nothing more is written to it.
      await file?.handle.truncate(file.size).catch(() => undefined);
      files.leaveCurrent();
      if (NO_ROOM.has(errnoOf(error))) waitForDisk(batch);
      else {
        emit('spool.failed', { dir, reason: messageOf(error) });
        for (const one of batch) one.reject(spoolFailure(dir, error));
      }
    }
    onWritten();
  };

  const sweep = (): void => files.sweep(flushing !== undefined || waiting.length > 0);

  const flush = (): void => {
    if (flushing !== undefined || diskTimer !== undefined || isClosed) return;
    const batch = takeBatch();
    if (batch.length === 0) return;
    flushing = writeBatch(batch).finally(() => {
      flushing = undefined;
      sweep();
      flush();
    });
  };

  return {
    append: (pack) =>
      new Promise((resolve, reject) => {
        if (isClosed) return reject(closed());
        const head = encodeRecordHead({ spooled: clock.now(), pack: pack.header }, pack.body);
        const parts = pack.body.length > 0 ? [head, pack.body] : [head];
        waiting.push({ bytes: head.length + pack.body.length, parts, resolve, reject });
        flush();
      }),
    madeRoom() {
      sweep();
      // A file may have gone: the disk may have room now.
      if (diskTimer !== undefined) return tryDisk();
      sayTaking();
      flush();
    },
    full() {
      if (diskTimer !== undefined) return 'disk';
      return waiting.length > 0 && flushing === undefined ? whyFull(waiting[0]!.bytes) : undefined;
    },
    async close() {
      isClosed = true;
      clearTimeout(diskTimer);
      await flushing;
      for (const one of waiting.splice(0)) one.reject(closed());
    },
  };
};
