import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { decode, encode as encodeOnce, frameLength, free } from '../../src/pack/codec.ts';
import { createEncoder } from '../../src/pack/encoder.ts';

test('every pack is one frame of its own that decodes to its bytes, however many are under way', async () => {
  const encode = createEncoder(1, 3);
  const pieces = fc.array(fc.uint8Array({ maxLength: 3000 }), { minLength: 1, maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(pieces, async (raws) => {
      const bodies = await Promise.all(raws.map((raw) => encode(Buffer.from(raw))));
      for (const [n, body] of bodies.entries()) {
        assert.equal(frameLength(body), body.length);
        assert.deepEqual(await decode(body, 'zstd', raws[n]!.length), Buffer.from(raws[n]!));
        free(body);
      }
    }),
    { numRuns: 50 },
  );
});

test('large, incompressible and empty packs take turns in one stream', async () => {
  const encode = createEncoder(3, 1);
  const raws = [
    randomBytes(3_000_000),
    Buffer.alloc(0),
    Buffer.alloc(5_000_000, 'line\n'),
    randomBytes(1 << 19),
    Buffer.from('x'),
  ];
  const bodies = await Promise.all(raws.map((raw) => encode(raw)));
  for (const [n, body] of bodies.entries()) {
    assert.equal(frameLength(body), body.length);
    assert.deepEqual(await decode(body, 'zstd', raws[n]!.length), raws[n]!);
  }
});

test('each level below 1 compresses less than the one above it, -1 too', async () => {
  const raw = Buffer.from(
    Array.from(
      { length: 20_000 },
      (_, n) => `10.0.0.${(n * n) % 251} GET /items/${(n * 7919) % 5003} 200\n`,
    ).join(''),
  );
  const levels = [1, -1, -2, -3];
  const pooled = await Promise.all(levels.map(async (level) => (await createEncoder(level, 1)(raw)).length));
  const alone = await Promise.all(levels.map(async (level) => (await encodeOnce(raw, 'zstd', level)).length));
  for (const sizes of [pooled, alone]) {
    assert.deepEqual(
      sizes,
      sizes.toSorted((a, b) => a - b),
    );
    assert.equal(new Set(sizes).size, levels.length);
  }
});

test('a frame that ends exactly where its piece of memory does is one frame all the same', async () => {
  const encode = createEncoder(1, 1);
  const size = 1 << 16;
  const overhead = (await encode(randomBytes(size))).length - size;
  const raw = randomBytes(size - overhead);
  const again = createEncoder(1, 1);
  for (let n = 0; n < 130; n++) {
    const body = await again(raw);
    assert.deepEqual([body.length, frameLength(body)], [size, size], `frame ${n}`);
  }
});

test('a body stays as it is until it is freed, whatever else is encoded and freed', async () => {
  const encode = createEncoder(1, 1);
  const first = await encode(Buffer.from('first '.repeat(100)));
  const copy = Buffer.from(first);
  for (let n = 0; n < 100; n++) {
    const other = await encode(randomBytes(300_000));
    if (n % 3 > 0) free(other);
  }
  assert.deepEqual(first, copy);
});

test('memory comes back when bodies are freed, without the garbage collector', async () => {
  const encode = createEncoder(1, 2);
  const raw = randomBytes(300_000);
  const before = process.memoryUsage().arrayBuffers;
  // They are held: the collector could not give their memory back.
  const bodies: Buffer[] = [];
  for (let n = 0; n < 200; n++) {
    bodies.push(await encode(raw));
    free(bodies[n]!);
  }
  assert.ok(process.memoryUsage().arrayBuffers - before < 32 << 20);
});
