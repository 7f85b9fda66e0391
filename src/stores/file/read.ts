/**
 * Reads a segment's packs back from its file, in id order: one buffer for each pack that has bytes.
 *
 * Packs that lie end to end are read together, up to {@link RANGE_BYTES}; while the caller works on one range the next
 * is read and decompressed. Memory: two ranges and what they decode to, which the headers bound.
 */
import type { FileHandle } from 'node:fs/promises';
import { openOwnFile } from '../../disk/no-links.ts';
import { errnoOf, LogdError, messageOf } from '../../error.ts';
import type { PackRecord, RecordedSegment } from '../../ledger/ledger.ts';
import { decode } from '../../pack/codec.ts';
import { segmentName } from '../../pack/pack.ts';
import { placedPacks, readSign } from './order.ts';

/** Most stored bytes of a range, and most raw bytes; a single pack may have more. */
const RANGE_BYTES = 1 << 20;
const RANGE_RAW_BYTES = 8 << 20;

interface Range {
  readonly at: number;
  length: number;
  raw: number;
  readonly packs: PackRecord[];
}

type ReadPart = Buffer | Promise<Buffer>;

/** Runs of packs that lie end to end, in the order given. */
export async function* ranges(packs: AsyncIterable<PackRecord>): AsyncGenerator<Range> {
  let range: Range | undefined;
  for await (const pack of packs) {
    const { place, header } = pack;
    const joins =
      range !== undefined &&
      place.at === range.at + range.length &&
      range.length + place.length <= RANGE_BYTES &&
      range.raw + header.bytes <= RANGE_RAW_BYTES;
    if (range !== undefined && joins) {
      range.length += place.length;
      range.raw += header.bytes;
      range.packs.push(pack);
    } else {
      if (range !== undefined) yield range;
      range = { at: place.at, length: place.length, raw: header.bytes, packs: [pack] };
    }
  }
  if (range !== undefined) yield range;
}

/** Fills as much of `buffer` as the file has from `at`; returns how many bytes that is. */
export const readFully = async (handle: FileHandle, buffer: Buffer, at: number): Promise<number> => {
  let filled = 0;
  while (filled < buffer.length) {
    const { bytesRead } = await handle.read(buffer, filled, buffer.length - filled, at + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return filled;
};

/** See `Store.read`. */
export async function* readPacks(
  path: string,
  compressed: boolean,
  recorded: RecordedSegment,
  isWanted: (header: PackRecord['header']) => boolean = () => true,
): AsyncGenerator<Buffer> {
  const handle = await openStored(path, recorded);
  if (handle === undefined) return;
  try {
    const sign = compressed ? await readSign(handle, recorded) : undefined;
    let ahead: Promise<ReadPart[]> = Promise.resolve([]);
    for await (const range of ranges(wanted(placedPacks(recorded, sign), isWanted))) {
      const loading = load(handle, path, compressed, range);
      loading.catch(() => undefined);
      for (const part of await ahead) yield part instanceof Promise ? await part : part;
      ahead = loading;
    }
    for (const part of await ahead) yield part instanceof Promise ? await part : part;
  } finally {
    await handle.close();
  }
}

async function* wanted(
  packs: AsyncIterable<PackRecord>,
  isWanted: (header: PackRecord['header']) => boolean,
): AsyncGenerator<PackRecord> {
  for await (const pack of packs) if (isWanted(pack.header)) yield pack;
}

/** Undefined when there is no file and none is needed, as nothing was recorded. */
const openStored = async (path: string, { segment }: RecordedSegment): Promise<FileHandle | undefined> => {
  try {
    return await openOwnFile(path);
  } catch (error) {
    if (error instanceof LogdError) throw error;
    if (errnoOf(error) !== 'ENOENT')
      throw new LogdError('storage', `Cannot read ${path}: ${messageOf(error)}.`, {
        retryable: true,
        cause: error,
      });
    if (segment.storedEnd === 0) return undefined;
    throw new LogdError(
      'corrupt',
      `${path}, the file of ${segmentName(segment)}, is missing: it should hold ${segment.bytes} bytes of log. ` +
        'Put it back as it was.',
      { retryable: true, cause: error },
    );
  }
};

/** The raw bytes of each pack of a range; promises that may stay unobserved. */
const load = async (
  handle: FileHandle,
  path: string,
  compressed: boolean,
  range: Range,
): Promise<ReadPart[]> => {
  const stored = Buffer.allocUnsafe(range.length);
  const filled = await readFully(handle, stored, range.at);
  return range.packs.map((pack) => {
    const { at, length } = pack.place;
    const from = at - range.at;
    const there = Math.max(0, Math.min(length, filled - from));
    const bytes = stored.subarray(from, from + length);
    if (there === length && !compressed && length === pack.header.bytes) return bytes;
    const raw = there < length ? cutShort(pack, path, there) : rawOf(bytes, pack, path, compressed);
    raw.catch(() => undefined);
    return raw;
  });
};

const cutShort = (pack: PackRecord, path: string, there: number): Promise<never> =>
  Promise.reject(
    damaged(pack, path, `the file ends after ${there} of its ${pack.place.length} bytes`, {
      retryable: true,
    }),
  );

const rawOf = async (
  stored: Buffer,
  pack: PackRecord,
  path: string,
  compressed: boolean,
): Promise<Buffer> => {
  try {
    return await decode(stored, compressed ? 'zstd' : 'none', pack.header.bytes);
  } catch (error) {
    throw damaged(pack, path, messageOf(error), { cause: error });
  }
};

const damaged = (
  { header, place }: PackRecord,
  path: string,
  why: string,
  options: { readonly retryable?: boolean; readonly cause?: unknown },
): LogdError =>
  new LogdError(
    'corrupt',
    `Pack ${header.id} of ${segmentName(header)}, at byte ${place.at} of ${path}, is damaged: ${why}`.replace(
      /\.*$/,
      '.',
    ),
    options,
  );
