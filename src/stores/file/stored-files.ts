/**
 * The files of a store that are being written: open handles, ends, and what is not yet durable.
 *
 * Invariants
 * - Jobs on one segment run one after another.
 * - `unflushed` holds every file that was written to since the last flush began; only a flush takes files out.
 * - After fsync has failed nothing is known of what was written since the one before: a failed fsync is reported once, and
 *   the kernel may drop the pages. The handle is closed, the end goes back to `durableEnd`, a write that was under way
 *   fails (`era`), and one that had finished makes the next flush fail, too (`doomed`).
 * - After a failure all is forgotten. What the ledger had of a segment when a write was asked for may be less than it has now, so a write
 *   of an earlier era changes nothing: it must not cut a file back to that.
 * - Nothing is flushed into a file that somebody took away: it is looked at before its first write behind a flush, and
 *   behind its fsync. So it costs two looks a flush, however many packs that has.
 * - A file that nobody uses and that is closed and durable rests: only its end and its identity are kept (resting-files.ts).
 * - A file is cut to nothing on its first opening when nobody has recovered it, its pack is of generation 1 and the file is not
 *   sealed (read-only): the ledger knows nothing of such a segment. Whatever else is found is kept, and written behind.
 */
import { chmod, constants, type FileHandle } from 'node:fs/promises';
import { openOwnFile, statOwnFile } from '../../disk/no-links.ts';
import { fault } from '../../fault/fault.ts';
import { systemClock } from '../../telemetry/clock.ts';
import { segmentName, type SegmentKey } from '../../pack/pack.ts';
import type { Aside } from './aside.ts';
import type { Directories } from './directories.ts';
import { createFileSteps } from './file-steps.ts';
import { bytesMissing, type Identity, isSame, replaced } from './presence.ts';
import { restingFiles } from './resting-files.ts';
import { newFile, reopenedMode, storageError, type StoredFile, WRITABLE } from './stored-file.ts';
import { inTurn } from './turn.ts';

/**
 * The files below a directory; at most `mostOpen` of them are open to be written to. A job that finds all of them in use waits for room,
 * and while one waits each job closes its file at its end, so that busy files keep nobody out.
 */
export class StoredFiles {
  readonly #directories: Directories;
  readonly #locate: (key: SegmentKey) => Promise<string>;
  readonly #mostOpen: number;
  readonly #aside: Aside;
  readonly #doubt: (name: string) => void;
  readonly steps = createFileSteps(systemClock);
  readonly #files = new Map<string, StoredFile>();
  readonly #resting = restingFiles();
  /** Least recently used first. */
  readonly #open = new Set<StoredFile>();
  #unflushed = new Set<StoredFile>();
  /** Counts the flushes. A file is looked at before its first write in a round, and when that is synced. */
  #round = 0;
  readonly #flushTurn = inTurn();
  /** Files that are about to be opened. */
  #entering = 0;
  /** Whoever is the first in line is woken when a file may have become idle. */
  #waiting: (() => void) | undefined;
  readonly #roomTurn = inTurn();

  constructor(
    directories: Directories,
    locate: (key: SegmentKey) => Promise<string>,
    mostOpen: number,
    aside: Aside,
    doubt: (name: string) => void = () => undefined,
  ) {
    this.#directories = directories;
    this.#locate = locate;
    this.#mostOpen = mostOpen;
    this.#aside = aside;
    this.#doubt = doubt;
  }

