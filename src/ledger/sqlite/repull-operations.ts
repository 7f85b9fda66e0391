/** Packs that are wanted again: the operations of {@link file://./repull.ts} inside the database thread. */
import type { DatabaseSync } from 'node:sqlite';
import { LogdError } from '../../error.ts';
import { type SegmentKey, segmentName } from '../../pack/pack.ts';
import { isNull, readInteger, readText, type Row } from '../../sqlite/row.ts';
import type { NewPlace, SegmentRecord } from '../ledger.ts';
import type { IdRun, RepullRequest, UnavailablePacks } from '../repull.ts';
import { readSegment } from './rows.ts';

const KEY = 'host = ? AND stream = ? AND hour = ?';
/** Requests that are over are kept for so long. */
const KEPT_MS = 35 * 86_400_000;

const keyOf = ({ host, stream, hour }: SegmentKey): readonly [string, string, string] => [host, stream, hour];

/** `3,7-9` */
export const showIdRuns = (runs: readonly IdRun[]): string =>
  runs.map(({ from, to }) => (from === to ? `${from}` : `${from}-${to}`)).join(',');

/** Undefined where the text is not such a list. */
export const parseIdRuns = (text: string): IdRun[] | undefined => {
  const runs = text.split(',').map((part) => {
    const [, from, to = from] = /^([1-9]\d{0,8})(?:-([1-9]\d{0,8}))?$/.exec(part.trim()) ?? [];
    return { from: Number(from), to: Number(to) };
  });
  return runs.every(({ from, to }) => from <= to) ? runs : undefined;
};

const requestOf = (row: Row): RepullRequest => ({
  ...{ host: readText(row, 'host'), stream: readText(row, 'stream'), hour: readText(row, 'hour') },
  packs: readText(row, 'packs') === '' ? [] : (parseIdRuns(readText(row, 'packs')) ?? []),
  state: readText(row, 'state') as RepullRequest['state'],
  requestedAt: readInteger(row, 'requested_at'),
  notedAt: readInteger(row, 'noted_at'),
  ...(isNull(row, 'note') ? {} : { note: readText(row, 'note') }),
  ...(isNull(row, 'file') ? {} : { from: readText(row, 'file') }),
});

export const unavailableOf = (row: Row): UnavailablePacks => ({
  from: readInteger(row, 'first'),
  to: readInteger(row, 'last'),
  reason: readText(row, 'reason'),
});

export const repullReads = (db: DatabaseSync) => {
  const list = db.prepare('SELECT * FROM repull ORDER BY requested_at DESC LIMIT ?');
  const inState = db.prepare('SELECT * FROM repull WHERE state = ? ORDER BY requested_at DESC LIMIT ?');
  const find = db.prepare(`SELECT * FROM repull WHERE ${KEY}`);
  const unavailable = db.prepare(`SELECT * FROM unavailable WHERE ${KEY} ORDER BY first`);
  return {
    repulls: (state: RepullRequest['state'] | undefined, limit: number): RepullRequest[] =>
      (state === undefined ? list.all(limit) : inState.all(state, limit)).map(requestOf),
    repull: (key: SegmentKey): RepullRequest | undefined => {
      const row = find.get(...keyOf(key));
      return row === undefined ? undefined : requestOf(row);
    },
    unavailable: (key: SegmentKey): UnavailablePacks[] => unavailable.all(...keyOf(key)).map(unavailableOf),
  };
};

export const repullWrites = (db: DatabaseSync) => {
  const request = db.prepare(
    `INSERT OR REPLACE INTO repull (host, stream, hour, packs, state, requested_at, noted_at, file) VALUES (?, ?, ?, ?, 'waiting', ?, ?, ?)`,
  );
  const dropOld = db.prepare(`DELETE FROM repull WHERE state <> 'waiting' AND noted_at < ?`);
  const dropUnavailable = db.prepare(`DELETE FROM unavailable WHERE ${KEY}`);
  const note = db.prepare(
    `UPDATE repull SET state = ?, note = ?, noted_at = ? WHERE ${KEY} AND requested_at = ?`,
  );
  const add = db.prepare('INSERT OR REPLACE INTO unavailable VALUES (?, ?, ?, ?, ?, ?)');
  const findSegment = db.prepare(`SELECT * FROM segment WHERE ${KEY}`);
  const replace = db.prepare('UPDATE pack SET at = ?, length = ? WHERE segment = ? AND id = ?');
  const setEnd = db.prepare('UPDATE segment SET stored_end = ? WHERE segment = ?');
  const reprove = db.prepare(
    `UPDATE segment SET state = 'complete', reason = NULL
     WHERE ${KEY} AND state = 'refused' AND lost_packs = 0 AND packs = expected_packs AND highest_id = packs`,
  );
  const known = (key: SegmentKey): Row => {
    const row = findSegment.get(...keyOf(key));
    if (row !== undefined) return row;
    throw new LogdError(
      'conflict',
      `The ledger has no segment ${segmentName(key)}: no pack of it was recorded.`,
    );
  };
  return {
    requestRepull: (key: SegmentKey, packs: readonly IdRun[], at: number, from?: string): void => {
      dropOld.run(at - KEPT_MS);
      dropUnavailable.run(...keyOf(key));
      request.run(...keyOf(key), showIdRuns(packs), at, at, from ?? null);
    },
    noteRepull: (one: RepullRequest): void =>
      void note.run(one.state, one.note ?? null, one.notedAt, ...keyOf(one), one.requestedAt),
    setUnavailable: (key: SegmentKey, { from, to, reason }: UnavailablePacks): void =>
      void add.run(...keyOf(key), from, to, reason),
    replacePlaces: (key: SegmentKey, places: readonly NewPlace[]): void => {
      const number = readInteger(known(key), 'segment');
      let end = 0;
      for (const { id, place } of places) {
        replace.run(place.at, place.length, number, id);
        end = Math.max(end, place.at + place.length);
      }
      setEnd.run(end, number);
    },
    reprove: (key: SegmentKey): SegmentRecord => {
      reprove.run(...keyOf(key));
      return readSegment(known(key));
    },
  };
};
