/**
 * Failures of SQLite as LogdErrors, and LogdErrors as plain objects that can cross a thread.
 */
import { isOutOfDescriptors } from '../disk/descriptors.ts';
import { LogdError, errnoOf, messageOf } from '../error.ts';
import type { ErrorCode } from '../error.ts';

/** A LogdError as it crosses the thread: structured clone would keep neither class nor code. */
export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly retryable: boolean;
}

const IO_ERROR = 10;
const CANNOT_OPEN = 14;
const CORRUPT = 11;
const NO_DATABASE = 26;

/** Primary result codes (the low byte of `errcode`), see https://www.sqlite.org/rescode.html. */
const ADVICE: Readonly<Record<number, { readonly retryable: boolean; readonly todo: string }>> = {
  5: { retryable: true, todo: 'Another process holds its write lock; only one logd may own it.' },
  6: { retryable: true, todo: 'Another process holds its write lock; only one logd may own it.' },
  7: { retryable: true, todo: 'Free memory on this machine.' },
  8: { retryable: false, todo: 'It is read-only here: check who owns it and how it was opened.' },
  [IO_ERROR]: { retryable: true, todo: 'Check the disk.' },
  [CORRUPT]: { retryable: false, todo: 'The file is damaged.' },
  13: { retryable: true, todo: 'Disk full: free space; no restart needed.' },
  [CANNOT_OPEN]: {
    retryable: true,
    todo: 'Check that it exists and that its directory can be read and written.',
  },
  [NO_DATABASE]: {
    retryable: false,
    todo: 'Check the configured path. If it is right, the file is damaged.',
  },
};

/** SQLite's primary result code of an error that `node:sqlite` threw, or undefined. */
const resultCodeOf = (error: unknown): number | undefined =>
  error instanceof Error && 'errcode' in error && typeof error.errcode === 'number'
    ? error.errcode & 0xff
    : undefined;

/** Of a COMMIT that failed: true unless it is certain that nothing of it will be there after a crash. */
export const isInDoubt = (error: unknown): boolean => (resultCodeOf(error) ?? IO_ERROR) === IO_ERROR;

/** True for `ENOSPC`, `EIO` and the like, which may pass; false for Node's own `ERR_…`, which are defects of ours. */
const isSystemError = (error: unknown): boolean => /^E(?!RR_)/.test(errnoOf(error) ?? '');

/** What a reader throws who finds in the file what was never written: the same as when SQLite finds it. */
export const damage = (what: string): Error => Object.assign(new Error(what), { errcode: CORRUPT });

/** Anything thrown while working on the database at `path`, as a LogdError. `ifDamaged`: what to do then, see `Schema`. */
export const databaseError = (error: unknown, path: string, ifDamaged = ''): LogdError => {
  if (error instanceof LogdError) return error;
  const code = resultCodeOf(error);
  const advice = code === undefined ? undefined : ADVICE[code];
  const isDamage = code === CORRUPT || code === NO_DATABASE;
  // SQLite opens files of its own, such as the journal, and does not say why it cannot.
  const isShort = (code === CANNOT_OPEN || code === IO_ERROR) && isOutOfDescriptors();
  const first = isShort
    ? 'This process may open no more files: raise LimitNOFILE (ulimit -n).'
    : advice?.todo;
  const todo = [first ?? '', isDamage ? ifDamaged : ''].map((part) => part && ` ${part}`).join('');
  return new LogdError('storage', `The database ${path} failed: ${messageOf(error)}.${todo}`, {
    retryable: advice?.retryable ?? (code === undefined && isSystemError(error)),
    cause: error,
  });
};

export const toFailure = (error: LogdError): Failure => ({
  code: error.code,
  message: error.message,
  retryable: error.retryable,
});

export const fromFailure = (failure: Failure): LogdError =>
  new LogdError(failure.code, failure.message, { retryable: failure.retryable });
