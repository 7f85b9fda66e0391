/**
 * What an error of the driver means for the documents of a batch.
 *
 *   each document's own error   already there (same _id) → delivered · a code of RETRYABLE → the whole item comes again · else refused for good
 *   error of the whole batch    bad document (the driver cannot encode it, or the server cannot read it) → found by halving the batch
 *                               anything else (network, primary stepped down, authentication, write concern) → the whole item comes again
 */
import { LogdError, messageOf } from '../../error.ts';

export const DUPLICATE_KEY = 11_000;

/** Server errors that pass: not primary, shutting down, timeouts, write conflicts, no room, no permission yet. */
const RETRYABLE = new Set([
  6, 7, 13, 18, 24, 50, 63, 64, 89, 91, 100, 112, 133, 134, 150, 189, 211, 225, 226, 234, 251, 262, 290, 317,
  9001, 10_058, 10_107, 11_600, 11_601, 11_602, 13_388, 13_435, 13_436, 14_031,
]);

/** Errors of a whole batch that only one document of it can have caused: not BSON, too large. */
const BAD_DOCUMENT = new Set([22, 10_334, 17_419, 17_420]);

/** One document that failed within a batch: its place in the batch. */
export interface WriteFailure {
  readonly index: number;
  readonly code: number;
  readonly reason: string;
  /** The index that refused a duplicate, where the server names it. */
  readonly isIdIndex: boolean | undefined;
}

type Described = {
  readonly name?: unknown;
  readonly code?: unknown;
  readonly writeErrors?: unknown;
  readonly result?: unknown;
};

const described = (error: unknown): Described => (typeof error === 'object' && error !== null ? error : {});

/** What is behind an error of the whole batch: the driver wraps it as if documents had failed. */
const unwrapped = (error: unknown): unknown =>
  error instanceof Error && error.name === 'MongoBulkWriteError' && 'errorResponse' in error
    ? (error.errorResponse ?? error)
    : error;

const numberOf = (value: unknown): number => (typeof value === 'number' ? value : 0);

interface RawWriteError {
  readonly index?: unknown;
  readonly code?: unknown;
  readonly errmsg?: unknown;
  readonly err?: { readonly keyPattern?: unknown };
}

const idIndexOf = ({ err, errmsg }: RawWriteError): boolean | undefined => {
  const pattern = err?.keyPattern;
  if (typeof pattern === 'object' && pattern !== null) return Object.keys(pattern).join() === '_id';
  return /index: _id_\b/.test(String(errmsg)) ? true : undefined;
};

/** The documents that failed by themselves; undefined when the batch as a whole did, or its write concern was not met. */
export const writeFailures = (error: unknown): readonly WriteFailure[] | undefined => {
  const { writeErrors, result } = described(error);
  const list = Array.isArray(writeErrors) ? writeErrors : writeErrors === undefined ? [] : [writeErrors];
  if (list.length === 0) return undefined;
  const concern =
    typeof result === 'object' && result !== null && 'getWriteConcernError' in result
      ? (result as { getWriteConcernError(): unknown }).getWriteConcernError()
      : undefined;
  if (concern !== undefined) return undefined;
  return (list as RawWriteError[]).map((each) => ({
    index: numberOf(each.index),
    code: numberOf(each.code),
    reason: typeof each.errmsg === 'string' ? each.errmsg : 'no reason given',
    isIdIndex: idIndexOf(each),
  }));
};

export const isRetryable = ({ code }: Pick<WriteFailure, 'code'>): boolean => RETRYABLE.has(code);

/** True when the batch failed because of what is in one of its documents. */
export const isBadDocument = (error: unknown): boolean => {
  const { name, code } = described(unwrapped(error));
  if (typeof name === 'string' && /^(?:BSON\w*Error|MongoInvalidArgumentError)$/.test(name)) return true;
  return name === 'MongoServerError' && BAD_DOCUMENT.has(numberOf(code));
};

/** What a person is told about a server that cannot be used, and what to look at. */
export const explainFailure = (error: unknown, hide: (text: string) => string): LogdError => {
  if (error instanceof LogdError) return error;
  const { name, code } = described(unwrapped(error));
  const why = hide(messageOf(error)).replace(/\s+/g, ' ').replace(/\.?$/, '.');
  const message =
    code === 18 || code === 8000
      ? `MongoDB refuses the user or the password: ${why} Check the user in uri, and password_file or password_env.`
      : code === 13
        ? `The MongoDB user may not do this: ${why} Give it the role readWrite on the database.`
        : /ENOTFOUND|EAI_AGAIN/.test(why)
          ? `The host name of MongoDB is unknown: ${why} Check uri.`
          : name === 'MongoServerSelectionError'
            ? `MongoDB cannot be reached: ${why}`
            : `MongoDB did not take a batch: ${why}`;
  return new LogdError('unreachable', message, { retryable: true, cause: error });
};
