/** The log that is shipped: made from a seed, and measured so that the seal can be held against it. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { accessLog } from '../src/demo/access-log.ts';
import { countLines } from '../src/pack/survey.ts';

export interface Input {
  readonly path: string;
  readonly bytes: number;
  readonly lines: number;
  readonly sha256: string;
}

/** Writes an access log of so many MiB; the same seed gives the same bytes. */
export const generate = async (path: string, mib: number, seed: number): Promise<void> => {
  await using file = await open(path, 'w');
  for (const chunk of accessLog({ seed }).bytes(mib * 2 ** 20)) await file.write(chunk);
};

export const measureInput = async (path: string): Promise<Input> => {
  const hash = createHash('sha256');
  let [bytes, lines] = [0, 0];
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
    if (!Buffer.isBuffer(chunk)) continue;
    hash.update(chunk);
    bytes += chunk.length;
    lines += countLines(chunk);
  }
  return { path, bytes, lines, sha256: hash.digest('hex') };
};
