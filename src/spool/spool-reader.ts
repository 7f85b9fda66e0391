/**
 * The reading side of a spool: records in order of arrival, each once until the next start. Damage is told, and what it hits counts as done.
 */
import { LogdError } from '../error.ts';
import type { Emit } from '../telemetry/events.ts';
import { packOf } from './record.ts';
import {
  countRecords,
  readRecord,
  type SpooledPack,
  type SpoolFile,
  type SpoolTicket,
} from './spool-file.ts';
import type { SpoolFiles } from './spool-files.ts';

export interface SpoolReader {
  next(signal: AbortSignal): Promise<SpooledPack>;
  done(ticket: SpoolTicket): void;
  /** There may be more to read. */
  wake(): void;
  close(): Promise<void>;
}

/** `onDone` is called when a record, or a damaged part, is done. */
export const createSpoolReader = (files: SpoolFiles, emit: Emit, onDone: () => void): SpoolReader => {
  let reading: Promise<unknown> = Promise.resolve();
  let sleepers: (() => void)[] = [];
  let isClosed = false;

  const finish = (file: SpoolFile): void => {
    file.undone--;
    onDone();
  };

  /** Records were damaged after they had been counted. */
  const recount = async (file: SpoolFile): Promise<void> => {
    const left = await countRecords(file, file.readAt);
    file.undone = file.unanswered.size + left - file.doneAhead.size + 1;
    finish(file);
  };

  /** The record at the read position of a file, which moves on; undefined where there is nothing to give. */
  const readOne = async (file: SpoolFile): Promise<SpooledPack | 'nothing' | 'end'> => {
    const at = file.readAt;
    files.reading(file);
    const record = await readRecord(file.handle, at, file.size, true);
    if (record === undefined) return 'end';
    file.readAt += record.bytes;
    if (file.doneAhead.delete(at)) return 'nothing';
    if (record.header === undefined) {
      emit('spool.damaged', { path: file.path, bytes: record.bytes });
      if (!file.damage.delete(at)) await recount(file);
      return 'nothing';
    }
    const { spooled, pack } = record.header;
    if (record.body === undefined) {
      const { host, stream, hour, id } = pack;
      emit('spool.pack-damaged', { host, stream, hour, id, path: file.path });
      finish(file);
      return 'nothing';
    }
    file.unanswered.add(at);
    if (file.unanswered.size === 1) file.since = spooled;
    return { ticket: { file: file.number, at }, pack: packOf(record.header, record.body), spooled };
  };

  /** One record on; undefined when everything durable was given. */
  const readNext = async (): Promise<SpooledPack | undefined> => {
    for (const file of [...files.all()])
      while (file.readAt < file.size && files.has(file)) {
        const found = await readOne(file).finally(() => files.reading(undefined));
        if (found === 'end') break;
        if (found !== 'nothing') return found;
        // What was kept while it was read may go.
        onDone();
      }
    return undefined;
  };

  const takeNext = async (signal: AbortSignal): Promise<SpooledPack> => {
    for (;;) {
      signal.throwIfAborted();
      if (isClosed) throw new LogdError('closed', 'The spool was closed.');
      const record = await readNext();
      if (record !== undefined) return record;
      const woken = Promise.withResolvers<void>();
      const wake = (): void => woken.resolve();
      sleepers.push(wake);
      signal.addEventListener('abort', wake, { once: true });
      await woken.promise;
      signal.removeEventListener('abort', wake);
    }
  };

  const wakeAll = (): void => {
    for (const wake of sleepers.splice(0)) wake();
  };

  return {
    next(signal) {
      const record = reading.then(() => takeNext(signal));
      reading = record.catch(() => undefined);
      return record;
    },
    done({ file: number, at }) {
      const file = files.find(number);
      if (file === undefined) return;
      if (file.unanswered.delete(at)) finish(file);
      else if (at >= file.readAt && !file.doneAhead.has(at)) {
        file.doneAhead.add(at);
        finish(file);
      }
    },
    wake: wakeAll,
    async close() {
      isClosed = true;
      wakeAll();
      await reading;
    },
  };
};
