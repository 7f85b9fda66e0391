/** Outputs and deliveries, as operations inside the database thread. See {@link file://./delivery.ts} for what they mean. */
import type { DatabaseSync } from 'node:sqlite';
import { LogdError } from '../../error.ts';
import { type SegmentKey, segmentName } from '../../pack/pack.ts';
import { isNull, readInteger, readText } from '../../sqlite/row.ts';
import type { Row } from '../../sqlite/row.ts';
import type { Change, Delivery, OutputRecord, Position } from '../delivery.ts';
import { readSegment } from './rows.ts';

const DELIVERY = `SELECT d.*, host, stream, hour FROM delivery AS d JOIN segment USING (segment)`;

const readOutput = (row: Row): OutputRecord => ({
  name: readText(row, 'name'),
  paused: readInteger(row, 'paused') === 1,
  start: readText(row, 'start'),
  addedAt: readInteger(row, 'added_at'),
  seen: readInteger(row, 'seen'),
});

const readDelivery = (row: Row): Delivery => ({
  output: readText(row, 'output'),
  host: readText(row, 'host'),
  stream: readText(row, 'stream'),
  hour: readText(row, 'hour'),
  generation: readInteger(row, 'generation'),
  nextId: readInteger(row, 'next_id'),
  delivered: readInteger(row, 'delivered'),
  dropped: readInteger(row, 'dropped'),
  rejected: readInteger(row, 'rejected'),
  attempts: readInteger(row, 'attempts'),
  nextTry: readInteger(row, 'next_try'),
  ...(isNull(row, 'error') ? {} : { error: readText(row, 'error') }),
  stuck: readInteger(row, 'stuck') === 1,
});

const rowOf = (delivery: Delivery) => ({
  output: delivery.output,
  generation: delivery.generation,
  next_id: delivery.nextId,
  delivered: delivery.delivered,
  dropped: delivery.dropped,
  rejected: delivery.rejected,
  attempts: delivery.attempts,
  next_try: delivery.nextTry,
  error: delivery.error ?? null,
  stuck: delivery.stuck ? 1 : 0,
});

export const deliveryReads = (db: DatabaseSync) => {
  const listOutputs = db.prepare('SELECT * FROM output ORDER BY name');
  const listChanges = db.prepare(
    'SELECT change, segment.* FROM change JOIN segment USING (segment) WHERE change > ? ORDER BY change LIMIT ?',
  );
  const newest = db.prepare('SELECT COALESCE(MAX(change), 0) AS newest FROM change');
  const find = db.prepare(`${DELIVERY} WHERE d.output = ? AND host = ? AND stream = ? AND hour = ?`);
  const list = db.prepare(
    `${DELIVERY} WHERE d.output = :output AND hour >= :hour AND hour < :hour || '~'
       AND (host, stream, hour) > (:afterHost, :afterStream, :afterHour)
     ORDER BY host, stream, hour LIMIT :limit`,
  );
  const listFailing = db.prepare(
    `${DELIVERY} WHERE d.output = ? AND d.attempts > 0 ORDER BY d.next_try LIMIT ?`,
  );
  return {
    outputs: (): OutputRecord[] => listOutputs.all().map(readOutput),
    changes: (after: number, limit: number): Change[] =>
      listChanges
        .all(after, limit)
        .map((row) => ({ change: readInteger(row, 'change'), segment: readSegment(row) })),
    newestChange: (): number => readInteger(newest.get() ?? {}, 'newest'),
    delivery: (output: string, { host, stream, hour }: SegmentKey): Delivery | undefined => {
      const row = find.get(output, host, stream, hour);
      return row === undefined ? undefined : readDelivery(row);
    },
    deliveries: (
      output: string,
      { hour = '' }: { readonly hour?: string | undefined },
      { after, limit }: { readonly after?: SegmentKey; readonly limit: number },
    ): Delivery[] =>
      list
        .all({
          ...{ output, hour, limit },
          ...{ afterHost: after?.host ?? '', afterStream: after?.stream ?? '', afterHour: after?.hour ?? '' },
        })
        .map(readDelivery),
    failing: (output: string, limit: number): Delivery[] => listFailing.all(output, limit).map(readDelivery),
  };
};

const outputIn = (db: DatabaseSync) => {
  const find = db.prepare('SELECT * FROM output WHERE name = ?');
  return (name: string): OutputRecord => {
    const row = find.get(name);
    if (row === undefined)
      throw new LogdError('usage', `The ledger knows no output called ${name}. See \`logd outputs\`.`);
    return readOutput(row);
  };
};

