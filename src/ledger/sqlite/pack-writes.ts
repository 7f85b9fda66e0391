/** Recording packs, inside the database thread. Each touches a fixed number of indexed rows, however many are recorded. */
import type { DatabaseSync } from 'node:sqlite';
import { type SegmentKey, segmentName } from '../../pack/pack.ts';
import type { CommitResult, PackEntry, PackRecord, SegmentRecord } from '../ledger.ts';
import { isTaken } from '../retention.ts';
import { addPack, fits, isRepeat } from '../rules.ts';
import type { DayCounts } from './day-counts.ts';
import { type HeldSegment, type HeldSegments, insertInto } from './held-segments.ts';
import { packParameters, readPack } from './rows.ts';
import { PACK_COLUMNS } from './schema.ts';

export const packWrites = (db: DatabaseSync, segments: HeldSegments, days: DayCounts) => {
  const atOrBelow = db.prepare('SELECT * FROM pack WHERE segment = ? AND id <= ? ORDER BY id DESC LIMIT 1');
  const above = db.prepare('SELECT * FROM pack WHERE segment = ? AND id > ? ORDER BY id LIMIT 1');
  const insert = db.prepare(insertInto('pack', PACK_COLUMNS));

  const packBy = (
    statement: typeof above,
    held: HeldSegment,
    key: SegmentKey,
    id: number,
  ): PackRecord | undefined => {
    if (held.number === undefined) return undefined;
    const row = statement.get(held.number, id);
    return row === undefined ? undefined : readPack(key, row);
  };

  const record = (held: HeldSegment, entry: PackEntry): CommitResult['outcome'] => {
    const { header } = entry;
    const before = packBy(atOrBelow, held, header, header.id);
    if (before?.header.id === header.id) return isRepeat(before.header, header) ? 'repeat' : 'conflict';
    // Nothing is added to an hour of which something was removed: what it has could not be proven again.
    if (held.record !== undefined && isTaken(held.record)) return 'conflict';
    const behindAll = held.record === undefined || header.id > held.record.highestId;
    const after = behindAll ? undefined : packBy(above, held, header, header.id);
    if (!fits(header, before?.header, after?.header)) return 'conflict';
    days.remove(held.record);
    const generationOf = (id: number): number => packBy(atOrBelow, held, header, id)?.header.generation ?? 0;
    const number = segments.insert(held, addPack(held.record, entry, generationOf));
    insert.run(packParameters(number, entry));
    return 'recorded';
  };

  return {
    commit: (entries: readonly PackEntry[]): CommitResult[] => {
      const touched = new Map<string, HeldSegment>();
      const outcomes = entries.map((entry) => {
        const name = segmentName(entry.header);
        const held = touched.get(name) ?? segments.hold(entry.header);
        touched.set(name, held);
        return { held, outcome: record(held, entry) };
      });
      for (const { number, record: segment } of touched.values())
        if (number !== undefined && segment !== undefined) segments.update(number, segment);
      return outcomes.map(({ held, outcome }, index) => ({
        outcome,
        segment: held.record ?? unseen(entries[index]!),
      }));
    },
  };
};

/** What a segment is before its first pack: for the answer to a first pack that contradicts itself. */
const unseen = ({ header, arrivedAt }: PackEntry): SegmentRecord => ({
  host: header.host,
  stream: header.stream,
  hour: header.hour,
  state: 'open',
  generation: 1,
  packs: 0,
  lines: 0,
  bytes: 0,
  lostPacks: 0,
  lostBytes: 0,
  highestId: 0,
  storedEnd: 0,
  firstArrival: arrivedAt,
  lastArrival: arrivedAt,
  lastLine: header.time,
});
