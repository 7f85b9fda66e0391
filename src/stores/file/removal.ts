/** What retention leaves of a stored hour: a file whose packs nobody knows any more, or none. */
import { rm, rmdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncDirectory } from '../../disk/durable-directory.ts';
import { checkLevels, statOwnFile } from '../../disk/no-links.ts';
import { errnoOf, LogdError } from '../../error.ts';
import type { SegmentRecord } from '../../ledger/ledger.ts';
import { segmentName } from '../../pack/pack.ts';
import { contentsOf } from './contents.ts';
import { bytesMissing } from './presence.ts';

/** Of an archived segment the packs are not known any more: its file is read as it is. */
export async function* readWhole(path: string, segment: SegmentRecord): AsyncGenerator<Buffer> {
  if (segment.storedEnd === 0 && (await statOwnFile(path)) === undefined) return;
  try {
    yield* contentsOf(path);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
    throw bytesMissing(path, segmentName(segment), undefined, segment.storedEnd);
  }
}

export const removedByRetention = (path: string, segment: SegmentRecord, removed: number): LogdError =>
  new LogdError(
    'corrupt',
    `${path}, the file of ${segmentName(segment)}, was removed by retention on ${new Date(removed).toISOString()} (sink.store.retain). The hour was sealed, and all outputs had it.`,
  );

/** Removes a file durably, and the directories above it that hold nothing any more. */
export const removeFile = async (root: string, path: string): Promise<void> => {
  await checkLevels(root, path);
  await rm(path, { force: true });
  for (let above = dirname(path); ; above = dirname(above)) {
    if (above !== root && (await isRemoved(above))) continue;
    try {
      await syncDirectory(above);
      return;
    } catch (error) {
      // The removal of another hour took the directory.
      if (errnoOf(error) !== 'ENOENT' || above === root) throw error;
    }
  }
};

const isRemoved = (directory: string): Promise<boolean> =>
  rmdir(directory).then(
    () => true,
    () => false,
  );
