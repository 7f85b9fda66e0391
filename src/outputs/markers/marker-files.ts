/**
 * Marker files: empty files that tell shell scripts and schedulers which hours and days are complete.
 *
 * Names, in one directory
 *   <host>_<stream>_<hour>_<lines>   the hour is sealed, with this many lines; for a stream with a segment a day, <hour> is the day
 *   <host>_<stream>_<day>            all hours of the day are sealed
 *   _<stream>_<hour>, _<stream>_<day>  it is sealed for every host that must have it
 * A `_` within a host or stream is doubled (`db_1` is `db__1`), so a name reads in one way only.
 *
 * Invariants
 * - A marker appears only after the seal is in the ledger, the day's after its last hour's. An hour has one marker at most.
 * - A promise that resolves means durable: the directory was fsynced.
 * Recovery: every call may be repeated. The ledger knows which seals have no markers yet.
 */
import { lstat, open, opendir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, LogdError, messageOf } from '../../error.ts';
import type { Seal } from '../../ledger/ledger.ts';
import { isHourLabel, isName, joinNames, splitNames } from '../../pack/name.ts';
import type { SegmentKey } from '../../pack/pack.ts';
import { makeDirectory, syncDirectory } from '../../disk/durable-directory.ts';
import { shared } from '../../disk/sync.ts';
import { FILE_MODE } from '../../disk/no-links.ts';

const SETTING = 'sink.markers.dir or state_dir';

/**
 * What a marker file says: the hour is sealed with so many lines; without them, that the day `hour` is complete. Without a host: the
 * hour or day is complete for every host that must have it.
 */
export interface Marker extends Omit<SegmentKey, 'host'> {
  readonly host: string | undefined;
  readonly lines: number | undefined;
}

/** An hour or day of a stream, for all hosts. */
export type StreamHour = Pick<SegmentKey, 'stream' | 'hour'>;

/** How many files are gone, and the names of some. */
export interface Removed {
  readonly files: number;
  readonly examples: readonly string[];
}

export interface MarkerFiles {
  /** Writes the markers of a seal, and takes away that of an earlier generation with another line count. */
  sealed(seal: Seal, dayComplete: boolean): Promise<void>;
  /** Takes away the markers of a segment that is no longer complete, and those of its day and its stream. */
  reopened(key: SegmentKey): Promise<void>;
  /** Takes away the marker of a sealed hour that is not kept any more, and those of its day and its stream. */
  expired(key: SegmentKey, lines: number): Promise<void>;
  /** Writes, or takes away, the marker of all hosts. */
  stream(hour: StreamHour, isWhole: boolean): Promise<void>;
  /** Takes away the markers that do not say what is so. Whatever does not have a marker's name, or is no file, is left alone. */
  keepOnly(isSo: (marker: Marker) => Promise<boolean>): Promise<Removed>;
}

const LINES = /^(?:0|[1-9]\d*)$/;

/** Markers that are looked at together, and names that are reported. */
const BATCH = 256;
const EXAMPLES = 3;

const readName = (name: string): Marker | undefined => {
  const [host = '', stream = '', hour = '', lines, ...more] = splitNames(name);
  if (more.length > 0 || !isName(stream) || !isHourLabel(hour)) return undefined;
  if (lines !== undefined && !LINES.test(lines)) return undefined;
  if (host === '') return lines === undefined ? { host: undefined, stream, hour, lines } : undefined;
  if (!isName(host)) return undefined;
  if (lines === undefined && hour.length !== 8) return undefined;
  return { host, stream, hour, lines: lines === undefined ? undefined : Number(lines) };
};

async function* batches(dir: string): AsyncGenerator<{ name: string; marker: Marker }[]> {
  let batch: { name: string; marker: Marker }[] = [];
  for await (const entry of await opendir(dir)) {
    const marker = entry.isFile() ? readName(entry.name) : undefined;
    if (marker !== undefined) batch.push({ name: entry.name, marker });
    if (batch.length < BATCH) continue;
    yield batch;
    batch = [];
  }
  yield batch;
}

