/**
 * What a module that runs inside the database thread exports: its schema, and its operations over an open database.
 *
 * Operations are synchronous. A write runs inside a transaction that it shares with others, in a savepoint of its own: when
 * it throws, only its own changes are undone. A read runs after the writes that were queued with it are committed.
 * Arguments and results cross the thread by structured clone: plain objects, no functions, no class instances.
 */
import type { DatabaseSync } from 'node:sqlite';
import type { FaultPoint } from '../fault/fault.ts';

/** The tables of a database file, and how they are told from those of another program or another version. */
export interface Schema {
  /** `PRAGMA application_id`: which of logd's databases this is. */
  readonly applicationId: number;
  /** `PRAGMA user_version`. A file with a higher one was written by a newer logd and is refused. */
  readonly version: number;
  /** What the file is called in messages, such as `ledger`. */
  readonly title: string;
  /** What to do when the file is damaged: a sentence for a message. */
  readonly ifDamaged: string;
  /** The statements that create everything in an empty file. */
  readonly create: string;
  /** By the version that a file has: the statements that bring it to the next one. */
  readonly migrations?: Readonly<Record<number, string>>;
}

export type Operation = (...args: never[]) => unknown;

export interface Operations {
  readonly reads: Readonly<Record<string, Operation>>;
  readonly writes: Readonly<Record<string, Operation>>;
}

/** The shape of the module that {@link file://./database-thread.ts} is given. */
export interface DatabaseModule {
  readonly schema: Schema;
  /** Prepares the statements, and returns what can be called. */
  open(db: DatabaseSync): Operations;
}

/** Writes of these names wait so many milliseconds for others to share their transaction, or until another call comes. */
export interface Linger {
  readonly ms: number;
  readonly writes: readonly string[];
}

/** Fault points around the commit of a group. */
export interface CommitFaults {
  readonly beforeCommit: FaultPoint;
  readonly afterCommit: FaultPoint;
}

/** True for a module namespace that has what {@link DatabaseModule} asks for. */
export const isDatabaseModule = (module: unknown): module is DatabaseModule =>
  typeof module === 'object' && module !== null && 'schema' in module && 'open' in module;
