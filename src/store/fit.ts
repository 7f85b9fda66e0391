/**
 * Whether a pack fits among the recorded ones. Packs of a segment lie end to end in id order; a pack that would overlap a
 * recorded one would overwrite its bytes, so this is asked before a byte is written.
 */
import type { Neighbours, PackRecord, SegmentRecord } from '../ledger/ledger.ts';
import type { PackHeader } from '../pack/pack.ts';

export type Fit = 'new' | 'repeat' | { readonly conflict: string };

/** True when both headers name the same bytes at the same place; the codec may differ. */
export const samePack = (a: PackHeader, b: PackHeader): boolean =>
  a.offset === b.offset &&
  a.bytes === b.bytes &&
  a.lines === b.lines &&
  a.crc32 === b.crc32 &&
  a.sha256 === b.sha256 &&
  (a.lost === undefined) === (b.lost === undefined);

const endOf = ({ header }: PackRecord): number => header.offset + header.bytes;

/** True when the segment has ended before this pack, and the pack does not come as a late one. */
export const isBehindTheEnd = (header: PackHeader, record: SegmentRecord | undefined): boolean =>
  record?.expected !== undefined &&
  header.id > record.expected.packs &&
  header.generation <= record.generation;

/** Holds a pack against the ones recorded around its id. */
export const fit = (header: PackHeader, { before, same, after }: Neighbours): Fit => {
  if (same !== undefined)
    return samePack(same.header, header) ? 'repeat' : { conflict: 'other bytes are stored under this name' };
  const start = before === undefined ? 0 : endOf(before);
  const adjoinsBefore = (before?.header.id ?? 0) === header.id - 1;
  if (adjoinsBefore ? header.offset !== start : header.offset < start)
    return { conflict: `it begins at byte ${header.offset}, the packs before it end at ${start}` };
  if (after === undefined) return 'new';
  const end = header.offset + header.bytes;
  const adjoinsAfter = after.header.id === header.id + 1;
  if (adjoinsAfter ? end !== after.header.offset : end > after.header.offset)
    return { conflict: `it ends at byte ${end}, the pack behind it begins at ${after.header.offset}` };
  return 'new';
};
