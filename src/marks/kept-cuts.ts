/** Cuts that are acked and kept, and the ledgers that acked them: operations inside the database thread of the marks. */
import type { DatabaseSync } from 'node:sqlite';
import { readInteger, readText } from '../sqlite/row.ts';
import type { LedgerMark } from '../pack/ledger-mark.ts';
import type { KeptSegment, KnownLedger } from './cut.ts';

const FIND_LEDGER = 'SELECT number, recovering FROM ledgers WHERE id = ?';

export const keptReads = (db: DatabaseSync) => {
  const findLedger = db.prepare(FIND_LEDGER);
  const findHeard = db.prepare('SELECT start, counter FROM heard WHERE ledger = ?');
  const ofLedger =
    '(?1 IS NULL OR k.ledger IS NULL OR k.ledger = (SELECT number FROM ledgers WHERE id = ?1))';
  const segments = db.prepare(
    `SELECT s.id, s.stream, s.hour, max(k.id) AS packs FROM segments s JOIN kept k ON k.segment = s.id
     WHERE s.id > ?2 AND ${ofLedger} GROUP BY s.id ORDER BY s.id LIMIT ?3`,
  );
  const remembered = db.prepare(
    `SELECT id FROM kept WHERE segment = ?1 AND id BETWEEN ?2 AND ?3
     UNION SELECT id FROM cuts WHERE segment = ?1 AND id BETWEEN ?2 AND ?3 ORDER BY id`,
  );
  return {
    /** Ids `from` to `to` of which there is a cut, acked or not. */
    remembered: (segment: number, from: number, to: number): number[] =>
      remembered.all(segment, from, to).map((row) => readInteger(row, 'id')),
    ledger: (id: string): KnownLedger | undefined => {
      const row = findLedger.get(id);
      if (row === undefined) return undefined;
      const marks = findHeard.all(readInteger(row, 'number')).map((heard) => ({
        ...{ id, start: readText(heard, 'start'), counter: readInteger(heard, 'counter') },
      }));
      return { marks, recovering: readInteger(row, 'recovering') === 1 };
    },
    /** Hours with cuts that this ledger acked, or nobody knows which; all, when it is undefined. */
    keptSegments: (ledger: string | undefined, afterId: number, limit: number): KeptSegment[] =>
      segments.all(ledger ?? null, afterId, limit).map((row) => ({
        id: readInteger(row, 'id'),
        stream: readText(row, 'stream'),
        hour: readText(row, 'hour'),
        packs: readInteger(row, 'packs'),
      })),
  };
};

/** Notes a mark, where its ledger has a row; returns the row's number, null where there is none. A mark that says nothing new writes nothing. */
const marksHeard = (db: DatabaseSync): ((mark: LedgerMark) => number | null) => {
  const find = db.prepare(FIND_LEDGER);
  const note = db.prepare(
    'INSERT INTO heard VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET counter = max(counter, excluded.counter)',
  );
  let last: (LedgerMark & { readonly number: number }) | undefined;
  return (mark) => {
    const { id, start, counter } = mark;
    if (last?.id === id && last.start === start && last.counter >= counter) return last.number;
    const row = find.get(id);
    if (row === undefined) return null;
    const number = readInteger(row, 'number');
    note.run(number, start, counter);
    last = { ...mark, number };
    return number;
  };
};

/** `columns`: those of a cut. */
export const keptWrites = (db: DatabaseSync, columns: string) => {
  const hear = marksHeard(db);
  const inRun = 'segment = ? AND id BETWEEN ? AND ?';
  const keep = db.prepare(
    `INSERT OR REPLACE INTO kept SELECT ${columns}, ?, ? FROM cuts WHERE segment = ? AND id = ?`,
  );
  const addLedger = db.prepare('INSERT OR IGNORE INTO ledgers (id, recovering) VALUES (?, 0)');
  const dropHeard = db.prepare(
    'DELETE FROM heard WHERE ledger = (SELECT number FROM ledgers WHERE id = ?) AND start = ?',
  );
  const setRecovering = db.prepare('UPDATE ledgers SET recovering = ? WHERE id = ?');
  const drop = db.prepare('DELETE FROM kept WHERE acked_at < ?');
  const ids = db.prepare(`SELECT id FROM kept WHERE ${inRun} ORDER BY id`);
  const revive = db.prepare(`INSERT INTO cuts SELECT ${columns} FROM kept WHERE ${inRun}`);
  const dropRun = db.prepare(`DELETE FROM kept WHERE ${inRun}`);
  return {
    /** Keeps a copy of a cut that was acked. */
    keep: (segment: number, id: number, at: number, ledger: LedgerMark | undefined): void =>
      void keep.run(at, ledger === undefined ? null : hear(ledger), segment, id),
    /** A ledger is known from now on. `behind`: it does not know what it acked; until `recovered` it is asked at each connection. */
    heardOf: (mark: LedgerMark, behind: boolean): void => {
      addLedger.run(mark.id);
      hear(mark);
      if (behind) setRecovering.run(1, mark.id);
    },
    /** It knows these, and so whatever came before the newest. */
    known: (marks: readonly LedgerMark[], newest: LedgerMark): void => {
      for (const { id, start } of marks) if (start !== newest.start) dropHeard.run(id, start);
    },
    recovered: (id: string): void => void setRecovering.run(0, id),
    /** Kept cuts `from` to `to` count as not acked again; returns their ids. */
    revive: (segment: number, from: number, to: number): number[] => {
      const found = ids.all(segment, from, to).map((row) => readInteger(row, 'id'));
      revive.run(segment, from, to);
      dropRun.run(segment, from, to);
      return found;
    },
    dropKept: (ackedBefore: number): void => void drop.run(ackedBefore),
  };
};
