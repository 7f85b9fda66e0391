/** A small database for the thread's tests: notes, and ways to make it fail. */
import type { DatabaseSync } from 'node:sqlite';
import { LogdError } from '../../src/error.ts';
import type { Schema } from '../../src/sqlite/operations.ts';
import { readInteger } from '../../src/sqlite/row.ts';

export const schema: Schema = {
  applicationId: 4711,
  version: 2,
  title: 'notebook',
  ifDamaged: 'Write it anew.',
  create: `CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT NOT NULL,
    parent INTEGER REFERENCES note DEFERRABLE INITIALLY DEFERRED) STRICT`,
};

export const open = (db: DatabaseSync) => {
  const insert = db.prepare('INSERT INTO note (text, parent) VALUES (?, ?)');
  const count = db.prepare('SELECT count(*) AS notes FROM note');
  return {
    reads: {
      count: (): number => readInteger(count.get() ?? {}, 'notes'),
      setting: (name: string): unknown => Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0],
      /** Lets the thread die as if by a defect, outside of any call. */
      die: (): void => {
        setImmediate(() => {
          throw new Error('a defect');
        });
      },
      /** Stops the thread: sets `gate[0]`, and waits until `gate[1]` is set. */
      block: (gate: Int32Array): void => {
        Atomics.store(gate, 0, 1);
        Atomics.notify(gate, 0);
        Atomics.wait(gate, 1, 0);
      },
    },
    writes: {
      add: (text: string): void => {
        insert.run(text, null);
      },
      addThenFail: (text: string): void => {
        insert.run(text, null);
        throw new LogdError('conflict', 'No such note, please.', { retryable: true });
      },
      /** Is noticed by COMMIT, not before. */
      addOrphan: (text: string): void => {
        insert.run(text, 1_000_000);
      },
      /** The database may hold this many pages from now on, as on a full disk. */
      limitPages: (pages: number): void => {
        db.exec(`PRAGMA max_page_count = ${pages}`);
      },
    },
  };
};

export type NotesOperations = ReturnType<typeof open>;
