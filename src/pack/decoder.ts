/**
 * Decoding of many packs: what {@link decode} does for one, with streams and memory that are used again.
 *
 * Very small packs are decoded on the event loop: waking a thread of the pool takes longer than they do. After RUN_MS of that all others have their turn.
 */
import { createZstdDecompress, zstdDecompressSync } from 'node:zlib';
import { contentBytes, decode, frameFault, frameLength, free, undecodable, wrongLength } from './codec.ts';
import type { Codec } from './pack.ts';
import { joined, zstdPool } from './zstd-pool.ts';
import { LogdError } from '../error.ts';

/** A smaller pack gets memory of its own: while it waits for its turn it must not keep a piece of several MiB from being freed. */
const SMALL_BYTES = 256 << 10;

/** Packs of up to so many raw bytes are decoded on the event loop. */
const AT_ONCE_BYTES = 64 << 10;
const RUN_MS = 8;

export interface Decoded {
  readonly raw: Buffer;
  /** The raw bytes are needed no more, and must not be touched. The body is the caller's, also where it is the raw bytes. */
  release(): void;
}

/**
 * Decodes a body, which must not change until it resolves, into exactly `rawBytes` bytes.
 * @throws LogdError `corrupt` when the body is anything else; never more than `rawBytes` are produced.
 */
export type Decode = (body: Buffer, codec: Codec, rawBytes: number) => Promise<Decoded>;

/** Lets the event loop go on with other things where work has run on it for RUN_MS; undefined where it has not. */
const pauses = (): (() => Promise<void> | undefined) => {
  let begun: number | undefined;
  let pause: Promise<void> | undefined;
  return () => {
    const now = performance.now();
    if (begun !== undefined && now - begun < RUN_MS) return undefined;
    const isFirst = begun === undefined;
    begun ??= now;
    pause ??= new Promise((resolve) => {
      setImmediate(() => {
        pause = begun = undefined;
        resolve();
      });
    });
    return isFirst ? undefined : pause;
  };
};

const decodeNow = (body: Buffer, rawBytes: number): Buffer => {
  // One byte more than comes out, or there is a second round. Less than half of the shared memory would be a piece of it.
  const chunkSize = Math.max(rawBytes + 1, Buffer.poolSize >>> 1);
  const output = zstdDecompressSync(body, { chunkSize, maxOutputLength: Math.max(1, rawBytes) });
  if (output.length !== rawBytes) throw wrongLength(output.length, rawBytes);
  const raw = joined([output]);
  const memory = output.buffer;
  if (memory.byteLength === chunkSize) memory.transfer(0);
  return raw;
};

/** Works on `atOnce` packs at a time, more wait their turn. */
export const createDecoder = (atOnce: number): Decode => {
  const run = zstdPool((chunkSize) => createZstdDecompress({ chunkSize }), atOnce);
  const mayPause = pauses();
  return async (body, codec, rawBytes) => {
    // zstd compares what came out with what the frame says only at its end. A frame that does not say it is the other decoder's.
    const isQuick = codec === 'zstd' && contentBytes(body) === rawBytes && frameLength(body) === body.length;
    if (!isQuick || frameFault(body, rawBytes) !== undefined) {
      const raw = await decode(body, codec, rawBytes);
      return { raw, release: () => raw !== body && free(raw) };
    }
    if (rawBytes <= AT_ONCE_BYTES && body.length <= AT_ONCE_BYTES) {
      for (let pause = mayPause(); pause !== undefined; pause = mayPause()) await pause;
      try {
        const raw = decodeNow(body, rawBytes);
        return { raw, release: () => free(raw) };
      } catch (error) {
        throw error instanceof LogdError ? error : undecodable(error);
      }
    }
    const { chunks, release } = await run(body, rawBytes).catch((error: unknown) => {
      throw undecodable(error);
    });
    const [first] = chunks;
    if (chunks.length === 1 && first?.length === rawBytes && rawBytes >= SMALL_BYTES)
      return { raw: first, release };
    const raw = joined(chunks);
    release();
    if (raw.length !== rawBytes) throw wrongLength(raw.length, rawBytes);
    return { raw, release: () => free(raw) };
  };
};
