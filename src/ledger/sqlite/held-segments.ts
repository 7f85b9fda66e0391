/** Segments during a write, inside the database thread: found by name, changed row by row. */
import type { DatabaseSync } from 'node:sqlite';
import { LogdError } from '../../error.ts';
import { type SegmentKey, segmentName } from '../../pack/pack.ts';
import { readInteger } from '../../sqlite/row.ts';
import type { SegmentRecord } from '../ledger.ts';
import { readSegment, segmentParameters } from './rows.ts';
import { SEGMENT_COLUMNS } from './schema.ts';

/** `INSERT` with one named parameter for each column. */
export const insertInto = (table: string, columns: readonly string[]): string => {
  const names = columns.map((name) => `"${name}"`).join(', ');
  return `INSERT INTO ${table} (${names}) VALUES (${columns.map((name) => `:${name}`).join(', ')})`;
};

/** A segment during a write. `number` is its row; undefined until it has one. */
export interface HeldSegment {
  number: number | undefined;
  record: SegmentRecord | undefined;
}

/** One that has a row. */
export interface KnownSegment {
  readonly number: number;
  readonly record: SegmentRecord;
}

export interface HeldSegments {
  hold(key: SegmentKey): HeldSegment;
  /** Throws `conflict` where the ledger has no such segment. */
  known(key: SegmentKey): KnownSegment;
  /** Gives the segment a row, unless it has one. Returns its number. */
  insert(held: HeldSegment, record: SegmentRecord): number;
  update(number: number, record: SegmentRecord): void;
}

export const heldSegments = (db: DatabaseSync): HeldSegments => {
  const find = db.prepare('SELECT * FROM segment WHERE host = ? AND stream = ? AND hour = ?');
  const insert = db.prepare(`${insertInto('segment', SEGMENT_COLUMNS)} RETURNING segment`);
  const update = db.prepare(
    `UPDATE segment SET ${SEGMENT_COLUMNS.map((name) => `${name} = :${name}`).join(', ')} WHERE segment = :segment`,
  );

  const hold = (key: SegmentKey): HeldSegment => {
    const row = find.get(key.host, key.stream, key.hour);
    return row === undefined
      ? { number: undefined, record: undefined }
      : { number: readInteger(row, 'segment'), record: readSegment(row) };
  };
  return {
    hold,
    known(key) {
      const { number, record } = hold(key);
      if (number === undefined || record === undefined)
        throw new LogdError(
          'conflict',
          `The ledger has no segment ${segmentName(key)}: no pack of it was recorded.`,
        );
      return { number, record };
    },
    insert(held, record) {
      held.record = record;
      held.number ??= readInteger(insert.get(segmentParameters(record)) ?? {}, 'segment');
      return held.number;
    },
    update: (number, record) => void update.run({ ...segmentParameters(record), segment: number }),
  };
};
