import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import zlib from 'node:zlib';
import fc from 'fast-check';
import { LogdError } from '../../src/error.ts';
import { createDecoder } from '../../src/pack/decoder.ts';
import { decode, encode, frameLength, free } from '../../src/pack/codec.ts';

const corrupt = (error: unknown): boolean => error instanceof LogdError && error.code === 'corrupt';

test('what is encoded decodes to the same bytes, for any bytes and level', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 5000 }), fc.constantFrom(-5, 1, 3), async (bytes, level) => {
      const raw = Buffer.from(bytes);
      for (const codec of ['none', 'zstd'] as const) {
        const body = await encode(raw, codec, level);
        assert.deepEqual(await decode(body, codec, raw.length), raw);
      }
    }),
    { numRuns: 60 },
  );
});

test('a body that outgrows the first output chunk decodes to the same bytes', async () => {
  const raw = randomBytes(3_000_000);
  assert.deepEqual(await decode(await encode(raw, 'zstd', 1), 'zstd', raw.length), raw);
});

test('a body that ends exactly with an output chunk is one frame all the same', async () => {
  const chunk = 16_384;
  for (let noise = chunk - 60; noise < chunk; noise++) {
    const raw = Buffer.concat([randomBytes(noise), Buffer.alloc(4 * chunk - noise)]);
    const body = await encode(raw, 'zstd', 1);
    assert.equal(frameLength(body), body.length);
    assert.deepEqual(await decode(body, 'zstd', raw.length), raw);
  }
});

test('a frame is measured exactly, with and without checksum, of any size', () => {
  for (const size of [0, 1, 255, 256, 65_791, 65_792, 300_000, 2_000_000])
    for (const checksumFlag of [0, 1])
      for (const raw of [Buffer.alloc(size), randomBytes(size)]) {
        const frame = zlib.zstdCompressSync(raw, {
          params: { [zlib.constants.ZSTD_c_checksumFlag]: checksumFlag },
        });
        assert.equal(frameLength(frame), frame.length);
        assert.equal(frameLength(Buffer.concat([frame, frame])), frame.length);
        assert.equal(frameLength(frame.subarray(0, frame.length - 1)), undefined);
      }
});

test('a body of other length, with a tail, cut, or no zstd is corrupt', async () => {
  const raw = Buffer.from('hello\n'.repeat(500));
  const body = await encode(raw, 'zstd', 1);
  await assert.rejects(decode(raw, 'none', raw.length + 1), corrupt);
  await assert.rejects(decode(body, 'zstd', raw.length - 1), corrupt);
  await assert.rejects(decode(body, 'zstd', raw.length + 1), corrupt);
  await assert.rejects(decode(Buffer.concat([body, Buffer.from('x')]), 'zstd', raw.length), corrupt);
  await assert.rejects(decode(body.subarray(0, -1), 'zstd', raw.length), corrupt);
  await assert.rejects(decode(Buffer.alloc(0), 'zstd', 0), corrupt);
  await assert.rejects(decode(randomBytes(100), 'zstd', 100), corrupt);
});

test('a body that can never be right is invalid, and not asked for again', async () => {
  const raw = Buffer.from('hello\n'.repeat(500));
  const body = await encode(raw, 'zstd', 1);
  const skippable = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 1, 2]);
  // A frame without its size and with a window of 2 GiB: descriptor 0, window descriptor 21 << 3, one raw block of 1 byte.
  const window = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 21 << 3, 9, 0, 0, 0x61]);
  // The same frame with the id of a dictionary.
  const needing = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x21, 1, 1, 9, 0, 0, 0x61]);
  for (const [what, bytes, size] of [
    [/has more than one frame/, Buffer.concat([body, body]), raw.length],
    [/has more than one frame/, Buffer.concat([body, skippable]), raw.length],
    [/begins with a skippable frame/, Buffer.concat([skippable, body]), raw.length],
    [/needs a window of 2048 MiB/, window, 1],
    [/needs a dictionary/, needing, 1],
  ] as const) {
    const fault = { code: 'invalid', retryable: false, message: what };
    await assert.rejects(decode(bytes, 'zstd', size), fault);
    await assert.rejects(createDecoder(1)(bytes, 'zstd', size), fault);
  }
});

test('a bomb is refused before it unfolds', async () => {
  const bomb = zlib.zstdCompressSync(Buffer.alloc(64 << 20));
  assert.ok(bomb.length < 10_000);
  const before = process.memoryUsage().arrayBuffers;
  await assert.rejects(decode(bomb, 'zstd', 1000), corrupt);
  assert.ok(process.memoryUsage().arrayBuffers - before < 4 << 20);
});

test('memory is freed at once where it is not shared, also when it is as large as the shared one', () => {
  for (const size of [4096, Buffer.poolSize, Buffer.poolSize + 1]) {
    const own = Buffer.allocUnsafeSlow(size);
    free(own);
    free(own);
    assert.equal(own.length, 0);
  }
  const part = Buffer.allocUnsafeSlow(Buffer.poolSize + 1).subarray(1);
  free(part);
  assert.equal(part.length, 0);
  const shared = Buffer.from('shared with others');
  free(shared);
  assert.equal(shared.toString(), 'shared with others');
});
