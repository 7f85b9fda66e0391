/**
 * Failures of SQLite as LogdErrors, and LogdErrors as plain objects that can cross a thread.
 */
import { LogdError, errnoOf, messageOf } from '../error.ts';
import type { ErrorCode } from '../error.ts';

/** A LogdError as it crosses the thread: structured clone would keep neither class nor code. */
export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly retryable: boolean;
}

/** Primary result codes (the low byte of `errcode`), see https://www.sqlite.org/rescode.html. */
const ADVICE: Readonly<Record<number, { readonly retryable: boolean; readonly todo: string }>> = {
  5: { retryable: true, todo: 'Another process holds its write lock; only one logd may own it.' },
  6: { retryable: true, todo: 'Another process holds its write lock; only one logd may own it.' },
  7: { retryable: true, todo: 'Free memory on this machine.' },
  8: { retryable: false, todo: 'It is read-only here: check who owns it and how it was opened.' },
  10: { retryable: true, todo: 'Check the disk.' },
  11: { retryable: false, todo: 'The file is damaged: restore it from a copy.' },
  13: { retryable: true, todo: 'Free space on its file system.' },
  14: { retryable: true, todo: 'Check that it exists and that its directory can be read and written.' },
  26: { retryable: false, todo: 'The file is no SQLite database: check the configured path.' },
};

/** SQLite's primary result code of an error that `node:sqlite` threw, or undefined. */
const resultCodeOf = (error: unknown): number | undefined =>
  error instanceof Error && 'errcode' in error && typeof error.errcode === 'number'
    ? error.errcode & 0xff
    : undefined;

/** True for `ENOSPC`, `EIO` and the like, which may pass; false for Node's own `ERR_…`, which are defects of ours. */
const isSystemError = (error: unknown): boolean => /^E(?!RR_)/.test(errnoOf(error) ?? '');

/** Anything thrown while working on the database at `path`, as a LogdError. */
export const databaseError = (error: unknown, path: string): LogdError => {
  if (error instanceof LogdError) return error;
  const code = resultCodeOf(error);
  const advice = code === undefined ? undefined : ADVICE[code];
  const todo = advice === undefined ? '' : ` ${advice.todo}`;
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
