/**
 * Brings a stored file into the form that the ledger knows: after a crash, and when its segment is complete.
 *
 * Final form: packs in id order and nothing else (see order.ts), modification time of the hour's last line, read-only.
 * A file to be rewritten gets its final form under a temporary name, so that the rename is the last step; a crash before it
 * leaves the old file, and the next recovery or sealing removes the temporary.
 */
import { chmod, constants, type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { LogdError } from '../../error.ts';
import { syncFile } from '../../disk/sync.ts';
import { fault } from '../../fault/fault.ts';
import type { RecordedSegment } from '../../ledger/ledger.ts';
import { segmentName } from '../../pack/pack.ts';
import { syncDirectory } from '../../disk/durable-directory.ts';
import type { AtMost } from '../../disk/at-most.ts';
import { FILE_MODE, openOwnFile, statOwnFile } from '../../disk/no-links.ts';
import { writeFully } from './file-steps.ts';
import { encodeSign, placedPacks, readSign, SIGN_BYTES, type Sign } from './order.ts';
import { ranges, readFully } from './read.ts';
import { bytesMissing } from './presence.ts';
import { reopenedMode, sealedMode } from './stored-file.ts';

/** No path of a layout holds a "~". */
const temporaryOf = (path: string): string => `${path}.new~`;

/** What the ledger says of a file, and what holds for the file as it lies there. */
interface FinalForm {
  /** Where the last recorded pack ends. */
  readonly end: number;
  /** The recorded packs lie end to end in id order from the first byte, or from behind the sign. */
  readonly ordered: boolean;
  /** What a sign would say if the file were put in order. */
  readonly sign: Sign;
}

/** Asks the ledger, which may have other places by now than the segment says. */
const surveyed = async (
  handle: FileHandle,
  compressed: boolean,
  recorded: RecordedSegment,
): Promise<FinalForm> => {
  const found = compressed ? await readSign(handle, recorded) : undefined;
  const start = found === undefined ? 0 : SIGN_BYTES;
  let [end, next, packs, bytes, ordered] = [start, start, 0, 0, true];
  for await (const { header, place } of placedPacks(recorded, found)) {
    ordered &&= place.at === next;
    next = place.at + place.length;
    end = Math.max(end, next);
    packs = header.id;
    bytes += place.length;
  }
  return { end, ordered, sign: { packs, bytes } };
};

const missing = (
  path: string,
  { segment }: RecordedSegment,
  size: number | undefined,
  end: number,
): LogdError => bytesMissing(path, segmentName(segment), size, end);

/** A file is opened for writing only where it must change; a sealed one becomes writable. */
const truncateDurably = async (path: string, end: number): Promise<void> => {
  await chmod(path, reopenedMode((await stat(path)).mode));
  const handle = await openOwnFile(path, constants.O_RDWR);
  try {
    await handle.truncate(end);
    await syncFile(handle);
  } finally {
    await handle.close();
  }
};

const reading = async <T>(path: string, job: (handle: FileHandle) => Promise<T>): Promise<T> => {
  const handle = await openOwnFile(path);
  try {
    return await job(handle);
  } finally {
    await handle.close();
  }
};

/** Where the packs that are recorded end in the file as it is. */
export const endIn = async (path: string, compressed: boolean, recorded: RecordedSegment): Promise<number> =>
  (await reading(path, (handle) => surveyed(handle, compressed, recorded))).end;

/** Cuts off what the ledger does not know. Returns where the stored packs end; a file that is too short is left as it is. */
export const recoverFile = async (
  path: string,
  compressed: boolean,
  recorded: RecordedSegment,
): Promise<number> => {
  await rm(temporaryOf(path), { force: true });
  const { storedEnd } = recorded.segment;
  const found = await statOwnFile(path);
  if (found === undefined) {
    if (storedEnd > 0) throw missing(path, recorded, undefined, storedEnd);
    return 0;
  }
  const end = storedEnd > 0 ? await endIn(path, compressed, recorded) : storedEnd;
  if (found.size < end) throw missing(path, recorded, found.size, end);
  if (found.size > end) await truncateDurably(path, end);
  return end;
};

/** Gives the file of a complete segment its final form, durably. The file exists and is not open for writing. It is rewritten in its turn. */
export const finishFile = async (
  path: string,
  compressed: boolean,
  recorded: RecordedSegment,
  rewriting: AtMost,
): Promise<void> => {
  const { storedEnd, lastLine } = recorded.segment;
  const found = await statOwnFile(path);
  if (found === undefined) throw missing(path, recorded, undefined, storedEnd);
  const { size, mode } = found;
  const contents = await reading(path, (handle) => surveyed(handle, compressed, recorded));
  const { end } = contents;
  if (size < end) throw missing(path, recorded, size, end);
  // A file of no bytes is none that zstd takes: an hour without lines is a sign alone.
  const isFinal = !compressed || (contents.ordered && end > 0);
  if (isFinal) {
    if (size > end) await truncateDurably(path, end);
    await reading(path, (handle) => finish(handle, lastLine, mode));
    return;
  }
  await rewriting(() => reading(path, (from) => rewrite(from, path, recorded, contents.sign)));
  fault('seal.before-rename');
  await rename(temporaryOf(path), path);
  await syncDirectory(dirname(path));
  fault('seal.after-rename');
};

const rewrite = async (
  from: FileHandle,
  path: string,
  recorded: RecordedSegment,
  sign: Sign,
): Promise<void> => {
  const found = await readSign(from, recorded);
  await rm(temporaryOf(path), { force: true });
  const to = await open(temporaryOf(path), 'wx', FILE_MODE);
  try {
    await writeFully(to, encodeSign(sign), 0);
    let at = SIGN_BYTES;
    for await (const range of ranges(placedPacks(recorded, found))) {
      const bytes = Buffer.allocUnsafe(range.length);
      const filled = await readFully(from, bytes, range.at);
      if (filled < range.length) throw missing(path, recorded, range.at + filled, range.at + range.length);
      await writeFully(to, bytes, at);
      at += range.length;
    }
    await finish(to, recorded.segment.lastLine, (await to.stat()).mode);
  } finally {
    await to.close();
  }
};

const finish = async (handle: FileHandle, lastLine: number, mode: number): Promise<void> => {
  const time = new Date(lastLine);
  await handle.utimes(time, time);
  await handle.chmod(sealedMode(mode));
  await syncFile(handle);
};