  /** Runs a job on the segment's file when those before it are done. It gets the file's era as of this call. */
  async exclusive<T>(key: SegmentKey, job: (file: StoredFile, era: number) => Promise<T>): Promise<T> {
    const file = this.#file(segmentName(key));
    const { era } = file;
    file.users++;
    try {
      return await file.turn(async () => {
        if (file.path === '') file.path = await this.#placeOf(key);
        const result = await job(file, era);
        if (this.#waiting !== undefined && file.handle !== undefined) await this.#closeForOthers(file);
        return result;
      });
    } finally {
      file.users--;
      this.#entered(file);
      this.#wake();
      this.#rest(file);
    }
  }

  /** Keeps no more of a file than is needed. */
  #rest(file: StoredFile): void {
    const { name, known, users, handle, doomed, end, durableEnd, identity } = file;
    if (users > 0) return;
    if (known && (handle !== undefined || doomed || end !== durableEnd || this.#unflushed.has(file))) return;
    this.#files.delete(name);
    if (known) this.#resting.put(name, { end, identity }, this.#round);
  }

  async #placeOf(key: SegmentKey): Promise<string> {
    const path = await this.#locate(key);
    await this.#directories.check(path);
    return path;
  }

  /** Waits until the file may be open. Only inside {@link exclusive}, and before {@link confirm}: a file changes while one waits. */
  async room(file: StoredFile): Promise<void> {
    if (file.handle !== undefined || file.entering) return;
    await this.#roomTurn(async () => {
      while (this.#open.size + this.#entering >= this.#mostOpen) {
        // One that could not be synced stays open, and is closed when it is met again.
        const idle = [...this.#open].find(({ users }) => users === 0);
        if (idle === undefined) await new Promise<void>((resolve) => (this.#waiting = resolve));
        else await this.#closeIdle(idle);
      }
      file.entering = true;
      this.#entering++;
    });
  }

  #entered(file: StoredFile): void {
    if (!file.entering) return;
    file.entering = false;
    this.#entering--;
  }

  #wake(): void {
    const resume = this.#waiting;
    this.#waiting = undefined;
    resume?.();
  }

