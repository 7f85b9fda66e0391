/**
 * What changes the ledger's segments, as operations inside the database thread. Every write either throws and changes nothing, or does
 * all of what it says.
 */
import type { DatabaseSync } from 'node:sqlite';
import { LogdError } from '../../error.ts';
import { segmentName } from '../../pack/pack.ts';
import type { SegmentKey } from '../../pack/pack.ts';
import type { DayRecord, Seal, SegmentRecord } from '../ledger.ts';
import { isTaken } from '../retention.ts';
import { reopened } from '../rules.ts';
import { dayCounts } from './day-counts.ts';
import { heldSegments, insertInto } from './held-segments.ts';
import { packWrites } from './pack-writes.ts';
import { readSegment, sealParameters } from './rows.ts';
import { SEAL_COLUMNS } from './schema.ts';

export const ledgerWrites = (db: DatabaseSync) => {
  const segments = heldSegments(db);
  const days = dayCounts(db);
  const findSeal = db.prepare('SELECT sha256 FROM seal WHERE segment = ? AND generation = ?');
  const insertSeal = db.prepare(insertInto('seal', SEAL_COLUMNS));
  const expireOpen = db.prepare(
    `UPDATE segment SET state = 'incomplete', reason = ? WHERE state = 'open' AND last_arrival < ? RETURNING *`,
  );

  return {
    ...packWrites(db, segments, days),

    seal: (seal: Seal): { readonly day: DayRecord | undefined } => {
      const { number, record: segment } = segments.known(seal);
      if (!isProvenBy(segment, seal))
        throw new LogdError(
          'conflict',
          `Cannot record the seal of ${segmentName(seal)}, generation ${seal.generation}: the segment is ${segment.state}, or adds up to something else.`,
        );
      // A second call with the same seal, after a failure that left the first in doubt, counts nothing twice.
      if (segment.state === 'sealed' && findSeal.get(number, seal.generation) !== undefined)
        return { day: days.of(segment) };
      insertSeal.run(sealParameters(number, seal));
      const { reason: _, ...rest } = segment;
      segments.update(number, { ...rest, state: 'sealed' });
      return { day: days.add(segment) };
    },

    close: (key: SegmentKey, state: 'refused' | 'incomplete', reason: string): void => {
      const { number, record: segment } = segments.known(key);
      if (segment.state === 'sealed')
        throw new LogdError(
          'conflict',
          `Cannot close ${segmentName(key)} as ${state}: it is sealed, and a seal is never changed.`,
        );
      segments.update(number, { ...segment, state, reason });
    },

    reopen: (key: SegmentKey, generation: number): SegmentRecord => {
      const { number, record: segment } = segments.known(key);
      if (segment.state === 'open' || segment.state === 'complete') return segment;
      refuseTaken(segment);
      if (generation <= segment.generation)
        throw new LogdError(
          'conflict',
          `Cannot reopen ${segmentName(key)} for generation ${generation}: it is at ${segment.generation}.`,
        );
      days.remove(segment);
      const record = reopened(segment, generation);
      segments.update(number, record);
      return record;
    },

    expire: (before: number, reason: string): SegmentRecord[] =>
      expireOpen.all(reason, before).map(readSegment),
  };
};

const refuseTaken = (segment: SegmentRecord): void => {
  if (isTaken(segment))
    throw new LogdError(
      'conflict',
      `Cannot reopen ${segmentName(segment)}: retention has removed its file, or its packs.`,
    );
};

/** True when the seal says of a complete (or already sealed) segment exactly what its newest `done` says. */
const isProvenBy = (segment: SegmentRecord, seal: Seal): boolean =>
  (segment.state === 'complete' || segment.state === 'sealed') &&
  segment.generation === seal.generation &&
  segment.expected?.packs === seal.packs &&
  segment.expected.lines === seal.lines &&
  segment.expected.bytes === seal.bytes &&
  segment.expected.sha256 === seal.sha256 &&
  segment.lines === seal.lines &&
  segment.bytes === seal.bytes;
