/**
 * One hour of one address as it came from the Go system, in order of pack ids.
 *
 *   <dir>/<host>.<hour>        the raw lines, end to end; deleted once the hour is over and everything of it was taken
 *   <dir>/<host>.<hour>.packs  one JSON line for each pack in the journal: {"id","offset","bytes","lines","checksum","sha256","done"?,"hoursInDay"?,"gap"?}
 *
 * Invariant: the n-th line is pack n, so the line count is the highest id, and `offset + bytes` of the last is the journal's length.
 * Recovery: a line without newline is torn and cut off, so are bytes of the journal beyond the last line. Their packs are still in
 * the queue in front (see go-input.ts) and give the same lines at the same place again.
 */
import { type FileHandle, open, readFile, stat, unlink } from 'node:fs/promises';
import { type RunningDigest, runningDigest } from '../../pack/digest.ts';
import type { PackHeader } from '../../pack/pack.ts';
import { survey } from '../../pack/survey.ts';

export interface JournalEntry {
  readonly id: number;
  readonly offset: number;
  readonly bytes: number;
  readonly lines: number;
  readonly checksum: number;
  readonly sha256: string;
  /** The hour is over with this pack; lines of the whole hour. */
  readonly done?: number;
  /** With `done`: hours of its day. */
  readonly hoursInDay?: number;
  /** It never came. */
  readonly gap?: true;
}

export interface HourJournal {
  readonly entries: readonly JournalEntry[];
  readonly isOver: boolean;
  /** Adds the next pack in order; not durable before sync(). */
  add(
    raw: Buffer,
    options: { readonly done: boolean; readonly hoursInDay: number; readonly gap?: true },
  ): Promise<JournalEntry>;
  /** The raw bytes of an earlier pack; undefined when the journal is deleted. */
  read(entry: JournalEntry): Promise<Buffer | undefined>;
  sync(): Promise<void>;
  /** Deletes the raw lines; the list of packs stays, so that repeats are known. */
  drop(): Promise<void>;
  close(): Promise<void>;
}

const CHUNK = 1 << 20;

const digestUpTo = async (data: FileHandle, length: number): Promise<RunningDigest> => {
  const digest = runningDigest();
  const buffer = Buffer.allocUnsafeSlow(CHUNK);
  for (let at = 0; at < length;) {
    const { bytesRead } = await data.read(buffer, 0, Math.min(CHUNK, length - at), at);
    if (bytesRead === 0) throw new Error('The journal of an hour is shorter than its list of packs says');
    digest.update(buffer.subarray(0, bytesRead));
    at += bytesRead;
  }
  return digest;
};

const readEntries = async (path: string): Promise<{ entries: JournalEntry[]; length: number }> => {
  const text = await readFile(path, 'utf8').catch(() => '');
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  const entries = whole
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as JournalEntry);
  return { entries, length: Buffer.byteLength(whole) };
};

/** Opens the journal of an hour, or begins it. */
export const openHourJournal = async (path: string): Promise<HourJournal> => {
  const { entries, length } = await readEntries(`${path}.packs`);
  const list = await open(`${path}.packs`, 'a');
  await list.truncate(length);
  const last = (): JournalEntry | undefined => entries.at(-1);
  const end = (): number => (last()?.offset ?? 0) + (last()?.bytes ?? 0);
  const isOver = (): boolean => last()?.done !== undefined;
  const isDropped =
    isOver() &&
    !(await stat(path).then(
      () => true,
      () => false,
    ));
  let data: FileHandle | undefined = isDropped
    ? undefined
    : await open(path, entries.length === 0 ? 'w+' : 'r+');
  await data?.truncate(end());
  let digest = data === undefined ? runningDigest() : await digestUpTo(data, end());
  let lines = entries.reduce((sum, entry) => sum + entry.lines, 0);

  return {
    entries,
    get isOver() {
      return isOver();
    },
    async add(raw, { done, hoursInDay, gap }) {
      const seen = survey(raw);
      const next = digest.fork();
      next.update(raw);
      const entry: JournalEntry = {
        ...{ id: entries.length + 1, offset: end(), bytes: raw.length, ...seen, sha256: next.hex() },
        ...(done && { done: lines + seen.lines, hoursInDay }),
        ...(gap && { gap }),
      };
      if (raw.length > 0) await data?.write(raw, 0, raw.length, entry.offset);
      await list.appendFile(`${JSON.stringify(entry)}\n`);
      digest = next;
      lines += seen.lines;
      entries.push(entry);
      return entry;
    },
    async read({ offset, bytes }) {
      if (data === undefined) return undefined;
      const raw = Buffer.allocUnsafeSlow(bytes);
      const { bytesRead } = await data.read(raw, 0, bytes, offset);
      return bytesRead === bytes ? raw : undefined;
    },
    async sync() {
      await data?.datasync();
      await list.datasync();
    },
    async drop() {
      await data?.close();
      data = undefined;
      await unlink(path).catch(() => undefined);
    },
    async close() {
      await data?.close();
      await list.close();
    },
  };
};

/** The pack of an entry, as it goes to the sink or the next hop. */
export const headerOfEntry = (
  entry: JournalEntry,
  key: { readonly host: string; readonly stream: string; readonly hour: string },
  time: number,
): PackHeader => {
  // A list of an earlier version does not have it.
  const { id, offset, bytes, lines, checksum, sha256, done, hoursInDay = 24, gap } = entry;
  return {
    ...key,
    ...{ id, generation: 1, offset, bytes, lines, checksum, sha256, codec: 'none', time },
    ...(done !== undefined && {
      done: { packs: id, lines: done, bytes: offset + bytes, sha256, hoursInDay },
    }),
    ...(gap && { lost: { reason: 'source-vanished', bytes: 0 } }),
  };
};
