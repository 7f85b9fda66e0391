/** Compression of many packs, each into one zstd frame. */
import { constants, createZstdCompress } from 'node:zlib';
import { firstFrame, levelParams } from './codec.ts';
import { joined, zstdPool } from './zstd-pool.ts';

/**
 * At the fastest regular level, a hash table of 32 KiB stays in the processor's first cache, and a window of 256 KiB in its second: a
 * sixth faster, logs grow by 1.7 %.
 */
const FAST = { [constants.ZSTD_c_hashLog]: 13, [constants.ZSTD_c_windowLog]: 18 };

/** Encodes raw bytes, which must not change until it resolves, as one zstd frame in memory of its own; see `free`. */
export type Encode = (raw: Buffer) => Promise<Buffer>;

/** Works on `atOnce` packs at a time, more wait their turn. `level` is zstd's; negative is faster. */
export const createEncoder = (level: number, atOnce: number): Encode => {
  const run = zstdPool(
    (chunkSize) =>
      createZstdCompress({
        chunkSize,
        // Every write ends a frame: one trip to the pool for each pack.
        flush: constants.ZSTD_e_end,
        params: { ...levelParams(level), ...(level === 1 && FAST) },
      }),
    atOnce,
  );
  return async (raw) => {
    const { chunks, release } = await run(raw);
    // Bodies are small and wait long for their acks: in the pieces of the stream each would keep several MiB.
    const body = joined(chunks);
    release();
    return firstFrame(body);
  };
};
