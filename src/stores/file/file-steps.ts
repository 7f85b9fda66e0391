/** What is done to a stored file with each pack: looks, writes, fsyncs. Small ones on the event loop while the disk is quick: see disk-pace.ts. */
import { type Stats, writeSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { createDiskPace, SMALL_STEP_BYTES } from '../../disk/disk-pace.ts';
import { statOwnFile, statOwnFileNow } from '../../disk/no-links.ts';
import { syncData } from '../../disk/sync.ts';
import { fault } from '../../fault/fault.ts';
import type { Clock } from '../../telemetry/clock.ts';

export interface FileSteps {
  /** See {@link statOwnFile}. */
  look(path: string): Promise<Stats | undefined>;
  /** See {@link writeFully}. */
  write(handle: FileHandle, bytes: Buffer, at: number): Promise<void>;
  /** Makes the bytes of a file durable. */
  sync(handle: FileHandle): Promise<void>;
}

/** Writes bytes at a position, all of them. */
export const writeFully = async (handle: FileHandle, bytes: Buffer, at: number): Promise<void> => {
  for (let done = 0; done < bytes.length;) {
    fault('sink.write');
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, at + done);
    done += bytesWritten;
  }
};

const writeFullyNow = (handle: FileHandle, bytes: Buffer, at: number): void => {
  for (let done = 0; done < bytes.length;) {
    fault('sink.write');
    done += writeSync(handle.fd, bytes, done, bytes.length - done, at + done);
  }
};

export const createFileSteps = (clock: Pick<Clock, 'monotonic'>): FileSteps => {
  const pace = createDiskPace(clock);
  return {
    look: async (path) =>
      pace.step(
        () => statOwnFileNow(path),
        () => statOwnFile(path),
      ),
    async write(handle, bytes, at) {
      const there = (): Promise<void> => writeFully(handle, bytes, at);
      if (bytes.length > SMALL_STEP_BYTES) await there();
      else await pace.step(() => writeFullyNow(handle, bytes, at), there);
    },
    sync: (handle) => pace.sync(() => syncData(handle)),
  };
};
