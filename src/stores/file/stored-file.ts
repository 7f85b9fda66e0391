/** One file of a store, as long as it is in use: what is known of it, and its modes. */
import type { FileHandle } from 'node:fs/promises';
import { descriptorAdvice, errnoOf, LogdError, messageOf } from '../../error.ts';
import type { Identity } from './presence.ts';
import { type InTurn, inTurn } from './turn.ts';

export const WRITABLE = 0o222;
/** Read-only for all who could read it. */
export const sealedMode = (mode: number): number => mode & 0o777 & ~WRITABLE;

/** Writable again for its owner. */
export const reopenedMode = (mode: number): number => (mode & 0o777) | 0o200;

export interface StoredFile {
  readonly name: string;
  /** Empty until the first job on it. */
  path: string;
  /** Where the next pack of an appended file goes. */
  end: number;
  /** `end` as of the last fsync that succeeded. */
  durableEnd: number;
  /** False until the file was opened or recovered: `end` means nothing then. */
  known: boolean;
  handle: FileHandle | undefined;
  /** Of the file that was last opened; undefined before, and where another may take its place. */
  identity: Identity | undefined;
  /** The round (see StoredFiles) in which it was last seen to be all there. */
  seenIn: number;
  /** Written to since the last fsync began. */
  dirty: boolean;
  doomed: boolean;
  era: number;
  /** Jobs and fsyncs that run or wait. */
  users: number;
  /** It has room and is not open yet. */
  entering: boolean;
  readonly turn: InTurn;
  readonly syncTurn: InTurn;
}

export const newFile = (name: string): StoredFile => ({
  name,
  path: '',
  end: 0,
  durableEnd: 0,
  known: false,
  handle: undefined,
  identity: undefined,
  seenIn: -1,
  dirty: false,
  doomed: false,
  era: 0,
  users: 0,
  entering: false,
  turn: inTurn(),
  syncTurn: inTurn(),
});

const isFull = (cause: unknown): boolean => ['ENOSPC', 'EDQUOT'].includes(errnoOf(cause) ?? '');

export const storageError = (what: string, path: string, cause: unknown): LogdError => {
  if (cause instanceof LogdError) return cause;
  const message = isFull(cause)
    ? `Disk full: cannot ${what} ${path}. Free space; no restart needed.`
    : `Cannot ${what} ${path}: ${messageOf(cause)}.${descriptorAdvice(cause) === undefined ? ' Make sure that the disk is healthy.' : ''}`;
  return new LogdError('storage', message, { retryable: true, cause });
};