  #file(name: string): StoredFile {
    const used = this.#files.get(name);
    if (used !== undefined) return used;
    const file = newFile(name);
    const rested = this.#resting.take(name);
    if (rested !== undefined) this.learn(file, rested.end, rested.identity);
    this.#files.set(name, file);
    return file;
  }

  /**
   * Rejects with a retryable `corrupt` unless all that was stored is there, in the file that it was written to. Another file is doubted,
   * and not known any more: it is to be held against the ledger. Only inside {@link exclusive}.
   */
  async confirm(file: StoredFile): Promise<void> {
    if (!file.known || (file.handle !== undefined && file.seenIn === this.#round)) return;
    const round = this.#round;
    const found = await this.steps.look(file.path);
    const { identity, end, name, path, handle } = file;
    const isSameFile = found !== undefined && (identity === undefined || isSame(found, identity));
    const isShort = found === undefined ? end > 0 : found.size < end;
    if (isSameFile && !isShort) {
      file.seenIn = round;
      return;
    }
    const error = isShort
      ? bytesMissing(path, name, found?.size, end, isSameFile ? undefined : handle?.fd)
      : replaced(path, name);
    this.#doubt(name);
    // A file that is gone from its path stays open: what is in it may be copied, and it may come back as itself.
    if (isShort && !isSameFile) throw error;
    // Whatever is not synced went where nobody finds it.
    if (handle !== undefined) this.#fail(file, true);
    if (end === 0) file.identity = undefined;
    else {
      this.learn(file, undefined);
      throw error;
    }
  }

  /** Rejects what was asked for before an fsync failed or all was forgotten: what it knows of the segment may not be so any more. */
  current(file: StoredFile, era: number): void {
    if (file.era !== era)
      throw storageError(
        'store',
        file.path,
        new Error('something before it could not be made durable, or not be recorded'),
      );
  }

  /** The file's handle, open for writing. Only inside {@link exclusive}, and behind {@link room} and {@link confirm}. */
  async writable(file: StoredFile, generation: number, era: number): Promise<FileHandle> {
    const handle = file.handle ?? (await this.#openFile(file, generation, era));
    this.#open.delete(file);
    this.#open.add(file);
    this.#entered(file);
    return handle;
  }

  async #closeIdle(file: StoredFile): Promise<void> {
    file.users++;
    try {
      await file.turn(() => this.#closeForOthers(file));
    } finally {
      file.users--;
      this.#rest(file);
    }
  }

  async #closeForOthers(file: StoredFile): Promise<void> {
    try {
      await this.release(file);
    } catch {
      // The file is doomed now: the next flush says so.
    }
  }

  async #openFile(file: StoredFile, generation: number, era: number): Promise<FileHandle> {
    await this.#directories.prepare(file.path);
    const found = await statOwnFile(file.path);
    const isSealed = found !== undefined && (found.mode & WRITABLE) === 0;
    const isUnknown = isSealed && !file.known && generation === 1;
    if (isUnknown) await this.#aside.put(file.path);
    const before = isUnknown ? undefined : found;
    const sealed = before !== undefined && isSealed;
    if (sealed) await chmod(file.path, reopenedMode(before.mode));
    const handle = await openOwnFile(file.path, constants.O_RDWR | constants.O_CREAT);
    try {
      this.current(file, era);
      if (!file.known) {
        const unknown = before !== undefined && before.size > 0 && !sealed && generation === 1;
        if (unknown) await handle.truncate(0);
        file.end = file.durableEnd = unknown ? 0 : (before?.size ?? 0);
        file.known = true;
      }
      const { dev, ino } = await handle.stat();
      file.identity = { dev, ino };
    } catch (error) {
      await handle.close();
      throw error;
    }
    file.handle = handle;
    return handle;
  }

  /** Notes that bytes were written, up to `end`. `era` is the file's as it was before. Only inside {@link exclusive}. */
  wrote(file: StoredFile, end: number, era: number): void {
    this.current(file, era);
    file.end = end;
    file.dirty = true;
    this.#unflushed.add(file);
  }

  /** Makes what is written durable, closes the handle. Only inside {@link exclusive}. */
  async release(file: StoredFile): Promise<void> {
    await this.#sync(file, false);
    const handle = file.handle;
    file.handle = undefined;
    this.#open.delete(file);
    await handle?.close();
  }

  /** Takes over what recovery or sealing has found out; undefined: the file is to be looked at again. */
  learn(file: StoredFile, end: number | undefined, identity?: Identity): void {
    file.known = end !== undefined;
    file.end = file.durableEnd = end ?? 0;
    file.identity = identity;
  }

  /** See `Store.flush`. */
  flush(): Promise<void> {
    return this.#flushTurn(async () => {
      const files = [...this.#unflushed];
      this.#unflushed = new Set();
      this.#round++;
      const results = await Promise.allSettled([
        ...files.map((file) => this.#sync(file, true)),
        this.#directories.flush(),
      ]);
      for (const result of results)
        if (result.status === 'rejected') throw storageError('make durable', 'the packs', result.reason);
      if (files.length > 0) fault('sink.after-sync');
    });
  }

  /** See `Store.forget`. Every file is looked at again before it is written again. */
  forget(): void {
    this.#resting.clear();
    for (const file of this.#files.values()) {
      file.dirty = false;
      this.#fail(file, true);
      file.doomed = false;
      this.learn(file, undefined);
      if (file.users === 0) this.#files.delete(file.name);
    }
    this.#unflushed = new Set();
  }

  /** `told`: whoever waits for the flush hears of a failure; else the next flush has to fail. */
  async #sync(file: StoredFile, told: boolean): Promise<void> {
    file.users++;
    try {
      await file.syncTurn(() => this.#syncNow(file, told));
    } finally {
      file.users--;
      this.#wake();
      this.#rest(file);
    }
  }

  async #syncNow(file: StoredFile, told: boolean): Promise<void> {
    const { doomed, dirty, end, handle, identity, era } = file;
    if (told) file.doomed = false;
    if (dirty && handle !== undefined) {
      file.dirty = false;
      let isSynced = false;
      try {
        fault('sink.before-sync');
        await this.steps.sync(handle);
        isSynced = true;
        const found = await this.steps.look(file.path);
        if (found === undefined || identity === undefined || !isSame(found, identity))
          throw new Error('it was removed or replaced while it was written');
        // Not when all was forgotten meanwhile.
        if (file.era === era) file.durableEnd = end;
      } catch (error) {
        // A file that is only not at its path any more stays open: what is in it may be copied.
        if (isSynced) this.#undo(file, told);
        else this.#fail(file, told);
        throw storageError('make durable', file.path, error);
      }
    }
    if (doomed && told) throw storageError('make durable', file.path, new Error('an earlier fsync failed'));
  }

  /** What was written and is not durable was never written. */
  #undo(file: StoredFile, told: boolean): void {
    file.era++;
    file.doomed ||= file.dirty || !told;
    if (file.doomed) this.#unflushed.add(file);
    file.end = file.durableEnd;
    file.dirty = false;
  }

  #fail(file: StoredFile, told: boolean): void {
    this.#undo(file, told);
    this.#open.delete(file);
    file.handle?.close().catch(() => undefined);
    file.handle = undefined;
  }

  /** Closes all handles. */
  async close(): Promise<void> {
    const files = [...this.#open];
    this.#open.clear();
    await Promise.all(files.map(async (file) => file.handle?.close()));
  }
}
