/**
 * A few zstd streams that are used again and again, in the libuv pool, each for one frame at a time.
 *
 * A stream is a context of up to a MiB that V8 counts as its own memory, and so is each piece of output: made for each pack and left
 * to the garbage collector they make it run ten times a second. So streams live on, their output comes in large pieces of
 * memory that hold that of several packs, and pieces are freed by hand.
 */
import type { Transform } from 'node:stream';
import { byteBudget } from './byte-budget.ts';
import { free } from './codec.ts';

/**
 * Bytes of a piece. Where the whole result of a pack still fits into what is left of its piece, zstd works straight from input to
 * output; else through a window of its own, a tenth slower.
 */
const PIECE_BYTES = 4 << 20;

/** More streams than threads in the pool (four, unless told) only take memory. One more has its input ready. */
const MOST_STREAMS = 5;

/** What came out, in order, mostly in one chunk. */
export interface ZstdOutput {
  readonly chunks: readonly Buffer[];
  /** The chunks are needed no more, and must not be touched. */
  release(): void;
}

/**
 * Runs bytes, which must not change until it resolves, through a stream. Rejects with the stream's error, or when more than
 * `mostBytes` come out: it stops soon after.
 */
export type ZstdRun = (input: Buffer, mostBytes?: number) => Promise<ZstdOutput>;

/** Freed when the stream has gone on to another and nobody holds output in it. */
interface ZstdPiece {
  readonly memory: Buffer;
  holders: number;
  filling: boolean;
}

interface Slot {
  readonly stream: Transform;
  chunks: Buffer[];
  piece: ZstdPiece | undefined;
  /** How much may still come out. */
  room: number;
  failed: (error: Error) => void;
}

/**
 * At most `atOnce` runs at a time, more wait their turn. `open` makes a stream whose output chunks have the size it is given, and
 * that puts out all it has after each write.
 */
export const zstdPool = (open: (chunkSize: number) => Transform, atOnce: number): ZstdRun => {
  const turns = byteBudget(Math.min(atOnce, MOST_STREAMS));
  const idle: Slot[] = [];

  const openSlot = (): Slot => {
    const slot: Slot = {
      ...{ stream: open(PIECE_BYTES), chunks: [], piece: undefined },
      ...{ room: 0, failed: () => undefined },
    };
    slot.stream.on('data', (chunk: Buffer) => {
      slot.chunks.push(chunk);
      slot.room -= chunk.length;
      if (slot.room >= 0) return;
      const error = new Error('more comes out than may');
      // A stream that is destroyed calls back its write as if that were done, before it says why.
      slot.failed(error);
      slot.stream.destroy(error);
    });
    slot.stream.on('error', (error) => slot.failed(error));
    return slot;
  };

  const write = (slot: Slot, input: Buffer, mostBytes: number): Promise<void> =>
    new Promise((resolve, reject) => {
      slot.room = mostBytes;
      slot.failed = reject;
      slot.stream.write(input, (error) => (error ? reject(error) : resolve()));
    });

  const through = async (slot: Slot, input: Buffer, mostBytes: number): Promise<ZstdOutput> => {
    try {
      await write(slot, input, mostBytes);
    } catch (error) {
      takeOut(slot).release();
      leave(slot);
      throw error;
    }
    const output = takeOut(slot);
    idle.push(slot);
    return output;
  };

  return async (input, mostBytes = Infinity) => {
    const turn = await turns.acquire(1);
    try {
      return await through(idle.pop() ?? openSlot(), input, mostBytes);
    } finally {
      turn.release();
    }
  };
};

const freeIfUnused = ({ memory, holders, filling }: ZstdPiece): void => {
  if (holders === 0 && !filling) free(memory);
};

/** The stream fills its pieces one after the other, and never goes back. */
const leave = (slot: Slot): void => {
  if (slot.piece === undefined) return;
  slot.piece.filling = false;
  freeIfUnused(slot.piece);
  slot.piece = undefined;
};

/** What the stream has put out since the last time. */
const takeOut = (slot: Slot): ZstdOutput => {
  const { chunks } = slot;
  slot.chunks = [];
  const pieces = chunks.map((chunk) => {
    if (slot.piece?.memory.buffer !== chunk.buffer) {
      leave(slot);
      slot.piece = { memory: chunk, holders: 0, filling: true };
    }
    slot.piece.holders++;
    return slot.piece;
  });
  return {
    chunks,
    release() {
      for (const piece of pieces.splice(0)) {
        piece.holders--;
        freeIfUnused(piece);
      }
    },
  };
};

/** Chunks copied together, into memory that no one shares. */
export const joined = (chunks: readonly Buffer[]): Buffer => {
  const whole = Buffer.allocUnsafeSlow(chunks.reduce((bytes, chunk) => bytes + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) at += chunk.copy(whole, at);
  return whole;
};
