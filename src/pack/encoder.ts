/**
 * Compression of many packs, in the libuv pool, with a few zstd streams that are used again and again.
 *
 * A stream is a context of more than a MiB that V8 counts as its own memory, and so is each piece of output: left to the garbage
 * collector they make it run ten times a second. So streams live on (ZSTD_e_end leaves one ready for the next frame), and
 * whoever gets a body gives it back.
 */
import { constants, createZstdCompress, type ZstdCompress } from 'node:zlib';
import { byteBudget } from './byte-budget.ts';
import { free } from './codec.ts';

/** Output comes in pieces of memory of this size, each shared by the bodies of a few packs. */
const CHUNK_BYTES = 1 << 20;

/** At the fastest regular level, a hash table of 32 KiB stays in the processor's first cache: a tenth faster, logs grow by 1 %. */
const FAST = { [constants.ZSTD_c_hashLog]: 13 };

export interface Encoded {
  /** One zstd frame. */
  readonly body: Buffer;
  /** The body is needed no more: it is empty afterwards. */
  release(): void;
}

/** Encodes raw bytes, which must not change until it resolves. */
export type Encode = (raw: Buffer) => Promise<Encoded>;

/** A piece of output memory. It is freed when the stream has gone on to another and no body lies in it. */
interface Piece {
  readonly memory: Buffer;
  bodies: number;
  filling: boolean;
}

interface Slot {
  readonly stream: ZstdCompress;
  chunks: Buffer[];
  piece: Piece | undefined;
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
      const encoded = takeOut(slot);
      idle.push(slot);
      return encoded;
    } finally {
      turn.release();
    }
  };
};

const freeIfUnused = ({ memory, bodies, filling }: Piece): void => {
  if (bodies === 0 && !filling) free(memory);
};

/** What the stream has put out since the last time: mostly one stretch of one piece, else copied together. */
const takeOut = (slot: Slot): Encoded => {
  const { chunks } = slot;
  slot.chunks = [];
  const whole = chunks.length === 1 ? chunks[0] : undefined;
  const copy = whole === undefined ? Buffer.concat(chunks) : undefined;
  for (const chunk of chunks) moveOn(slot, chunk);
  if (whole === undefined || slot.piece === undefined) {
    const body = copy ?? Buffer.alloc(0);
    return { body, release: () => free(body) };
  }
  const { piece } = slot;
  piece.bodies++;
  let released = false;
  return {
    body: whole,
    release() {
      if (released) return;
      released = true;
      piece.bodies--;
      freeIfUnused(piece);
    },
  };
};

/** The stream fills its pieces one after the other, and never goes back. */
const moveOn = (slot: Slot, chunk: Buffer): void => {
  if (slot.piece?.memory.buffer === chunk.buffer) return;
  if (slot.piece !== undefined) {
    slot.piece.filling = false;
    freeIfUnused(slot.piece);
  }
  slot.piece = { memory: chunk, bodies: 0, filling: true };
};