/** A link where a marker belongs leads to what is not ours: it is taken away, and what it leads to is not touched. */
const createMarker = async (path: string, isRepeat = false): Promise<void> => {
  const found = await lstat(path).catch(() => undefined);
  if (found?.isDirectory() === true)
    throw new Error(`${path} is a directory where a marker belongs: move it away`);
  if (found?.isFile() === true && found.nlink === 1) return;
  if (found !== undefined) await rm(path, { force: true });
  try {
    await (await open(path, 'wx', FILE_MODE)).close();
  } catch (error) {
    // Somebody else made something of this name meanwhile.
    if (errnoOf(error) !== 'EEXIST' || isRepeat) throw error;
    await createMarker(path, true);
  }
};

/** A directory says nothing that a marker would: it stays. */
const removeMarker = async (path: string): Promise<void> => {
  const found = await lstat(path).catch(() => undefined);
  if (found?.isDirectory() !== true) await rm(path, { force: true });
};

/** Markers below `dir`, which is made where it is missing. Rejects, as do the methods, with `storage`. */
export const openMarkerFiles = async (dir: string): Promise<MarkerFiles> => {
  const failing = async <T>(job: () => Promise<T>): Promise<T> => {
    try {
      return await job().catch(async (error: unknown) => {
        if (errnoOf(error) !== 'ENOENT') throw error;
        // Someone took the directory away.
        await makeDirectory(dir, SETTING);
        return job();
      });
    } catch (error) {
      const why = messageOf(error).replace(/\.?$/, '.');
      throw new LogdError('storage', `Cannot change the marker files in ${dir}: ${why}`, {
        retryable: true,
        cause: error,
      });
    }
  };

  const syncDirectoryOnce = shared(() => syncDirectory(dir));
  const create = (name: string): Promise<void> => createMarker(join(dir, name));
  const remove = (name: string): Promise<void> => removeMarker(join(dir, name));

  const removeHourExcept = async (key: SegmentKey, kept: string | undefined): Promise<void> => {
    const start = hourStart(key);
    for await (const { name } of await opendir(dir))
      if (name.startsWith(start) && name !== kept) await remove(name);
  };

  await makeDirectory(dir, SETTING);
  return {
    sealed: (seal, dayComplete) =>
      failing(async () => {
        const name = hourStart(seal) + seal.lines;
        // Only a later generation can find a marker of another count; listing costs time in a directory of years.
        if (seal.generation > 1) await removeHourExcept(seal, name);
        await create(name);
        if (dayComplete) await create(dayName(seal));
        await syncDirectoryOnce();
      }),
    keepOnly: (isSo) =>
      failing(async () => {
        const removed: { files: number; examples: string[] } = { files: 0, examples: [] };
        for await (const batch of batches(dir)) {
          const answers = await Promise.all(batch.map(({ marker }) => isSo(marker)));
          for (const [n, { name }] of batch.entries()) {
            if (answers[n] === true) continue;
            await remove(name);
            removed.files++;
            if (removed.examples.length < EXAMPLES) removed.examples.push(name);
          }
        }
        if (removed.files > 0) await syncDirectoryOnce();
        return removed;
      }),
    reopened: (key) =>
      failing(async () => {
        await remove(dayName(key));
        await remove(streamName(key));
        await remove(streamName({ ...key, hour: key.hour.slice(0, 8) }));
        await removeHourExcept(key, undefined);
        await syncDirectoryOnce();
      }),
    expired: (key, lines) =>
      failing(async () => {
        await remove(dayName(key));
        await remove(streamName(key));
        await remove(streamName({ ...key, hour: key.hour.slice(0, 8) }));
        await remove(hourStart(key) + lines);
        await syncDirectoryOnce();
      }),
    stream: (hour, isWhole) =>
      failing(async () => {
        await (isWhole ? create(streamName(hour)) : remove(streamName(hour)));
        await syncDirectoryOnce();
      }),
  };
};

const hourStart = ({ host, stream, hour }: SegmentKey): string => joinNames(host, stream, hour, '');
const dayName = ({ host, stream, hour }: SegmentKey): string => joinNames(host, stream, hour.slice(0, 8));
const streamName = ({ stream, hour }: StreamHour): string => joinNames('', stream, hour);
