/**
 * Sealed files that the ledger does not know, because it was restored from an older copy or was lost: when their hour comes again they are
 * put aside, to `.logd-aside/` with the same path below it. Once the hour is sealed again, the file aside is removed if the new one has
 * the same bytes; else it stays for a person to look at.
 */
import { existsSync } from 'node:fs';
import { rename, rm, stat } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { makeDirectory, syncDirectory } from '../../disk/durable-directory.ts';
import { checkLevels, openOwnFile } from '../../disk/no-links.ts';

const CHUNK = 1 << 20;

export interface Aside {
  /** Puts the file aside, durably. */
  put(path: string): Promise<void>;
  /** Removes what was put aside of this path, where it has the same bytes as the file that is there now. */
  settle(path: string): Promise<void>;
}

export const asideOf = (root: string): Aside => {
  let isUsed = existsSync(join(root, '.logd-aside'));
  const placeOf = (path: string): string => join(root, '.logd-aside', relative(root, path));
  return {
    async put(path) {
      isUsed = true;
      const place = placeOf(path);
      await checkLevels(root, place);
      await makeDirectory(dirname(place), 'sink.store.dir');
      await rename(path, (await exists(place)) ? `${place}.${Date.now()}` : place);
      await syncDirectory(dirname(place));
      await syncDirectory(dirname(path));
    },
    async settle(path) {
      const place = placeOf(path);
      if (isUsed && (await exists(place)) && (await haveSameBytes(place, path))) await rm(place);
    },
  };
};

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

const haveSameBytes = async (one: string, other: string): Promise<boolean> => {
  await using a = await openOwnFile(one);
  await using b = await openOwnFile(other);
  const { size } = await a.stat();
  if ((await b.stat()).size !== size) return false;
  const [mine, theirs] = [Buffer.allocUnsafe(CHUNK), Buffer.allocUnsafe(CHUNK)];
  for (let at = 0; at < size;) {
    const { bytesRead } = await a.read(mine, 0, CHUNK, at);
    const read = await b.read(theirs, 0, bytesRead, at);
    const isSame =
      read.bytesRead === bytesRead && mine.subarray(0, bytesRead).equals(theirs.subarray(0, bytesRead));
    if (!isSame || bytesRead === 0) return false;
    at += bytesRead;
  }
  return true;
};
