/**
 * The one error class of logd.
 *
 * Every failure that a caller may act on carries a code of this closed set. The message is one sentence
 * that says what failed and, where there is something to do, what to do next.
 */
export type ErrorCode =
  | 'config' // the configuration is wrong: fix the file
  | 'usage' // the command line is wrong
  | 'name' // a host, stream or segment name does not match its strict pattern
  | 'protocol' // a peer broke the wire format: the connection is closed
  | 'limit' // a length or count is above its configured limit
  | 'corrupt' // bytes do not have the checksum they claim: send them again
  | 'invalid' // what a peer sent can never be right: sending it again does not help
  | 'conflict' // other bytes under a name that is already taken
  | 'refused' // the peer does not let us in: token, version, limits
  | 'unreachable' // the peer cannot be connected to, or the connection broke
  | 'storage' // a disk or a database failed: disk full, permission, I/O error
  | 'source' // a source file vanished, shrank or changed under us
  | 'closed'; // the part is shutting down

/** An error with a {@link ErrorCode}, whether trying again can help, and the cause. */
export class LogdError extends Error {
  override readonly name = 'LogdError';
  readonly code: ErrorCode;
  /** True when the same operation may succeed later without anyone changing anything here. */
  readonly retryable: boolean;

  constructor(code: ErrorCode, message: string, options: { retryable?: boolean; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryable = options.retryable ?? false;
  }
}

/**
 * What to do where an operation failed only because no more files may be open: nothing is wrong with the path or address that the
 * message names. Undefined for every other failure.
 */
export const descriptorAdvice = (error: unknown): string | undefined => {
  switch (errnoOf(error)) {
    case 'EMFILE':
      return error instanceof Error && 'syscall' in error && error.syscall === 'watch'
        ? 'raise fs.inotify.max_user_instances (sysctl)'
        : 'raise LimitNOFILE (ulimit -n)';
    case 'ENFILE':
      return 'raise fs.file-max (sysctl)';
    default:
      return undefined;
  }
};

/** The message of anything thrown, for log fields and NACK texts. */
export const messageOf = (error: unknown): string => {
  const message = error instanceof Error ? error.message : String(error);
  const advice = descriptorAdvice(error);
  return advice === undefined ? message : `${message}; ${advice}`;
};

/** The `errno` code (`ENOENT`, `ENOSPC`, …) of a system error, or undefined. */
export const errnoOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
