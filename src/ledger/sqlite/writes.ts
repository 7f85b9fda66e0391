/**
 * What changes the ledger, as operations inside the database thread. Each touches a fixed number of indexed rows for each
 * pack, however many are recorded. Every write either throws and changes nothing, or does all of what it says.
 */
import type { DatabaseSync } from 'node:sqlite';
import { LogdError } from '../../error.ts';
import { segmentName } from '../../pack/pack.ts';
import type { SegmentKey } from '../../pack/pack.ts';
import { readInteger } from '../../sqlite/row.ts';
import type { CommitResult, DayRecord, PackEntry, PackRecord, Seal, SegmentRecord } from '../ledger.ts';
import { packParameters, readDay, readPack, readSegment, sealParameters, segmentParameters } from './rows.ts';
import type { Parameters } from './rows.ts';
import { PACK_COLUMNS, SEAL_COLUMNS, SEGMENT_COLUMNS } from './schema.ts';
import { addPack, dayShare, fits, isRepeat, reopened } from '../rules.ts';

/** `INSERT` with one named parameter for each column. */
const insertInto = (table: string, columns: readonly string[]): string => {
  const names = columns.map((name) => `"${name}"`).join(', ');
  return `INSERT INTO ${table} (${names}) VALUES (${columns.map((name) => `:${name}`).join(', ')})`;
};

/** A segment during a write. `number` is its row; undefined until it has one. */
interface HeldSegment {
  number: number | undefined;
  record: SegmentRecord | undefined;
}

