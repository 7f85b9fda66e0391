/**
 * The writing side of a spool: packs wait for room, and go to the disk in batches.
 *
 *   append ─▶ waiting ─ room? ─▶ batch ─ one write, one fsync ─▶ resolves
 *               └ full: told once, waits until packs are done
 *
 * Invariants: append() resolves only after the fsync. What is done and not deleted yet takes no room: a pack that is alone is always taken.
 */
import { LogdError, messageOf } from '../error.ts';
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

export type WhyFull = 'bytes' | 'age';

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

  const sync = async (file: SpoolFile, batch: readonly WaitingAppend[]): Promise<void> => {
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

  const writeBatch = async (batch: readonly WaitingAppend[]): Promise<void> => {
    let file: SpoolFile | undefined;
    try {
      file = await files.roll();
      await sync(file, batch);
      if (file.undone === 0) file.since = clock.now();
      for (const one of batch) {
        const at = file.size;
        file.size += one.bytes;
        file.undone++;
        one.resolve({ file: file.number, at });
      }
    } catch (error) {
      // Whatever reached the file is after its end and is cut off; nothing more is written to it.
      await file?.handle.truncate(file.size).catch(() => undefined);
      files.leaveCurrent();
      emit('spool.failed', { dir, reason: messageOf(error) });
      for (const one of batch) one.reject(spoolFailure(dir, error));
    }
    onWritten();
  };

  const sweep = (): void => files.sweep(flushing !== undefined || waiting.length > 0);

  const flush = (): void => {
    if (flushing !== undefined || isClosed) return;
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
      if (saidFull && whyFull(limit >> 3) === undefined) {
        saidFull = false;
        emit('spool.taking-again', { dir });
      }
      flush();
    },
    full: () => (waiting.length > 0 && flushing === undefined ? whyFull(waiting[0]!.bytes) : undefined),
    async close() {
      isClosed = true;
      await flushing;
      for (const one of waiting.splice(0)) one.reject(closed());
    },
  };
};
