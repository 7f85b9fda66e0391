/**
 * Whether a pack fits among the recorded ones. Packs of a segment lie end to end in id order; a pack that would overlap a
 * recorded one would overwrite its bytes, so this is asked before a byte is written. The rule is the ledger's own: what fits here
 * is recorded there.
 */
import type { Neighbours, SegmentRecord } from '../ledger/ledger.ts';
import { fits, isRepeat } from '../ledger/rules.ts';
import type { PackHeader } from '../pack/pack.ts';

/** Another pack has the name: usually of another agent. */
export const OTHER_BYTES = 'other bytes are stored under this name';

export type Fit = 'new' | 'repeat' | { readonly conflict: string } | { readonly invalid: string };

/**
 * True unless the segment is known to go on after this pack's predecessors. A generation above the segment's own goes on; the
 * record alone does not say whether the end that it knows is that of this generation.
 */
export const mayHaveEnded = ({ id, generation }: PackHeader, record: SegmentRecord | undefined): boolean =>
  record?.expected !== undefined && id > record.expected.packs && generation <= record.generation;

/** Holds a pack against the ones recorded around its id. */
export const fit = (header: PackHeader, { before, same, after }: Neighbours): Fit => {
  if (same !== undefined)
    return isRepeat(same.header, header) || isStored(same.header, header)
      ? 'repeat'
      : hasSameBytes(same.header, header)
        ? { invalid: `its bytes are stored, and ${differences(same.header, header)}` }
        : { conflict: OTHER_BYTES };
  if (header.id === 1 && header.offset !== 0)
    return { invalid: `an hour begins at byte 0, and its first pack says ${header.offset}` };
  if (fits(header, before?.header, after?.header)) return 'new';
  return { conflict: contradiction(header, before?.header, after?.header) };
};

/** The agent has lost bytes, after a crash in which it did not hear that they are stored: nothing is lost. */
const isStored = (known: PackHeader, { lost, ...come }: PackHeader): boolean =>
  lost !== undefined && known.lost === undefined && isRepeat(known, come);

const hasSameBytes = (known: PackHeader, come: PackHeader): boolean =>
  known.lost === undefined &&
  come.lost === undefined &&
  known.offset === come.offset &&
  known.bytes === come.bytes &&
  known.checksum === come.checksum &&
  known.sha256 === come.sha256;

/** What a repeat must keep and does not. */
const differences = (known: PackHeader, come: PackHeader): string => {
  const fields = (['generation', 'lines'] as const).flatMap((field) =>
    known[field] === come[field] ? [] : `its ${field} was ${known[field]}, not ${come[field]}`,
  );
  return fields.join(', and ') || 'what it says of the end of the hour is not what it said before';
};

const contradiction = (
  header: PackHeader,
  before: PackHeader | undefined,
  after: PackHeader | undefined,
): string => {
  const { generation, offset, bytes } = header;
  const below =
    before &&
    `pack ${before.id} (generation ${before.generation}), which ends at byte ${before.offset + before.bytes}`;
  const above =
    after && `pack ${after.id} (generation ${after.generation}), which begins at byte ${after.offset}`;
  return (
    `it has bytes ${offset} to ${offset + bytes} in generation ${generation}, and that does not fit ` +
    (below && above
      ? `between ${below}, and ${above}`
      : below
        ? `behind ${below}`
        : above
          ? `before ${above}`
          : 'the beginning')
  );
};
