/**
 * Marker files: empty files that tell shell scripts and schedulers which hours and days are complete.
 *
 * Names, in one directory
 *   <host>_<stream>_<hour>_<lines>   the hour is sealed, with this many lines; for a stream with a segment a day, <hour> is the day
 *   <host>_<stream>_<day>            all hours of the day are sealed
 * No part holds an underscore, so a name reads in one way only.
 *
 * Invariants
 * - A marker appears only after the seal is in the ledger, the day's after its last hour's. An hour has one marker at most.
 * - A promise that resolves means durable: the directory was fsynced.
 * Recovery: every call may be repeated. The ledger knows which seals have no markers yet.
 */
import { open, opendir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, LogdError, messageOf } from '../error.ts';
import type { Seal } from '../ledger/ledger.ts';
import type { SegmentKey } from '../pack/pack.ts';
import { makeDirectory, syncDirectory } from '../sinks/durable-directory.ts';

const SETTING = 'sink.markers.dir or state_dir';

export interface Markers {
  /** Writes the markers of a seal, and takes away that of an earlier generation with another line count. */
  sealed(seal: Seal, dayComplete: boolean): Promise<void>;
  /** Takes away the markers of a segment that is no longer complete, and of its day. */
  reopened(key: SegmentKey): Promise<void>;
}

/** Markers below `dir`, which is made where it is missing. Rejects, as do the methods, with `storage`. */
export const openMarkers = async (dir: string): Promise<Markers> => {
  const failing = async (job: () => Promise<void>): Promise<void> => {
    try {
      await job().catch(async (error: unknown) => {
        if (errnoOf(error) !== 'ENOENT') throw error;
        // Someone took the directory away.
        await makeDirectory(dir, SETTING);
        await job();
      });
    } catch (error) {
      const why = messageOf(error).replace(/\.?$/, '.');
      throw new LogdError('storage', `Cannot change the marker files in ${dir}: ${why}`, {
        retryable: true,
        cause: error,
      });
    }
  };

  const create = async (name: string): Promise<void> => (await open(join(dir, name), 'a')).close();
  const remove = (name: string): Promise<void> => rm(join(dir, name), { force: true });

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
        await syncDirectory(dir);
      }),
    reopened: (key) =>
      failing(async () => {
        await remove(dayName(key));
        await removeHourExcept(key, undefined);
        await syncDirectory(dir);
      }),
  };
};

const hourStart = ({ host, stream, hour }: SegmentKey): string => `${host}_${stream}_${hour}_`;
const dayName = ({ host, stream, hour }: SegmentKey): string => `${host}_${stream}_${hour.slice(0, 8)}`;
