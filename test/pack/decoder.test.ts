import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { constants, createZstdCompress, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { contentBytes, encode, frameLength } from '../../src/pack/codec.ts';
import { createDecoder } from '../../src/pack/decoder.ts';

/** A frame that does not say how much it holds: its end was not known when it began. */
const withoutSize = async (raw: Buffer): Promise<Buffer> => {
  const stream = createZstdCompress();
  stream.write(raw.subarray(0, raw.length >> 1));
  stream.end(raw.subarray(raw.length >> 1));
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  const bytes = Buffer.concat(chunks);
  return bytes.subarray(0, frameLength(bytes)); // An empty frame follows.
};

test('whatever the sizes, and however many are under way, bodies decode to what they were', async () => {
  const decode = createDecoder(3);
  const size = fc.oneof(fc.nat(300), fc.nat(70_000), fc.integer({ min: 1_000_000, max: 1_048_576 }));
  await fc.assert(
    fc.asyncProperty(fc.array(size, { minLength: 1, maxLength: 12 }), async (sizes) => {
      const raws = sizes.map((bytes, n) => Buffer.alloc(bytes, `line ${n} of ${bytes}\n`));
      const decoded = await Promise.all(
        raws.map(async (raw) => decode(await encode(raw, 'zstd', 1), 'zstd', raw.length)),
      );
      for (const [n, { raw, release }] of decoded.entries()) {
        assert.deepEqual(raw, raws[n]);
        release();
        release();
      }
    }),
    { numRuns: 40 },
  );
});

test('bytes that are held stay as they are, whatever else is decoded and given back', async () => {
  const decode = createDecoder(1);
  const first = await decode(zstdCompressSync(Buffer.from('first '.repeat(100))), 'zstd', 600);
  const copy = Buffer.from(first.raw);
  for (let n = 0; n < 30; n++) {
    const raw = randomBytes(700_000);
    const other = await decode(zstdCompressSync(raw), 'zstd', raw.length);
    assert.deepEqual(other.raw, raw);
    if (n % 3 > 0) other.release();
  }
  assert.deepEqual(first.raw, copy);
});

test('bytes that span pieces, and frames that do not say how much they hold', async () => {
  const decode = createDecoder(1);
  for (const raw of [randomBytes(9_000_000), Buffer.alloc(5_000_000, 'x'), Buffer.alloc(0)]) {
    const body = await encode(raw, 'zstd', 1);
    assert.equal(contentBytes(body), raw.length);
    assert.deepEqual((await decode(body, 'zstd', raw.length)).raw, raw);
  }
  const raw = Buffer.alloc(100_000, 'a line\n');
  const body = await withoutSize(raw);
  assert.equal(contentBytes(body), undefined);
  assert.deepEqual((await decode(body, 'zstd', raw.length)).raw, raw);
  await assert.rejects(decode(body, 'zstd', raw.length - 1), { code: 'corrupt' });
});

test('a damaged frame is corrupt, and the next one is decoded all the same', async () => {
  const decode = createDecoder(1);
  const raw = Buffer.from(Array.from({ length: 3000 }, (_, n) => `GET /${n * 7919} 200\n`).join(''));
  const params = { [constants.ZSTD_c_checksumFlag]: 1 };
  const good = zstdCompressSync(raw, { params });
  await fc.assert(
    fc.asyncProperty(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }), async (at, mask) => {
      const body = Buffer.from(good);
      body[at] = body[at]! ^ mask;
      const damaged = decode(body, 'zstd', raw.length).then(
        (decoded) => decoded.raw.equals(raw),
        (error: { readonly code?: string }) => error.code,
      );
      const next = decode(good, 'zstd', raw.length);
      assert.ok([true, 'corrupt'].includes((await damaged) as true));
      assert.deepEqual((await next).raw, raw);
      (await next).release();
    }),
    { numRuns: 300 },
  );
});

/** Says that it holds `claimed` bytes; its blocks, of 4 bytes each, unfold to 128 KiB each. */
const bombOf = (claimed: number, blocks: number): Buffer => {
  const head = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x80, 0x38, 0, 0, 0, 0]);
  head.writeUInt32LE(claimed, 6);
  const block = (last: boolean): Buffer => Buffer.from([last ? 3 : 2, 0, 0x10, 0x41]);
  return Buffer.concat([head, ...Array.from({ length: blocks }, (_, n) => block(n === blocks - 1))]);
};

test('a bomb that says it holds little is refused before it unfolds, also behind other packs', async () => {
  const decode = createDecoder(1);
  const raw = randomBytes(3_800_000);
  const peak = (): number => process.resourceUsage().maxRSS >> 10;
  for (const claimed of [1 << 20, 5 << 20]) {
    (await decode(zstdCompressSync(raw), 'zstd', raw.length)).release();
    const bomb = bombOf(claimed, 8192);
    assert.equal(frameLength(bomb), bomb.length);
    const before = peak();
    await assert.rejects(decode(bomb, 'zstd', claimed), { code: 'corrupt' });
    assert.ok(peak() - before < 100, `${peak() - before} MiB for ${claimed}`);
  }
  const { raw: next } = await decode(zstdCompressSync(raw), 'zstd', raw.length);
  assert.deepEqual(next, raw);
});

test('memory comes back when all that lies in it is given back', async () => {
  const decode = createDecoder(2);
  const bodies = Array.from({ length: 20 }, () => zstdCompressSync(randomBytes(900_000)));
  const before = process.memoryUsage().arrayBuffers;
  for (let n = 0; n < 200; n++) (await decode(bodies[n % 20]!, 'zstd', 900_000)).release();
  assert.ok(process.memoryUsage().arrayBuffers - before < 24 << 20);
});

test('a small pack that is held keeps no memory but its own', async () => {
  const decode = createDecoder(1);
  const [small, large] = [100, 4_000_000].map((bytes) => zstdCompressSync(randomBytes(bytes)));
  const before = process.memoryUsage().arrayBuffers;
  const held = [];
  for (let n = 0; n < 40; n++) {
    held.push(await decode(small!, 'zstd', 100));
    (await decode(large!, 'zstd', 4_000_000)).release();
  }
  assert.ok(process.memoryUsage().arrayBuffers - before < 32 << 20);
  for (const { raw, release } of held) {
    assert.deepEqual(raw, held[0]?.raw);
    release();
  }
});

test('small packs are decoded without a trip to the pool, and let others have their turn', async () => {
  const decode = createDecoder(1);
  const raw = Buffer.from(Array.from({ length: 1500 }, (_, n) => `GET /${n * 7919} 200\n`).join(''));
  const body = zstdCompressSync(raw);
  let turns = 0;
  let isDone = false;
  const first = decode(body, 'zstd', raw.length).then(() => turns);
  const tick = (): void => {
    turns++;
    if (!isDone) setImmediate(tick);
  };
  setImmediate(tick);
  const order: number[] = [];
  await Promise.all(
    Array.from({ length: 3000 }, async (_, n) => {
      const { raw: decoded, release } = await decode(body, 'zstd', raw.length);
      assert.equal(decoded.length, raw.length);
      release();
      order.push(n);
    }),
  );
  isDone = true;
  assert.equal(await first, 0, 'before anything else has run');
  assert.ok(turns >= 3, `${turns} turns of the event loop`);
  assert.deepEqual(
    order,
    order.toSorted((a, b) => a - b),
  );
});
