/**
 * A durable queue of packs on disk, between receiving and sending of a relay.
 *
 *   <dir>/0000000012.spool   records in order of arrival, see record.ts; a new file every `fileBytes` and at each start
 *   <dir>/position           `{"file":12,"at":4096}`: everything before it is done. Replaced by rename, not fsynced
 *   <dir>/refused/           packs that the next hop refused for good, see refused.ts
 *
 *   append ─▶ waiting for room ─▶ batch ─ one write, one fsync ─▶ resolves (the relay acks)
 *                                            │
 *   next   ◀─ read position, oldest first ◀──┘        done ─▶ position moves, a finished file is deleted
 *
 * Invariants
 * - What append() resolved survives `kill -9` and power loss until done() was called for it.
 * - next() gives records in order of arrival, so packs of a segment leave as they came. A record that was given and not done comes
 *   again after a restart; the receiver of a pack drops repeats.
 * - Memory: the records that are given and not done, the batch on its way to the disk, and a few numbers for each file.
 * - The files together have at most `bytes`, and nothing is taken while the oldest record is older than `age`: append() waits.
 * Recovery: files before the position are deleted, the position's file is read from there; a torn end is cut off and told. Damage is told, and the
 * records after it still count. A lost or old
 * position repeats packs, which is harmless.
 */
import { LogdError } from '../error.ts';
import { makeDirectory } from '../disk/durable-directory.ts';
import type { Pack } from '../pack/pack.ts';
import { createPositionWriter } from './position.ts';
import type { SpooledPack, SpoolTicket } from './spool-file.ts';
import { createSpoolFiles, recoverSpoolFiles } from './spool-files.ts';
import { createSpoolReader } from './spool-reader.ts';
import { createSpoolWriter, spoolFailure, type SpoolLimits, type WhyFull } from './spool-writer.ts';

export type { SpooledPack, SpoolTicket } from './spool-file.ts';

export interface SpoolOptions extends SpoolLimits {
  /** A file that has so many bytes is followed by a new one; an eighth of `bytes` at most. */
  readonly fileBytes?: number;
}

export interface SpoolStatus {
  readonly packs: number;
  readonly bytes: number;
  readonly limit: number;
  /** Unix milliseconds; undefined when the spool is empty. */
  readonly oldest: number | undefined;
  /** Why it takes no packs at the moment. */
  readonly full: WhyFull | undefined;
}

export interface Spool extends AsyncDisposable {
  /** Resolves once the pack is durable. Waits while the spool is full. Rejects with `storage` (disk) or `closed`. */
  append(pack: Pack): Promise<SpoolTicket>;
  /** The oldest record that was not given yet; waits for one. Rejects when aborted. */
  next(signal: AbortSignal): Promise<SpooledPack>;
  /** The pack has been taken for good by someone else. */
  done(ticket: SpoolTicket): void;
  status(): SpoolStatus;
}

const FILE_BYTES = 32 << 20;

/** Opens the spool, and makes its directory where there is none. Rejects with `storage`. */
export const openSpool = async (options: SpoolOptions): Promise<Spool> => {
  const { dir, bytes: limit, emit } = options;
  await makeDirectory(dir, 'spool.dir', 0o750);
  const found = await recoverSpoolFiles(dir, emit).catch((error: unknown) => {
    throw error instanceof LogdError ? error : spoolFailure(dir, error);
  });
  const fileBytes = Math.max(1, Math.min(options.fileBytes ?? FILE_BYTES, Math.floor(limit / 8)));
  const files = createSpoolFiles(dir, found.files, found.last, fileBytes);
  const position = createPositionWriter(dir, files.position);
  const reader = createSpoolReader(files, emit, () => {
    position.schedule();
    writer.madeRoom();
  });
  const writer = createSpoolWriter(options, files, reader.wake);
  return {
    append: writer.append,
    next: reader.next,
    done: reader.done,
    status: () => ({
      ...{ packs: files.packs(), bytes: files.bytes(), limit, oldest: files.oldest() },
      full: writer.full(),
    }),
    async [Symbol.asyncDispose]() {
      await writer.close();
      await reader.close();
      await position[Symbol.asyncDispose]();
      await files.close();
    },
  };
};