export const ledgerWrites = (db: DatabaseSync) => {
  const findSegment = db.prepare('SELECT * FROM segment WHERE host = ? AND stream = ? AND hour = ?');
  const insertSegment = db.prepare(`${insertInto('segment', SEGMENT_COLUMNS)} RETURNING segment`);
  const updateSegment = db.prepare(
    `UPDATE segment SET ${SEGMENT_COLUMNS.map((name) => `${name} = :${name}`).join(', ')} WHERE segment = :segment`,
  );
  const packAtOrBelow = db.prepare(
    'SELECT * FROM pack WHERE segment = ? AND id <= ? ORDER BY id DESC LIMIT 1',
  );
  const packAbove = db.prepare('SELECT * FROM pack WHERE segment = ? AND id > ? ORDER BY id LIMIT 1');
  const insertPack = db.prepare(insertInto('pack', PACK_COLUMNS));
  const findSeal = db.prepare('SELECT sha256 FROM seal WHERE segment = ? AND generation = ?');
  const insertSeal = db.prepare(insertInto('seal', SEAL_COLUMNS));
  const dayKey = 'host = :host AND stream = :stream AND day = :day AND daily = :daily';
  const countSealed = db.prepare(
    `INSERT INTO day (host, stream, day, daily, sealed, hours) VALUES (:host, :stream, :day, :daily, 1, :hours)
     ON CONFLICT DO UPDATE SET sealed = sealed + 1, hours = max(hours, excluded.hours) RETURNING *`,
  );
  const countReopened = db.prepare(`UPDATE day SET sealed = sealed - 1 WHERE ${dayKey}`);
  const findDay = db.prepare(`SELECT * FROM day WHERE ${dayKey}`);
  const expireOpen = db.prepare(
    `UPDATE segment SET state = 'incomplete', reason = ? WHERE state = 'open' AND last_arrival < ? RETURNING *`,
  );

  const hold = (key: SegmentKey): HeldSegment => {
    const row = findSegment.get(key.host, key.stream, key.hour);
    return row === undefined
      ? { number: undefined, record: undefined }
      : { number: readInteger(row, 'segment'), record: readSegment(row) };
  };
  const known = (key: SegmentKey): { readonly number: number; readonly record: SegmentRecord } => {
    const { number, record } = hold(key);
    if (number === undefined || record === undefined)
      throw new LogdError(
        'conflict',
        `The ledger has no segment ${segmentName(key)}: no pack of it was recorded.`,
      );
    return { number, record };
  };
  const packBy = (
    statement: typeof packAbove,
    held: HeldSegment,
    key: SegmentKey,
    id: number,
  ): PackRecord | undefined => {
    if (held.number === undefined) return undefined;
    const row = statement.get(held.number, id);
    return row === undefined ? undefined : readPack(key, row);
  };
  const store = (held: HeldSegment, record: SegmentRecord): number => {
    held.record = record;
    if (held.number === undefined)
      held.number = readInteger(insertSegment.get(segmentParameters(record)) ?? {}, 'segment');
    return held.number;
  };
  /** Which row of `day` the segment counts in; undefined where it counts in none. */
  const dayOf = (
    segment: SegmentRecord,
  ): { readonly key: Parameters; readonly hours: number } | undefined => {
    const share = segment.expected === undefined ? undefined : dayShare(segment.hour, segment.expected);
    if (share === undefined) return undefined;
    const { host, stream } = segment;
    return { key: { host, stream, day: share.day, daily: share.daily ? 1 : 0 }, hours: share.hours };
  };
  /** Before a sealed segment becomes open again: its day has one sealed segment less. */
  const uncount = (segment: SegmentRecord | undefined): void => {
    const day = segment?.state === 'sealed' ? dayOf(segment) : undefined;
    if (day !== undefined) countReopened.run(day.key);
  };

  const record = (held: HeldSegment, entry: PackEntry): CommitResult['outcome'] => {
    const { header } = entry;
    const before = packBy(packAtOrBelow, held, header, header.id);
    if (before?.header.id === header.id) return isRepeat(before.header, header) ? 'repeat' : 'conflict';
    const behindAll = held.record === undefined || header.id > held.record.highestId;
    const after = behindAll ? undefined : packBy(packAbove, held, header, header.id);
    if (!fits(header, before?.header, after?.header)) return 'conflict';
    uncount(held.record);
    const generationOf = (id: number): number =>
      packBy(packAtOrBelow, held, header, id)?.header.generation ?? 0;
    insertPack.run(packParameters(store(held, addPack(held.record, entry, generationOf)), entry));
    return 'recorded';
  };

  return {
    commit: (entries: readonly PackEntry[]): CommitResult[] => {
      const touched = new Map<string, HeldSegment>();
      const outcomes = entries.map((entry) => {
        const name = segmentName(entry.header);
        const held = touched.get(name) ?? hold(entry.header);
        touched.set(name, held);
        return { held, outcome: record(held, entry) };
      });
      for (const { number, record: segment } of touched.values())
        if (number !== undefined && segment !== undefined)
          updateSegment.run({ ...segmentParameters(segment), segment: number });
      return outcomes.map(({ held, outcome }, index) => ({
        outcome,
        segment: held.record ?? unseen(entries[index]!),
      }));
    },

    seal: (seal: Seal): { readonly day: DayRecord | undefined } => {
      const { number, record: segment } = known(seal);
      const day = dayOf(segment);
      if (!isProvenBy(segment, seal))
        throw new LogdError(
          'conflict',
          `Cannot record the seal of ${segmentName(seal)}, generation ${seal.generation}: the segment is ${segment.state}, or adds up to something else.`,
        );
      // A second call with the same seal, after a failure that left the first in doubt, counts nothing twice.
      if (segment.state === 'sealed' && findSeal.get(number, seal.generation) !== undefined) {
        const row = day === undefined ? undefined : findDay.get(day.key);
        return { day: row === undefined ? undefined : readDay(row) };
      }
      insertSeal.run(sealParameters(number, seal));
      const { reason: _, ...rest } = segment;
      updateSegment.run({ ...segmentParameters({ ...rest, state: 'sealed' }), segment: number });
      const row = day === undefined ? undefined : countSealed.get({ ...day.key, hours: day.hours });
      return { day: row === undefined ? undefined : readDay(row) };
    },

    close: (key: SegmentKey, state: 'refused' | 'incomplete', reason: string): void => {
      const { number, record: segment } = known(key);
      if (segment.state === 'sealed')
        throw new LogdError(
          'conflict',
          `Cannot close ${segmentName(key)} as ${state}: it is sealed, and a seal is never changed.`,
        );
      updateSegment.run({ ...segmentParameters({ ...segment, state, reason }), segment: number });
    },

    reopen: (key: SegmentKey, generation: number): SegmentRecord => {
      const { number, record: segment } = known(key);
      if (segment.state === 'open' || segment.state === 'complete') return segment;
      if (generation <= segment.generation)
        throw new LogdError(
          'conflict',
          `Cannot reopen ${segmentName(key)} for generation ${generation}: it is at ${segment.generation}.`,
        );
      uncount(segment);
      const record = reopened(segment, generation);
      updateSegment.run({ ...segmentParameters(record), segment: number });
      return record;
    },

    expire: (before: number, reason: string): SegmentRecord[] =>
      expireOpen.all(reason, before).map(readSegment),
  };
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
