/** Decoding of many packs: what {@link decode} does for one, with streams and memory that are used again. */
import { createZstdDecompress } from 'node:zlib';
import { contentBytes, decode, frameFault, frameLength, free, undecodable, wrongLength } from './codec.ts';
import type { Codec } from './pack.ts';
import { joined, zstdPool } from './zstd-pool.ts';

/** A smaller pack gets memory of its own: while it waits for its turn it must not keep a piece of several MiB from being freed. */
const SMALL_BYTES = 256 << 10;

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

/** Works on `atOnce` packs at a time, more wait their turn. */
export const createDecoder = (atOnce: number): Decode => {
  const run = zstdPool((chunkSize) => createZstdDecompress({ chunkSize }), atOnce);
  return async (body, codec, rawBytes) => {
    // zstd compares what came out with what the frame says only at its end. A frame that does not say it is the other decoder's.
    const isQuick = codec === 'zstd' && contentBytes(body) === rawBytes && frameLength(body) === body.length;
    if (!isQuick || frameFault(body, rawBytes) !== undefined) {
      const raw = await decode(body, codec, rawBytes);
      return { raw, release: () => raw !== body && free(raw) };
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
