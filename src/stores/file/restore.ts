/**
 * What is put back in place of a stored file, by a person, a backup or a command: whether it is the file that the ledger knows, and the
 * same content in other frames.
 *
 *   the first and the last recorded pack are right where they lie ─▶ it is the store's own file (all packs, where it was gone or replaced before)
 *   else its content is held against every recorded pack ─ equal ─▶ a new file of it, with the store's own frames, takes its place
 *                                                        └ other ─▶ left as it is, and named with the first difference
 *
 * Invariant: nothing is cut off or written behind before one of the two was found.
 */
import type { Stats } from 'node:fs';
import { LogdError, messageOf } from '../../error.ts';
import type { RecordedSegment } from '../../ledger/ledger.ts';
import type { PackHeader } from '../../pack/pack.ts';
import { encode } from '../../pack/codec.ts';
import { runningDigest } from '../../pack/digest.ts';
import { segmentName } from '../../pack/pack.ts';
import { checksumOf } from '../../pack/survey.ts';
import { readContents } from './contents.ts';
import { endIn } from './final-form.ts';
import { repairCommand } from './presence.ts';
import { isOwnFile, type NewFile, replaceFile, takeLeftRepair } from './repair.ts';
import { statOwnFile } from '../../disk/no-links.ts';

/** For packs that come uncompressed: fast, and this is not the place to save disk at any price. */
export const OWN_LEVEL = 1;

/** Hours whose file was found to be another, so that the same file is read once. */
const MOST_DOUBTS = 10_000;

export interface RestoreOptions extends NewFile {
  readonly from: string;
  /** Whether the file may hold more, such as the late lines of its source. */
  readonly mayGoOn: boolean;
}

const different = (why: string): LogdError => new LogdError('corrupt', why, { retryable: true });

/** Takes pack after pack from the contents of a file; rejects with `corrupt` at the first difference. */
const contentPacks = ({ from, path, recorded, compressed, mayGoOn }: RestoreOptions) => {
  const content = readContents(from, from === path);
  const digest = runningDigest();
  const take = (bytes: number): Promise<Buffer> =>
    content.take(bytes).catch((error: unknown): never => {
      throw different(`it cannot be read: ${messageOf(error).replace(/\.$/, '')}`);
    });
  return {
    async next({ header }: { readonly header: PackHeader }) {
      const { id, offset, bytes, checksum, sha256 } = header;
      if (offset !== digest.bytes)
        throw different(
          `bytes ${digest.bytes} to ${offset} of the hour are not stored, so no file can stand for it`,
        );
      const raw = await take(bytes);
      if (raw.length < bytes)
        throw different(
          `it ends after ${offset + raw.length} bytes of log, and ${recorded.segment.bytes} were stored`,
        );
      digest.update(raw);
      if (checksumOf(raw) !== checksum || digest.hex() !== sha256)
        throw different(`its bytes ${offset} to ${offset + bytes} are not those of pack ${id}`);
      return { raw, stored: compressed ? await encode(raw, 'zstd', OWN_LEVEL) : raw };
    },
    async end() {
      if (!mayGoOn && (await take(1)).length > 0)
        throw different(`it goes on after the ${digest.bytes} bytes of log that were stored`);
    },
    [Symbol.asyncDispose]: () => content[Symbol.asyncDispose](),
  };
};

/** Resolves with why the content is not what was stored, in which case nothing has changed; undefined once it is in place. */
export const restoreFile = async (options: RestoreOptions): Promise<string | undefined> => {
  await using packs = contentPacks(options);
  try {
    await replaceFile(options, undefined, packs.next, packs.end);
    return undefined;
  } catch (error) {
    if (error instanceof LogdError && error.code === 'corrupt') return error.message;
    throw error;
  }
};

/** Holds what lies at a stored file's path against the ledger, before the store writes to it. */
export interface Guard {
  /** What lies there may be another file than the store's own: all of it is looked at next. */
  doubt(name: string): void;
  trust(name: string): void;
  /** Rejects with a retryable `corrupt` where another file with other content lies there. A file that is gone is for others to name. */
  check(path: string, compressed: boolean, recorded: RecordedSegment): Promise<void>;
}

const stampOf = ({ dev, ino, size, mtimeMs, ctimeMs }: Stats): string =>
  [dev, ino, size, mtimeMs, ctimeMs].join(' ');

export const createGuard = (): Guard => {
  /** By segment; with what was found out about a file that is not the right one. */
  const doubts = new Map<string, { readonly stamp: string; readonly error: LogdError } | undefined>();

  const note = (name: string, found?: { readonly stamp: string; readonly error: LogdError }): void => {
    if (doubts.size >= MOST_DOUBTS) doubts.clear();
    doubts.set(name, found);
  };

  const restored = async (
    path: string,
    compressed: boolean,
    recorded: RecordedSegment,
  ): Promise<string | undefined> => {
    const { replacePlaces } = recorded;
    if (replacePlaces === undefined) return 'its packs do not lie where they were written';
    const options = { path, compressed, recorded, record: replacePlaces, from: path, mayGoOn: false };
    return restoreFile(options);
  };

  return {
    doubt: (name) => note(name),
    trust: (name) => void doubts.delete(name),
    async check(path, compressed, recorded) {
      const name = segmentName(recorded.segment);
      if (recorded.segment.storedEnd === 0 || (await takeLeftRepair(path, compressed, recorded))) return;
      const found = await statOwnFile(path);
      if (found === undefined) return note(name);
      const stamp = stampOf(found);
      const doubt = doubts.get(name);
      if (doubt?.stamp === stamp) throw doubt.error;
      if (!(await isOwnFile(path, compressed, recorded, doubts.has(name)))) {
        const why = await restored(path, compressed, recorded);
        if (why !== undefined) {
          const end = await endIn(path, compressed, recorded);
          const size = found.size < end ? `it has ${found.size} bytes where ${end} were stored, and ` : '';
          const error = different(
            `${path}, the file of ${name}, does not hold what was stored: ${size}${why}. It is left as it is, and the hour waits. ${repairCommand(name)}`,
          );
          note(name, { stamp, error });
          throw error;
        }
      }
      doubts.delete(name);
    },
  };
};
