import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { countLines, runningChecksum, survey } from '../../src/pack/survey.ts';

const trivialLines = (bytes: Uint8Array): number => bytes.filter((byte) => byte === 10).length;

/** As docs/PROTOCOL.md says it, one word after the other. */
const trivialChecksum = (bytes: Uint8Array): number => {
  if (bytes.length === 0) return 0;
  const padded = Buffer.alloc(Math.ceil(bytes.length / 64) * 64);
  padded.set(bytes);
  const [a, b] = [new BigUint64Array(8), new BigUint64Array(8)];
  for (let at = 0; at < padded.length; at += 8) {
    const lane = (at / 8) % 8;
    const sum = BigInt.asUintN(64, a[lane]! + padded.readBigUInt64LE(at));
    a[lane] = (sum << 23n) | (sum >> 41n);
    b[lane]! += a[lane]!;
  }
  const sums = Buffer.alloc(128);
  for (const [n, sum] of [...a, ...b].entries()) sums.writeBigUInt64LE(sum, n * 8);
  return crc32(sums);
};

test('the example of the protocol', () => {
  assert.equal(survey(Buffer.from('abc\n')).checksum, 88_794_276);
});

test('lines are newline bytes, and the checksum is the one of the protocol, whatever the bytes', () => {
  const bytes = fc.oneof(fc.uint8Array({ maxLength: 2000, max: 12 }), fc.uint8Array({ maxLength: 300 }));
  fc.assert(
    fc.property(bytes, (some) => {
      assert.deepEqual(survey(some), { lines: trivialLines(some), checksum: trivialChecksum(some) });
      assert.equal(countLines(some), trivialLines(some));
    }),
  );
});

test('lengths around a step and a page are taken to the last byte, and nothing is left from the survey before', () => {
  for (const around of [0, 16, 64, 128, 65_536, 131_072, 1_048_576])
    for (const length of [
      around - 17,
      around - 1,
      around,
      around + 1,
      around + 15,
      around + 63,
      around + 65,
    ].filter((n) => n >= 0))
      for (const [byte, lines] of [
        [10, length],
        [0xff, 0],
      ] as const) {
        const bytes = Buffer.alloc(length, byte);
        assert.deepEqual(survey(bytes), { lines, checksum: trivialChecksum(bytes) });
      }
});

test('sums of many bytes do not stop at 32 bits', () => {
  const bytes = Buffer.alloc(1 << 20, 0xff);
  assert.equal(survey(bytes).checksum, trivialChecksum(bytes));
  assert.notEqual(survey(bytes).checksum, survey(bytes.subarray(16)).checksum);
});

test('a byte that is changed, and words that change places, change the checksum', () => {
  const base = Buffer.from(Array.from({ length: 200 }, (_, n) => (n * 37) % 251));
  const { checksum } = survey(base);
  for (let at = 0; at < base.length; at++)
    for (const mask of [1, 0x80, 0xff]) {
      const changed = Buffer.from(base);
      changed[at]! ^= mask;
      assert.notEqual(survey(changed).checksum, checksum);
    }
  for (const distance of [4, 16, 32, 64]) {
    const swapped = Buffer.concat([
      base.subarray(distance, 2 * distance),
      base.subarray(0, distance),
      base.subarray(2 * distance),
    ]);
    assert.notEqual(survey(swapped).checksum, checksum);
  }
});

test('blocks that change places symmetrically change the checksum', () => {
  for (const size of [4, 16, 64, 1024, 4080]) {
    const [a, b] = [Buffer.alloc(size, 'one line\n'), Buffer.alloc(size, 'another\n')];
    const between = Buffer.alloc(3 * size, 'between\n');
    for (const gap of [between.subarray(0, 0), between.subarray(0, size), between])
      assert.notEqual(
        survey(Buffer.concat([a, b, gap, b, a])).checksum,
        survey(Buffer.concat([b, a, gap, a, b])).checksum,
      );
  }
});

test('in parts of any size the checksum is the same, also of several at a time', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 12 }), (parts) => {
      const [running, other] = [runningChecksum(), runningChecksum()];
      const taken: Uint8Array[] = [];
      for (const part of parts) {
        running.update(part);
        other.update(Buffer.concat([part, part]));
        taken.push(part);
        assert.equal(running.value(), trivialChecksum(Buffer.concat(taken)));
      }
      assert.equal(other.value(), trivialChecksum(Buffer.concat(parts.flatMap((part) => [part, part]))));
    }),
  );
});
