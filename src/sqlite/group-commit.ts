/**
 * Group commit: runs every queued write in one transaction, so that all of them share one fsync.
 *
 * Invariants
 * - A write's answer says success only after the COMMIT that holds it returned.
 * - A write that throws is undone alone; the others commit. That is rare, so savepoints are only taken once it has happened: the
 *   group is undone, and run again with one around each write.
 * - When the transaction itself fails, every write in it is answered with that failure, and the database is usable again.
 * - When a COMMIT fails in a way that leaves it open whether the group is on the disk (an fsync that failed), the database must be
 *   closed: only the next opening tells. Until then nobody may act as if the group were not recorded.
 */
import type { DatabaseSync } from 'node:sqlite';
import { fault } from '../fault/fault.ts';
import type { LogdError } from '../error.ts';
import { isInDoubt, toFailure } from './failure.ts';
import type { Failure } from './failure.ts';
import type { CommitFaults, Operation } from './operations.ts';

/** One call of an operation, as it crosses the thread. */
export interface Call {
  /** Chosen by the caller; the answer carries it. */
  readonly id: number;
  readonly kind: 'read' | 'write';
  readonly name: string;
  readonly args: readonly unknown[];
}

/** The answer to a call: a value, or why there is none. */
export interface WriteAnswer {
  readonly id: number;
  readonly value?: unknown;
  readonly failure?: Failure;
}

/** Runs calls on a database. */
export interface CallRunner {
  /** The answers, in the order of the calls; or why it is open what is recorded, after which nothing may be called. Never throws. */
  commit(writes: readonly Call[]): WriteAnswer[] | LogdError;
  read(call: Call): WriteAnswer;
}

/** Looks up the operation of a call. */
export type Lookup = (call: Call) => Operation;

export const callRunner = (
  db: DatabaseSync,
  asLogdError: (error: unknown) => LogdError,
  lookup: Lookup,
  faults: CommitFaults | undefined,
): CallRunner => {
  const begin = db.prepare('BEGIN IMMEDIATE');
  const commit = db.prepare('COMMIT');
  const rollback = db.prepare('ROLLBACK');
  const savepoint = db.prepare('SAVEPOINT one_call');
  const release = db.prepare('RELEASE one_call');
  const undo = db.prepare('ROLLBACK TO one_call');
  const invoke = (call: Call): unknown => lookup(call)(...(call.args as never[]));
  const failed = (call: Call, error: unknown): WriteAnswer => ({
    id: call.id,
    failure: toFailure(asLogdError(error)),
  });

  const inSavepoint = (call: Call): WriteAnswer => {
    savepoint.run();
    try {
      const value = invoke(call);
      release.run();
      return { id: call.id, value };
    } catch (error) {
      // On some failures (disk full, I/O error) SQLite itself rolls the whole transaction back.
      if (!db.isTransaction) throw error;
      undo.run();
      release.run();
      return failed(call, error);
    }
  };

  /** The answers when all writes succeed; undefined, with the transaction undone, when one of them fails. */
  const allOrNothing = (writes: readonly Call[]): WriteAnswer[] | undefined => {
    begin.run();
    try {
      return writes.map((call) => ({ id: call.id, value: invoke(call) }));
    } catch {
      if (db.isTransaction) rollback.run();
      return undefined;
    }
  };

  const oneByOne = (writes: readonly Call[]): WriteAnswer[] => {
    begin.run();
    return writes.map(inSavepoint);
  };

  return {
    commit: (writes) => {
      let inDoubt = false;
      try {
        const answers = allOrNothing(writes) ?? oneByOne(writes);
        if (faults !== undefined) fault(faults.beforeCommit);
        inDoubt = true;
        commit.run();
        if (faults !== undefined) fault(faults.afterCommit);
        return answers;
      } catch (error) {
        if (inDoubt && isInDoubt(error)) return asLogdError(error);
        if (db.isTransaction) rollback.run();
        return writes.map((call) => failed(call, error));
      }
    },
    read: (call) => {
      try {
        return { id: call.id, value: invoke(call) };
      } catch (error) {
        return failed(call, error);
      }
    },
  };
};
