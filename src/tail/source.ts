/**
 * An open source file, and how to know it again.
 *
 * A file is known by device, inode and a fingerprint of its first bytes: an inode number is given to another file soon
 * after its own is deleted. A fingerprint covers at most 1024 bytes and says how many, so a file that was shorter when
 * its fingerprint was taken, and has only grown since, still matches.
 *
 * Fingerprint format: `<bytes>:<first 16 hex digits of the SHA-256 of so many first bytes>`; `0:` matches any file.
 */
import { hash } from 'node:crypto';
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { bytesOfPath } from '../disk/path-bytes.ts';
import { LogdError, errnoOf, messageOf } from '../error.ts';

/** Most bytes that a fingerprint covers. */
export const FINGERPRINT_BYTES = 1024;

/** What the file system calls a file: decimal text, for they can be larger than a number holds exactly. */
export interface FileId {
  readonly dev: string;
  readonly ino: string;
}

/** One text for both. */
export const inodeOf = ({ dev, ino }: FileId): string => `${dev}-${ino}`;

/** True when an error is about a source file, which may be readable later. */
export const isSourceError = (error: unknown): error is LogdError =>
  error instanceof LogdError && error.code === 'source';

/** An open file. It stays readable after being renamed or deleted. */
export interface Source extends FileId, AsyncDisposable {
  /** Where it was opened. */
  readonly path: string;
  /** Size in bytes and last modification in Unix milliseconds, now. */
  size(): Promise<{ readonly size: number; readonly mtimeMs: number }>;
  /**
   * Fills the buffer from the byte `position` of the file, or up to the file's end; resolves with the bytes read. Positions
   * do not move, so reads may overlap. Rejects with `source`.
   */
  read(buffer: Uint8Array, position: number): Promise<number>;
  close(): Promise<void>;
}

const failure = (what: string, path: string, error: unknown): LogdError => {
  const reason =
    errnoOf(error) === 'EACCES' ? 'permission denied: let the user that runs logd read it' : messageOf(error);
  return new LogdError('source', `Cannot ${what} ${path}: ${reason}.`, { retryable: true, cause: error });
};

/** Opens a regular file for reading; rejects with `source` when that is not possible. */
export const openSource = async (path: string): Promise<Source> => {
  // O_NONBLOCK: a named pipe that took the file's place must not hold a thread until someone writes to it.
  const handle = await open(bytesOfPath(path), constants.O_RDONLY | constants.O_NONBLOCK).catch(
    (error: unknown) => {
      throw failure('open', path, error);
    },
  );
  const close = () => handle.close();
  try {
    const stats = await handle.stat({ bigint: true });
    if (!stats.isFile()) throw new Error('it is not a regular file');
    return {
      path,
      dev: String(stats.dev),
      ino: String(stats.ino),
      async size() {
        const now = await handle.stat().catch((error: unknown) => {
          throw failure('look at', path, error);
        });
        return { size: now.size, mtimeMs: Math.floor(now.mtimeMs) };
      },
      async read(buffer, position) {
        let filled = 0;
        while (filled < buffer.length) {
          const { bytesRead } = await handle
            .read(buffer, filled, buffer.length - filled, position + filled)
            .catch((error: unknown) => {
              throw failure('read', path, error);
            });
          if (bytesRead === 0) break;
          filled += bytesRead;
        }
        return filled;
      },
      close,
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw failure('open', path, error);
  }
};

/** Up to `bytes` first bytes, as many as there are, and not more than a fingerprint covers. */
export const beginningOf = async (source: Source, bytes = FINGERPRINT_BYTES): Promise<Buffer> => {
  const buffer = Buffer.alloc(Math.min(bytes, FINGERPRINT_BYTES));
  return buffer.subarray(0, await source.read(buffer, 0));
};

/** The fingerprint of up to `bytes` first bytes, as many as there are. */
export const fingerprintOf = async (source: Source, bytes = FINGERPRINT_BYTES): Promise<string> => {
  const start = await beginningOf(source, bytes);
  return `${start.length}:${start.length === 0 ? '' : hash('sha256', start, 'hex').slice(0, 16)}`;
};

/** How many bytes a fingerprint covers: below {@link FINGERPRINT_BYTES}, take a new one when the file has grown. */
export const fingerprintBytes = (fingerprint: string): number => Number.parseInt(fingerprint, 10);

/** True when the file begins as the one did that the fingerprint was taken of. */
export const hasFingerprint = async (source: Source, fingerprint: string): Promise<boolean> =>
  (await fingerprintOf(source, fingerprintBytes(fingerprint))) === fingerprint;
