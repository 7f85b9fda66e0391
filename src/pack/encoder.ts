/**
 * Compression of many packs, in the libuv pool, with a few zstd streams that are used again and again.
 *
 * A stream is a context of more than a MiB that V8 counts as its own memory, and so is each piece of output: left to the garbage
 * collector they make it run ten times a second. So streams live on (ZSTD_e_end leaves one ready for the next frame), pieces are
 * freed when the stream has filled them, and whoever gets a body frees it, see {@link free}.
 */
import { constants, createZstdCompress, type ZstdCompress } from 'node:zlib';
import { byteBudget } from './byte-budget.ts';
import { free } from './codec.ts';

/**
 * Output comes in pieces of this size, one behind the other. Where the worst case of a pack still fits into what is left of its
 * piece, zstd works straight from input to output; else it copies the input into a window of its own and is a tenth slower.
 */
const PIECE_BYTES = 4 << 20;

/** More streams than threads in the pool (four, unless told) only take memory. One more has its input ready. */
const MOST_STREAMS = 5;

/**
 * At the fastest regular level, a hash table of 32 KiB stays in the processor's first cache, and a window of 256 KiB in its second: a
 * sixth faster, logs grow by 1.5 %.
 */
const FAST = { [constants.ZSTD_c_hashLog]: 13, [constants.ZSTD_c_windowLog]: 18 };

/** Encodes raw bytes, which must not change until it resolves, as one zstd frame in memory of its own. */
export type Encode = (raw: Buffer) => Promise<Buffer>;

interface Slot {
  readonly stream: ZstdCompress;
  chunks: Buffer[];
  /** The memory that the stream fills. */
  piece: Buffer | undefined;
  failed: ((error: Error) => void) | undefined;
}

/** Works on `atOnce` packs at a time, more wait their turn. `level` is zstd's; negative is faster. */
export const createEncoder = (level: number, atOnce: number): Encode => {
  const turns = byteBudget(Math.min(atOnce, MOST_STREAMS));
  const idle: Slot[] = [];

  const openSlot = (): Slot => {
    const stream = createZstdCompress({
      chunkSize: PIECE_BYTES,
      // Every write ends a frame: one trip to the pool for each pack.
      flush: constants.ZSTD_e_end,
      params: { [constants.ZSTD_c_compressionLevel]: level, ...(level === 1 && FAST) },
    });
    const slot: Slot = { stream, chunks: [], piece: undefined, failed: undefined };
    stream.on('data', (chunk: Buffer) => slot.chunks.push(chunk));
    stream.on('error', (error) => slot.failed?.(error));
    return slot;
  };

  const run = (slot: Slot, raw: Buffer): Promise<void> =>
    new Promise((resolve, reject) => {
      slot.failed = reject;
      slot.stream.write(raw, (error) => (error ? reject(error) : resolve()));
    });

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

/** Copies what the stream has put out since the last time, and frees the pieces that it has filled. */
const takeOut = (slot: Slot): Buffer => {
  const { chunks } = slot;
  slot.chunks = [];
  const body = Buffer.allocUnsafeSlow(chunks.reduce((bytes, chunk) => bytes + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    at += chunk.copy(body, at);
    if (slot.piece !== undefined && slot.piece.buffer !== chunk.buffer) free(slot.piece);
    slot.piece = chunk;
  }
  return body;
};
