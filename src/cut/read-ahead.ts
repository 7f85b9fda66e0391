/**
 * Reads what the next pack begins with while the last one is hashed: else the event loop waits for the disk, then the disk for
 * the event loop. One read at a time for each stream, behind a lease of the budget where there is room for it.
 */
import type { ByteBudget, Lease } from '../pack/byte-budget.ts';
import type { BufferPool } from './buffer-pool.ts';
import type { SourceState } from '../track/segment.ts';
import type { SourceFiles } from '../track/source-files.ts';

export interface Begun {
  readonly buffer: Buffer;
  /** How many bytes the buffer holds, from the source's position on. */
  readonly bytes: number;
}

export interface ReadAhead {
  /** Begins to read so many bytes from where the source stands. What was begun before and not taken is dropped. */
  begin(source: SourceState, bytes: number): void;
  /**
   * What was read from where the source stands: the buffer is the caller's, who holds a lease for it. Undefined where nothing
   * was begun, or it failed.
   */
  take(source: SourceState): Promise<Begun | undefined>;
  /** What was begun is not needed. Its lease is given back when it has been read: until then there is a buffer. */
  drop(): void;
}

interface Reading {
  readonly source: number;
  readonly position: number;
  readonly lease: Lease;
  readonly begun: Promise<Begun | undefined>;
}

export const createReadAhead = (files: SourceFiles, buffers: BufferPool, budget: ByteBudget): ReadAhead => {
  let reading: Reading | undefined;

  const read = async (source: SourceState, bytes: number): Promise<Begun | undefined> => {
    const { position } = source;
    const buffer = buffers.take();
    try {
      const filled = await files.read(source, (file) => file.read(buffer.subarray(0, bytes), position));
      return { buffer, bytes: filled };
    } catch {
      // Whoever reads it when its turn has come hears why.
      buffers.give(buffer);
      return undefined;
    }
  };

  const drop = (): void => {
    const dropped = reading;
    reading = undefined;
    void dropped?.begun.then((begun) => {
      if (begun !== undefined) buffers.give(begun.buffer);
      dropped.lease.release();
    });
  };

  return {
    begin(source, bytes) {
      drop();
      const lease = budget.acquireNow(buffers.size);
      if (lease === undefined) return;
      reading = { source: source.id, position: source.position, lease, begun: read(source, bytes) };
    },
    async take({ id, position }) {
      if (reading?.source !== id || reading.position !== position) {
        drop();
        return undefined;
      }
      const { lease, begun } = reading;
      reading = undefined;
      lease.release();
      return begun;
    },
    drop,
  };
};
