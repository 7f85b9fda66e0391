/**
 * Where files stand within a segment of which other files are gone, found without the agent's marks.
 *
 * A pack holds bytes of one file only, so a file begins where a pack begins and ends where one ends. The packs' checksums say where a file may stand;
 * that it does is for whoever compares the bytes.
 */
import type { FileHandle } from 'node:fs/promises';
import { bytesOfPath } from '../disk/path-bytes.ts';
import { open } from 'node:fs/promises';
import type { Ledger } from '../ledger/ledger.ts';
import type { PackHeader, SegmentKey } from '../pack/pack.ts';
import { checksumOf } from '../pack/survey.ts';
import type { Piece } from './pieces.ts';

const PAGE = 512;

/** A file that is not empty. */
interface WholeFile {
  readonly path: string;
  readonly size: number;
}

/**
 * Finds a place for each file as a whole, in their order; undefined where there is none. Takes the first that fits, which leaves the most
 * room for the others.
 */
export const placeFiles = async (
  ledger: Pick<Ledger, 'packs'>,
  segment: SegmentKey,
  files: readonly WholeFile[],
): Promise<Piece[] | undefined> => {
  const pieces: Piece[] = [];
  let after = 0;
  for (const { path, size } of files) {
    await using handle = await open(bytesOfPath(path));
    const place = await placeOf(ledger, segment, after, handle, size);
    if (place === undefined) return undefined;
    pieces.push({ path, start: 0, end: size, at: place.at });
    after = place.lastId;
  }
  return pieces;
};

const placeOf = async (
  ledger: Pick<Ledger, 'packs'>,
  segment: SegmentKey,
  after: number,
  file: FileHandle,
  size: number,
): Promise<{ readonly at: number; readonly lastId: number } | undefined> => {
  for await (const first of packsBehind(ledger, segment, after)) {
    if (!(await holds(file, 0, size, first))) continue;
    let [position, lastId] = [first.bytes, first.id];
    if (position < size)
      for await (const next of packsBehind(ledger, segment, first.id)) {
        if (!(await holds(file, position, size, next))) break;
        [position, lastId] = [position + next.bytes, next.id];
        if (position === size) break;
      }
    if (position === size) return { at: first.offset, lastId };
  }
  return undefined;
};

/** The packs that hold bytes. */
async function* packsBehind(
  ledger: Pick<Ledger, 'packs'>,
  segment: SegmentKey,
  id: number,
): AsyncGenerator<PackHeader> {
  for (let after: number | undefined = id; after !== undefined;) {
    const page: Awaited<ReturnType<Ledger['packs']>> = await ledger.packs(segment, after, PAGE);
    for (const { header } of page) if (header.bytes > 0) yield header;
    after = page.at(-1)?.header.id;
  }
}

/** Whether the pack's bytes can be those of the file from `position` on. */
const holds = async (
  file: FileHandle,
  position: number,
  size: number,
  { bytes, checksum }: PackHeader,
): Promise<boolean> => {
  if (position + bytes > size) return false;
  const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(bytes), 0, bytes, position);
  return bytesRead === bytes && checksumOf(buffer) === checksum;
};
