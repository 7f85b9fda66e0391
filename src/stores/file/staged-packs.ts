/**
 * Packs that came again for a file that is damaged, until all of them are here: one file for each below `.logd-repair`.
 *
 *   .logd-repair/<host>/<stream>/<hour>/<id>       as the pack is stored: a zstd frame, or its raw bytes
 *
 * Invariant: a file without `~` at its end is whole and durable. Recovery: others are written again.
 */
import { open, readFile, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectory, syncDirectory } from '../../disk/durable-directory.ts';
import { checkLevels, FILE_MODE } from '../../disk/no-links.ts';
import { errnoOf } from '../../error.ts';
import type { SegmentKey } from '../../pack/pack.ts';

export interface StagedPacks {
  /** Keeps a pack, durably. */
  add(key: SegmentKey, id: number, bytes: Buffer): Promise<void>;
  list(key: SegmentKey): Promise<number[]>;
  /** Undefined where it is not here. */
  read(key: SegmentKey, id: number): Promise<Buffer | undefined>;
  drop(key: SegmentKey, id: number): Promise<void>;
  clear(key: SegmentKey): Promise<void>;
}

const isAbsent = (error: unknown): boolean => errnoOf(error) === 'ENOENT';

export const stagedPacksBelow = (root: string): StagedPacks => {
  const top = join(root, '.logd-repair');
  const placeOf = ({ host, stream, hour }: SegmentKey): string => join(top, host, stream, hour);
  return {
    async add(key, id, bytes) {
      const place = placeOf(key);
      const path = join(place, String(id));
      await checkLevels(root, path);
      await makeDirectory(place, 'sink.store.dir');
      await rm(`${path}~`, { force: true });
      await using file = await open(`${path}~`, 'wx', FILE_MODE);
      await file.writeFile(bytes);
      await file.sync();
      await rename(`${path}~`, path);
      await syncDirectory(place);
    },
    async list(key) {
      const names = await readdir(placeOf(key)).catch((error: unknown) => {
        if (isAbsent(error)) return [];
        throw error;
      });
      return names.filter((name) => !name.endsWith('~')).map(Number);
    },
    read: (key, id) =>
      readFile(join(placeOf(key), String(id))).catch((error: unknown) => {
        if (isAbsent(error)) return undefined;
        throw error;
      }),
    drop: (key, id) => rm(join(placeOf(key), String(id)), { force: true }),
    clear: (key) => rm(placeOf(key), { recursive: true, force: true }),
  };
};
