/** The bytes of a `.zst` file, by node:zlib alone: it takes one frame at a time, files hold one for each pack. */
import { type InputType, type ZstdOptions, zstdDecompressSync } from 'node:zlib';

const SKIPPABLE = 0x184d2a50;

interface OneFrame {
  readonly buffer: Buffer;
  readonly engine: { readonly bytesWritten: number };
}

const decompressOne = (bytes: Buffer): OneFrame =>
  (zstdDecompressSync as (input: InputType, options: ZstdOptions) => unknown)(bytes, {
    info: true,
  }) as OneFrame;

export const decompressFrames = (bytes: Buffer): Buffer => {
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const isSkippable = (bytes.readUInt32LE(at) & 0xfffffff0) >>> 0 === SKIPPABLE;
    if (isSkippable) {
      at += 8 + bytes.readUInt32LE(at + 4);
      continue;
    }
    const { buffer, engine } = decompressOne(bytes.subarray(at));
    parts.push(buffer);
    at += engine.bytesWritten;
  }
  return Buffer.concat(parts);
};