export const outputWrites = (db: DatabaseSync) => {
  const known = outputIn(db);
  const insert = db.prepare(
    `INSERT INTO output (name, paused, start, added_at, seen) VALUES (?, 0, ?, ?, 0) ON CONFLICT DO NOTHING`,
  );
  const pause = db.prepare('UPDATE output SET paused = ? WHERE name = ?');
  const remove = db.prepare('DELETE FROM output WHERE name = ?');
  const removeDeliveries = db.prepare('DELETE FROM delivery WHERE output = ?');
  const see = db.prepare('UPDATE output SET seen = ? WHERE name = ? AND seen < ?');
  return {
    addOutput: (name: string, start: string, at: number): OutputRecord => {
      insert.run(name, start, at);
      return known(name);
    },
    pauseOutput: (name: string, paused: boolean): void => {
      known(name);
      pause.run(paused ? 1 : 0, name);
    },
    forgetOutput: (name: string): void => {
      known(name);
      removeDeliveries.run(name);
      remove.run(name);
    },
    sawChanges: (output: string, seen: number): void => void see.run(seen, output, seen),
  };
};

/** Whether an output is where `position` says; a segment that it has not worked on is at the beginning. */
export const positionsIn = (db: DatabaseSync) => {
  const find = db.prepare('SELECT generation, next_id FROM delivery WHERE output = ? AND segment = ?');
  return (output: string, segment: number, { generation, nextId }: Position): boolean => {
    const row = find.get(output, segment);
    if (row === undefined) return generation === 0 && nextId === 1;
    return readInteger(row, 'generation') === generation && readInteger(row, 'next_id') === nextId;
  };
};

export const deliveryWrites = (db: DatabaseSync) => {
  const known = outputIn(db);
  const findSegment = db.prepare('SELECT segment FROM segment WHERE host = ? AND stream = ? AND hour = ?');
  const upsert = db.prepare(
    `INSERT OR REPLACE INTO delivery
       (output, segment, generation, next_id, delivered, dropped, rejected, attempts, next_try, error, stuck)
     VALUES (:output, :segment, :generation, :next_id, :delivered, :dropped, :rejected, :attempts, :next_try, :error, :stuck)`,
  );
  // What is removed or archived cannot be delivered again.
  const inHours = 'hour >= :from AND hour <= :to || :end AND removed_at IS NULL AND archived IS NULL';
  const touch = db.prepare(
    `INSERT OR REPLACE INTO change (segment)
     SELECT segment FROM segment WHERE ${inHours} ORDER BY segment`,
  );
  const reset = db.prepare(
    `UPDATE delivery SET generation = 0, next_id = 1, delivered = 0, dropped = 0, rejected = 0,
       attempts = 0, next_try = 0, error = NULL, stuck = 0
     WHERE output = :output AND segment IN (SELECT segment FROM segment WHERE ${inHours}) RETURNING segment`,
  );
  const unstick = db.prepare(
    'UPDATE delivery SET attempts = 0, next_try = 0, stuck = 0 WHERE output = ? AND stuck = 1 RETURNING segment',
  );
  const touchOne = db.prepare('INSERT OR REPLACE INTO change (segment) VALUES (?)');
  const isAt = positionsIn(db);
  return {
    setDelivery: (delivery: Delivery, from?: Position): boolean => {
      const row = findSegment.get(delivery.host, delivery.stream, delivery.hour);
      if (row === undefined)
        throw new LogdError(
          'conflict',
          `The ledger has no segment ${segmentName(delivery)}: no pack of it was recorded.`,
        );
      const segment = readInteger(row, 'segment');
      if (from !== undefined && !isAt(delivery.output, segment, from)) return false;
      upsert.run({ segment, ...rowOf(delivery) });
      return true;
    },
    /** `~` sorts after every character of a label, so that a day as `to` takes all of its hours. */
    replay: (output: string, from: string, to: string): number => {
      known(output);
      const hours = { from, to, end: '~' };
      const { length } = reset.all({ output, ...hours });
      touch.run(hours);
      return length;
    },
    retryStuck: (output: string): number => {
      known(output);
      const rows = unstick.all(output);
      for (const row of rows) touchOne.run(readInteger(row, 'segment'));
      return rows.length;
    },
  };
};
