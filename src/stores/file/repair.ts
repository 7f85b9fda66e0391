/**
 * Repairs a stored file: which of its packs are damaged, and a new file from the right ones and those that came again.
 *
 *   inspect ─▶ damaged packs ─ come again ─▶ staged ─▶ <file>.repair~ : right packs copied, staged ones in their places
 *                                                        │ every pack has its checksum, and the whole the SHA-256 of its seal
 *                                                        ▼
 *                                  the ledger has the new places ─▶ renamed over the damaged file
 *
 * Invariants
 * - The damaged file stays as it is until the rename. Right bytes are copied, never taken from a pack that came again.
 * - Only a file that is whole, by the ledger as it stands, takes the place of another.
 * Recovery: a `.repair~` that was left is taken where it is whole by the ledger; else it is removed and made again.
 * A compressed file has its packs end to end in id order from the first byte afterwards, without a sign (order.ts).
 */
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncDirectory } from '../../disk/durable-directory.ts';
import { errnoOf, LogdError } from '../../error.ts';
import { fault } from '../../fault/fault.ts';
import type { NewPlace, PackRecord, RecordedSegment } from '../../ledger/ledger.ts';
import { decode } from '../../pack/codec.ts';
import { runningDigest } from '../../pack/digest.ts';
import { segmentName } from '../../pack/pack.ts';
import { checksumOf } from '../../pack/survey.ts';
import type { Inspection } from '../store.ts';
import { writeFully } from './file-steps.ts';
import { encodeSign, placedPacks, readSign, SIGN_BYTES, type Sign } from './order.ts';
import { readFully } from './read.ts';
import { FILE_MODE, openOwnFile, statOwnFile } from '../../disk/no-links.ts';
import type { StagedPacks } from './staged-packs.ts';
import { sealedMode } from './stored-file.ts';

/** No path of a layout holds a "~". */
export const repairOf = (path: string): string => `${path}.repair~`;

