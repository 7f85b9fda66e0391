/**
 * Compression of many packs, in the libuv pool, with a few zstd streams that are used again and again.
 *
 * A stream is a context of more than a MiB that V8 counts as its own memory: one for each pack makes it collect garbage every
 * hundred milliseconds. Ending a frame (ZSTD_e_end) leaves the stream ready for the next, so each pack is one frame of its own.
 */
import { constants, createZstdCompress, type ZstdCompress } from 'node:zlib';
import { byteBudget } from './byte-budget.ts';

/** Bodies are pieces of memory of this size: a body that waits for its ack may keep that much. */
const CHUNK_BYTES = 1 << 20;

/** Encodes raw bytes as one zstd frame. `raw` must not change until it resolves. */
export type Encode = (raw: Buffer) => Promise<Buffer>;

interface Slot {
  readonly stream: ZstdCompress;
  chunks: Buffer[];
  failed: ((error: Error) => void) | undefined;
}

/** Works on `atOnce` packs at a time, more wait their turn. `level` is zstd's; negative is faster. */
export const createEncoder = (level: number, atOnce: number): Encode => {
  const turns = byteBudget(atOnce);
  const idle: Slot[] = [];

  const openSlot = (): Slot => {
    const stream = createZstdCompress({
      chunkSize: CHUNK_BYTES,
      // Every write ends a frame: one trip to the pool for each pack.
      flush: constants.ZSTD_e_end,
      params: { [constants.ZSTD_c_compressionLevel]: level },
    });
    const slot: Slot = { stream, chunks: [], failed: undefined };
    stream.on('data', (chunk: Buffer) => slot.chunks.push(chunk));
    stream.on('error', (error) => slot.failed?.(error));
    return slot;
  };

  const run = (slot: Slot, raw: Buffer): Promise<void> =>
    new Promise((resolve, reject) => {
      slot.failed = reject;
      slot.stream.write(raw, (error) => (error ? reject(error) : resolve()));
    });

  const takeOut = (slot: Slot): Buffer => {
    const { chunks } = slot;
    slot.chunks = [];
    return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
  };

  return async (raw) => {
    const turn = await turns.acquire(1);
    try {
      const slot = idle.pop() ?? openSlot();
      await run(slot, raw);
      const body = takeOut(slot);
      idle.push(slot);
      return body;
    } finally {
      turn.release();
    }
  };
};
