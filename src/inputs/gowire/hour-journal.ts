/**
 * One hour of one address as it came from the Go system, in order of pack ids.
 *
 *   <dir>/<host>.<hour>        the raw lines, end to end; deleted once the hour is over and everything of it was taken
 *   <dir>/<host>.<hour>.packs  one JSON line for each pack in the journal: {"id","offset","bytes","lines","checksum","sha256","done"?,"hoursInDay"?,"gap"?}
 *
 * Invariant: the n-th line is pack n, so the line count is the highest id, and `offset + bytes` of the last is the journal's length.
 * Recovery: the list ends before its first line that is torn, or whose bytes are not in the journal (the digest tells); what is beyond is cut
 * off. Their packs are still in the queue in front (see go-input.ts) and give the same lines at the same place again.
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

/** One run at a time: calls while one is under way share the next. */
const together = (run: () => Promise<void>): (() => Promise<void>) => {
  let running: Promise<void> = Promise.resolve();
  let next: Promise<void> | undefined;
  return () =>
    (next ??= running
      .catch(() => undefined)
      .then(() => {
        next = undefined;
        return (running = run());
      }));
};

const writeAll = async (data: FileHandle | undefined, raw: Buffer, at: number): Promise<void> => {
  if (data === undefined || raw.length === 0) return;
  const { bytesWritten } = await data.write(raw, 0, raw.length, at);
  if (bytesWritten < raw.length) throw new Error('The disk took only a part of what was written');
};

/** Takes the bytes of one entry into the digest; false where they are not what the entry says. */
const proves = async (data: FileHandle, digest: RunningDigest, entry: JournalEntry): Promise<boolean> => {
  const buffer = Buffer.allocUnsafeSlow(Math.min(CHUNK, entry.bytes));
  for (let at = 0; at < entry.bytes;) {
    const { bytesRead } = await data.read(buffer, 0, Math.min(CHUNK, entry.bytes - at), entry.offset + at);
    if (bytesRead === 0) return false;
    digest.update(buffer.subarray(0, bytesRead));
    at += bytesRead;
  }
  return digest.hex() === entry.sha256;
};

/** The entries up to the first whose bytes are not there, and the digest up to its end. */
const proven = async (
  data: FileHandle,
  entries: readonly JournalEntry[],
): Promise<{ readonly digest: RunningDigest; readonly entries: JournalEntry[] }> => {
  let digest = runningDigest();
  for (const [index, entry] of entries.entries()) {
    const next = digest.fork();
    if (!(await proves(data, next, entry))) return { digest, entries: entries.slice(0, index) };
    digest = next;
  }
  return { digest, entries: [...entries] };
};

const lineOf = (entry: JournalEntry): string => `${JSON.stringify(entry)}\n`;

const parseEntry = (line: string): JournalEntry | undefined => {
  try {
    return JSON.parse(line) as JournalEntry;
  } catch {
    return undefined;
  }
};

/** Up to the first line that is not whole. */
const readEntries = async (path: string): Promise<JournalEntry[]> => {
  const text = await readFile(path, 'utf8').catch(() => '');
  const entries: JournalEntry[] = [];
  for (const line of text.slice(0, text.lastIndexOf('\n') + 1).split('\n')) {
    const entry = parseEntry(line);
    if (entry === undefined) return entries;
    entries.push(entry);
  }
  return entries;
};

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

/** Opens the journal of an hour, or begins it. */
export const openHourJournal = async (path: string): Promise<HourJournal> => {
  const listed = await readEntries(`${path}.packs`);
  const isDropped = listed.at(-1)?.done !== undefined && !(await exists(path));
  let data: FileHandle | undefined = isDropped
    ? undefined
    : await open(path, listed.length === 0 ? 'w+' : 'r+');
  const found =
    data === undefined ? { digest: runningDigest(), entries: listed } : await proven(data, listed);
  const { entries } = found;
  let { digest } = found;
  const last = (): JournalEntry | undefined => entries.at(-1);
  const end = (): number => (last()?.offset ?? 0) + (last()?.bytes ?? 0);
  const isOver = (): boolean => last()?.done !== undefined;
  const list = await open(`${path}.packs`, 'a');
  await list.truncate(Buffer.byteLength(entries.map(lineOf).join('')));
  await data?.truncate(end());
  let lines = entries.reduce((sum, entry) => sum + entry.lines, 0);

  const sync = together(async () => {
    await Promise.all([data?.datasync(), list.datasync()]);
  });

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
      await Promise.all([writeAll(data, raw, entry.offset), list.appendFile(lineOf(entry))]);
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
    sync,
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