const openIfThere = async (path: string): Promise<FileHandle | undefined> => {
  try {
    return await openOwnFile(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
};

/** The sign of the file. One that was damaged is made up where the file has the length that it would have with one. */
const signOf = async (file: FileHandle, recorded: RecordedSegment): Promise<Sign | undefined> => {
  const sign = await readSign(file, recorded);
  if (sign !== undefined) return sign;
  let [packs, bytes, end] = [0, 0, 0];
  for await (const { header, place } of recorded.packs()) {
    packs = header.id;
    bytes += place.length;
    end = Math.max(end, place.at + place.length);
  }
  const { size } = await file.stat();
  return size === bytes + SIGN_BYTES && size !== end ? { packs, bytes } : undefined;
};

export interface StoredPack {
  readonly stored: Buffer;
  readonly raw: Buffer;
}

const decoded = async (
  stored: Buffer,
  { header }: PackRecord,
  compressed: boolean,
): Promise<StoredPack | undefined> => {
  try {
    const raw = await decode(stored, compressed ? 'zstd' : 'none', header.bytes);
    return checksumOf(raw) === header.checksum ? { stored, raw } : undefined;
  } catch (error) {
    if (error instanceof LogdError && error.code === 'corrupt') return undefined;
    throw error;
  }
};

/** Undefined where the bytes are not those of the pack. */
const readPack = async (
  file: FileHandle,
  pack: PackRecord,
  compressed: boolean,
): Promise<StoredPack | undefined> => {
  const stored = Buffer.allocUnsafe(pack.place.length);
  return (await readFully(file, stored, pack.place.at)) < stored.length
    ? undefined
    : decoded(stored, pack, compressed);
};

/** See `StoreRepairs.inspect`. */
export const inspectFile = async (
  path: string,
  compressed: boolean,
  recorded: RecordedSegment,
): Promise<Inspection> => {
  await using file = await openIfThere(path);
  const { segment } = recorded;
  const sign = file && compressed ? await signOf(file, recorded) : undefined;
  const digest = runningDigest();
  const damaged: number[] = [];
  let end = sign === undefined ? 0 : SIGN_BYTES;
  for await (const pack of placedPacks(recorded, sign)) {
    const found = file && (await readPack(file, pack, compressed));
    end = Math.max(end, pack.place.at + pack.place.length);
    const isNext = digest.bytes === pack.header.offset;
    if (found !== undefined && isNext) digest.update(found.raw);
    // Its checksum is right by chance alone.
    const isOther = isNext && damaged.length === 0 && digest.hex() !== pack.header.sha256;
    if (found === undefined || isOther) damaged.push(pack.header.id);
  }
  const isEmpty = compressed && segment.storedEnd === 0;
  const size = (await file?.stat())?.size;
  const isTidy = segment.state !== 'sealed' || isEmpty || size === end;
  const isSigned = sign === undefined || file === undefined || (await readSign(file, recorded)) !== undefined;
  const isThere = file !== undefined || (segment.state !== 'sealed' && segment.storedEnd === 0);
  return { damaged, isWhole: damaged.length === 0 && isTidy && isSigned && isThere };
};

/**
 * Whether the file is the one that the store wrote: its first and its last recorded pack are right where they lie, or all of them. What is
 * damaged between them does no harm to what is written behind.
 */
export const isOwnFile = async (
  path: string,
  compressed: boolean,
  recorded: RecordedSegment,
  thoroughly: boolean,
): Promise<boolean> => {
  if (thoroughly) return (await inspectFile(path, compressed, recorded)).damaged.length === 0;
  await using file = await openIfThere(path);
  if (file === undefined) return false;
  const sign = compressed ? await readSign(file, recorded) : undefined;
  let [first, last]: (PackRecord | undefined)[] = [];
  const endOf = ({ place }: PackRecord): number => place.at + place.length;
  for await (const pack of placedPacks(recorded, sign)) {
    first ??= pack;
    if (last === undefined || endOf(pack) > endOf(last)) last = pack;
  }
  for (const pack of [first, last])
    if (pack !== undefined && (await readPack(file, pack, compressed)) === undefined) return false;
  return true;
};

/** Takes a repaired file that a crash left, where it is whole. Returns whether it did. */
export const takeLeftRepair = async (
  path: string,
  compressed: boolean,
  recorded: RecordedSegment,
): Promise<boolean> => {
  const left = repairOf(path);
  if ((await statOwnFile(left)) === undefined) return false;
  const { isWhole } = await inspectFile(left, compressed, recorded);
  if (!isWhole) {
    await rm(left, { force: true });
    return false;
  }
  await putInPlace(path);
  return true;
};

const putInPlace = async (path: string): Promise<void> => {
  await rename(repairOf(path), path);
  await syncDirectory(dirname(path));
};

export interface NewFile {
  readonly path: string;
  readonly compressed: boolean;
  readonly recorded: RecordedSegment;
  /** Makes the new places durable in the ledger. */
  readonly record: (places: readonly NewPlace[]) => Promise<void>;
}

export interface RepairOptions extends NewFile {
  readonly staged: StagedPacks;
}

/** The right bytes of a pack, given with the place where it lies in the file as it is; rejects where there are none. */
type FindPack = (pack: PackRecord) => Promise<StoredPack>;

/** Writes the new file; returns where its packs lie. Rejects with `corrupt` where it is not what was sealed. */
const build = async (
  { compressed, recorded }: NewFile,
  sign: Sign | undefined,
  find: FindPack,
  to: FileHandle,
): Promise<NewPlace[]> => {
  const { segment } = recorded;
  const digest = runningDigest();
  const places: NewPlace[] = [];
  let at = 0;
  for await (const pack of placedPacks(recorded, sign)) {
    const { id, offset } = pack.header;
    const { stored, raw } = await find(pack);
    const place = { at: compressed ? at : offset, length: stored.length };
    await writeFully(to, stored, place.at);
    places.push({ id, place });
    at = place.at + place.length;
    digest.update(raw);
  }
  const { expected } = segment;
  if (segment.state === 'sealed' && digest.hex() !== expected?.sha256)
    throw notWhole(
      `the repaired file of ${segmentName(segment)} would have the SHA-256 ${digest.hex()}, and the seal says ${expected?.sha256}`,
    );
  // A file of no bytes is none that zstd takes.
  if (compressed && segment.storedEnd === 0) await writeFully(to, encodeSign({ packs: 0, bytes: 0 }), 0);
  const time = new Date(segment.lastLine);
  await to.utimes(time, time);
  if (segment.state === 'sealed') await to.chmod(sealedMode((await to.stat()).mode));
  await to.sync();
  return places;
};

const notWhole = (why: string): LogdError =>
  new LogdError('corrupt', `The file was not repaired: ${why}.`, { retryable: true });

/**
 * Writes a new file from the packs that `find` gives, and puts it in place of what is there. Where anything rejects, what is there stays as it is.
 * Nothing else writes to the file meanwhile, and it is not open for writing.
 */
export const replaceFile = async (
  file: NewFile,
  sign: Sign | undefined,
  find: FindPack,
  beforeRecord: () => Promise<void> = () => Promise.resolve(),
): Promise<void> => {
  const { path, recorded, record } = file;
  const place = repairOf(path);
  await rm(place, { force: true });
  const to = await open(place, 'wx', FILE_MODE);
  let places: NewPlace[];
  try {
    places = await build(file, sign, find, to);
    await beforeRecord();
  } catch (error) {
    await rm(place, { force: true });
    throw error;
  } finally {
    await to.close();
  }
  await syncDirectory(dirname(place));
  fault('repair.before-record');
  if (recorded.segment.storedEnd > 0) await record(places);
  fault('repair.before-rename');
  await putInPlace(path);
  fault('repair.after-rename');
};

/** See `StoreRepairs.repair`. */
export const repairFile = async ({ staged, ...file }: RepairOptions): Promise<void> => {
  const { path, compressed, recorded } = file;
  const { segment } = recorded;
  await using from = await openIfThere(path);
  const sign = from && compressed ? await signOf(from, recorded) : undefined;
  await replaceFile(file, sign, async (pack) => {
    const { id } = pack.header;
    const again = await staged.read(segment, id);
    const isRight = again && (await decoded(again, pack, compressed));
    if (again !== undefined && isRight === undefined) await staged.drop(segment, id);
    const found = isRight ?? (from && (await readPack(from, pack, compressed)));
    if (found === undefined) throw notWhole(`pack ${id} of ${segmentName(segment)} is still damaged`);
    return found;
  });
};
