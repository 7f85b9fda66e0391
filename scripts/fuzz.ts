/**
 * `npm run fuzz [SECONDS]`: changed and invented bytes into the decoders of both wires, in random chunks, until the time is over. A decoder may refuse
 * with a LogdError or wait for more; anything else, or memory for what was only announced, is a fault. Prints the seed.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LogdError } from '../src/error.ts';
import { V1Decoder } from '../src/transport/gowire/pack-frame.ts';
import { encodeFrame, FrameDecoder } from '../src/transport/tcp/frame.ts';

const MOST_MEMORY = 64 << 20;
const BODY_BYTES = 1 << 20;

const randomFrom = (seed: number): (() => number) => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
};

const captures = join(import.meta.dirname, '..', 'test', 'transport', 'gowire', 'captures');
const v1 = readdirSync(captures)
  .filter((name) => name.includes('pack') || name.includes('relayed'))
  .map((name) => readFileSync(join(captures, name)).subarray(0, 4000));
const body = Buffer.alloc(100, 'x');
const v2 = [
  encodeFrame('PING', {}),
  encodeFrame('ACK', { seqs: [1, 2, 3] }),
  Buffer.concat([encodeFrame('PACK', { seq: 1, host: 'web1', id: 1 }, body.length), body]),
];

interface Decoder {
  push(chunk: Buffer): void;
  step(): boolean;
}

const frames = (random: () => number): Decoder => {
  const decoder = new FrameDecoder({ headerBytes: 16_384, bodyBytes: BODY_BYTES });
  let inBody = false;
  return {
    push: (chunk) => decoder.push(chunk),
    step() {
      if (!inBody) {
        const head = decoder.head();
        inBody = head !== undefined;
        // As a pack does that goes on where an earlier connection broke off.
        if (head !== undefined && head.bodyBytes > 0 && random() < 0.2)
          decoder.beginBody(Buffer.alloc(1 + Math.floor(random() * 5000)));
      }
      if (!inBody || decoder.body() === undefined) return false;
      inBody = false;
      return true;
    },
  };
};

const packs = (): Decoder => {
  const decoder = new V1Decoder({ headerBytes: 65_536, bodyBytes: BODY_BYTES });
  let head: ReturnType<V1Decoder['head']>;
  return {
    push: (chunk) => decoder.push(chunk),
    step() {
      head ??= decoder.head();
      if (head === undefined || decoder.body(head) === undefined) return false;
      head = undefined;
      return true;
    },
  };
};

const mutate = (bytes: Buffer, random: () => number): Buffer => {
  const changed = Buffer.from(bytes);
  for (let n = Math.floor(random() * 6); n > 0; n--)
    changed[Math.floor(random() ** 3 * changed.length)] = Math.floor(random() * 256);
  return random() < 0.2 ? changed.subarray(0, Math.floor(random() * changed.length)) : changed;
};

const feed = (decoder: Decoder, bytes: Buffer, random: () => number): void => {
  try {
    for (let at = 0; at < bytes.length;) {
      const end = at + 1 + Math.floor(random() * 700);
      decoder.push(Buffer.from(bytes.subarray(at, end)));
      at = end;
      while (decoder.step());
    }
  } catch (error) {
    if (!(error instanceof LogdError)) throw error;
  }
};

const seconds = Number(process.argv[2] ?? 60);
const seed = Number(process.env['LOGD_SEED'] ?? Math.floor(Math.random() * 0x1_0000_0000));
process.stdout.write(`LOGD_SEED=${seed}, ${seconds} s\n`);
const random = randomFrom(seed);
const end = performance.now() + seconds * 1000;
const most = process.memoryUsage().arrayBuffers + MOST_MEMORY;
let rounds = 0;
for (; performance.now() < end; rounds++) {
  const [make, samples] = random() < 0.5 ? [frames, v2] : [packs, v1];
  const parts = Array.from(
    { length: 1 + Math.floor(random() * 3) },
    () => samples[Math.floor(random() * samples.length)]!,
  );
  feed(make(random), mutate(Buffer.concat(parts), random), random);
  if (rounds % 1000 === 0) {
    globalThis.gc?.();
    if (process.memoryUsage().arrayBuffers > most * 8)
      throw new Error('The decoders took memory that they should not.');
  }
}
process.stdout.write(`${rounds} rounds without a fault\n`);
