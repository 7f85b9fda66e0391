/** What retention takes: the operations of {@link file://../retention.ts} inside the database thread. */
import type { DatabaseSync } from 'node:sqlite';
import type { SegmentKey } from '../../pack/pack.ts';
import { readInteger, readText } from '../../sqlite/row.ts';
import type { SegmentRecord } from '../ledger.ts';
import type { Expirable, StreamOfHost, OutputPosition, RetentionStep } from '../retention.ts';
import { positionsIn } from './delivery-operations.ts';
import { type HeldSegments, heldSegments, type KnownSegment } from './held-segments.ts';
import { readSegment } from './rows.ts';

const LEFT: Readonly<Record<RetentionStep, string>> = {
  remove: 'removed_at IS NULL',
  archive: 'archived IS NULL',
};

export const retentionReads = (db: DatabaseSync) => {
  /** One step from a host and stream to the next: `~` sorts after every character of a label. */
  const nextLane = db.prepare(
    `SELECT host, stream FROM segment WHERE (host, stream, hour) > (?, ?, ?) ORDER BY host, stream, hour LIMIT 1`,
  );
  const sealedAt = `coalesce(segment.sealed_at, (SELECT seal.sealed_at FROM seal
    WHERE seal.segment = segment.segment AND seal.generation = segment.generation))`;
  const listOf = (step: RetentionStep) =>
    db.prepare(
      `SELECT * FROM segment WHERE host = ? AND stream = ? AND hour > ? AND hour < ? AND state = 'sealed' AND ${LEFT[step]}
         AND ${sealedAt} < ? ORDER BY hour LIMIT ?`,
    );
  const lists = { remove: listOf('remove'), archive: listOf('archive') };
  const removing = db.prepare('SELECT * FROM segment WHERE removed_at < 0 LIMIT ?');
  return {
    lanes: (after: StreamOfHost | undefined, limit: number): StreamOfHost[] => {
      const lanes: StreamOfHost[] = [];
      for (let last = after; lanes.length < limit;) {
        const row = nextLane.get(last?.host ?? '', last?.stream ?? '', last === undefined ? '' : '~');
        if (row === undefined) break;
        last = { host: readText(row, 'host'), stream: readText(row, 'stream') };
        lanes.push(last);
      }
      return lanes;
    },
    expirable: (
      step: RetentionStep,
      { host, stream }: StreamOfHost,
      { after, before, sealedBefore, limit }: Expirable,
    ): SegmentRecord[] => lists[step].all(host, stream, after, before, sealedBefore, limit).map(readSegment),
    removing: (limit: number): SegmentRecord[] => removing.all(limit).map(readSegment),
  };
};

/** Finds a segment that may be taken from. An archived one has no positions any more: all outputs had it. */
const settledIn = (db: DatabaseSync, segments: HeldSegments) => {
  const isAt = positionsIn(db);
  const countOutputs = db.prepare('SELECT count(*) AS outputs FROM output');
  const isWanted = db.prepare(
    `SELECT 1 FROM repull WHERE host = ? AND stream = ? AND hour = ? AND state = 'waiting'`,
  );
  return (
    key: SegmentKey,
    generation: number,
    positions: readonly OutputPosition[],
  ): KnownSegment | undefined => {
    const known = segments.known(key);
    const { number, record } = known;
    if (record.state !== 'sealed' || record.generation !== generation) return undefined;
    if (isWanted.get(key.host, key.stream, key.hour) !== undefined) return undefined;
    if (record.archived === true) return known;
    if (readInteger(countOutputs.get() ?? {}, 'outputs') !== positions.length) return undefined;
    return positions.every((position) => isAt(position.output, number, position)) ? known : undefined;
  };
};

export const retentionWrites = (db: DatabaseSync) => {
  const segments = heldSegments(db);
  const settled = settledIn(db, segments);
  const setRemoved = db.prepare('UPDATE segment SET removed_at = ? WHERE segment = ?');
  const setArchived = db.prepare(
    `UPDATE segment SET archived = 1, sealed_at = seal.sealed_at FROM seal
     WHERE segment.segment = ? AND seal.segment = segment.segment AND seal.generation = segment.generation
       AND seal.packs = segment.expected_packs AND seal.lines = segment.lines AND seal.bytes = segment.bytes
       AND seal.sha256 = segment.expected_sha256
       AND seal.first_arrival = segment.first_arrival AND seal.last_arrival = segment.last_arrival`,
  );
  const dropPacks = db.prepare('DELETE FROM pack WHERE segment = ?');
  const dropSeal = db.prepare('DELETE FROM seal WHERE segment = ? AND generation = ?');
  const dropDeliveries = db.prepare('DELETE FROM delivery WHERE segment = ?');
  const dropChange = db.prepare('DELETE FROM change WHERE segment = ?');

  return {
    beginRemoval: (
      key: SegmentKey,
      generation: number,
      positions: readonly OutputPosition[],
      at: number,
    ): boolean => {
      const known = settled(key, generation, positions);
      if (known === undefined || known.record.removed !== undefined) return false;
      setRemoved.run(-at, known.number);
      return true;
    },
    endRemoval: (key: SegmentKey): void => {
      const { number, record } = segments.known(key);
      if (record.removed !== undefined) setRemoved.run(record.removed, number);
    },
    archive: (key: SegmentKey, generation: number, positions: readonly OutputPosition[]): boolean => {
      const known = settled(key, generation, positions);
      if (known === undefined || known.record.archived === true) return false;
      const { number } = known;
      if (setArchived.run(number).changes === 0) return false;
      for (const drop of [dropPacks, dropDeliveries, dropChange]) drop.run(number);
      dropSeal.run(number, generation);
      return true;
    },
  };
};
