/**
 * Whether what was stored is still there. Nobody but the store writes its files, but people move, remove and restore them: a pack
 * that were written all the same would leave a file with a hole, and an ack for bytes that are nowhere.
 */
import { LogdError } from '../../error.ts';

/** What to do, for the segment of that name. */
export const repairCommand = (name: string): string =>
  `Put the file back, or one with the same content, or run \`logd repair ${name.replaceAll('/', ' ')} --from FILE\`.`;

/** Which file it is, whatever it is called. */
export interface Identity {
  readonly dev: number;
  readonly ino: number;
}

export const isSame = (a: Identity, b: Identity): boolean => a.dev === b.dev && a.ino === b.ino;

/**
 * The file of the segment `name` has `size` bytes, or is gone (undefined), where `end` were stored. `descriptor`: under which it
 * is still open, though gone from its path.
 */
export const bytesMissing = (
  path: string,
  name: string,
  size: number | undefined,
  end: number,
  descriptor?: number,
): LogdError => {
  const what =
    size === undefined
      ? `is gone: ${end} bytes were stored in it`
      : `has ${size} bytes where ${end} were stored`;
  const copy =
    descriptor === undefined || process.platform !== 'linux'
      ? ''
      : ` They can be copied from /proc/${process.pid}/fd/${descriptor} as long as that is open.`;
  return new LogdError(
    'corrupt',
    `${path}, the file of ${name}, ${what}.${copy} The hour waits for them. ${repairCommand(name)}`,
    { retryable: true },
  );
};

/** Another file lies there, which may well be the right one. */
export const replaced = (path: string, name: string): LogdError =>
  new LogdError(
    'corrupt',
    `${path}, the file of ${name}, was replaced by another: that one is compared with the ledger before anything is written to it.`,
    { retryable: true },
  );
