/** Which ledger this is: the operations of {@link file://./identity.ts} inside the database thread. */
import type { DatabaseSync } from 'node:sqlite';
import { isNull, readInteger, readText } from '../../sqlite/row.ts';
import type { LedgerMark } from '../../pack/ledger-mark.ts';

/** The number of the last change, 0 before there was one. */
export const changeCounter = (db: DatabaseSync): (() => number) => {
  const last = db.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'change'");
  return () => {
    const row = last.get();
    return row === undefined ? 0 : readInteger(row, 'seq');
  };
};

export const identityReads = (db: DatabaseSync) => {
  const identity = db.prepare('SELECT ledger, store FROM identity');
  const started = db.prepare('SELECT number FROM start WHERE start = ?');
  const last = db.prepare('SELECT start FROM start ORDER BY number DESC LIMIT 1');
  const next = db.prepare('SELECT counter FROM start WHERE number > ? ORDER BY number LIMIT 1');
  const counter = changeCounter(db);
  const read = (): { readonly mark: LedgerMark; readonly store: string | undefined } => {
    const row = identity.get() ?? {};
    const mark = {
      id: readText(row, 'ledger'),
      start: readText(last.get() ?? {}, 'start'),
      counter: counter(),
    };
    return { mark, store: isNull(row, 'store') ? undefined : readText(row, 'store') };
  };
  return {
    identity: read,
    knows: (mark: LedgerMark): boolean | undefined => {
      if (mark.id !== read().mark.id) return undefined;
      const row = started.get(mark.start);
      if (row === undefined) return false;
      const later = next.get(readInteger(row, 'number'));
      return mark.counter <= (later === undefined ? counter() : readInteger(later, 'counter'));
    },
  };
};

export const identityWrites = (db: DatabaseSync) => {
  const addStart = db.prepare('INSERT OR IGNORE INTO start (start, counter) VALUES (?, ?)');
  const setStore = db.prepare('UPDATE identity SET store = ?1 WHERE store IS NOT ?1');
  const counter = changeCounter(db);
  return {
    /** To be called before the first record of a start. */
    begin: (start: string, store?: string): void => {
      addStart.run(start, counter());
      if (store !== undefined) setStore.run(store);
    },
    counter,
  };
};
