import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { countLines } from '../../src/pack/line-count.ts';

const trivially = (bytes: Uint8Array): number => bytes.filter((byte) => byte === 10).length;

test('lines are newline bytes, whatever stands between', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2000, max: 12 }), (bytes) => {
      assert.equal(countLines(bytes), trivially(bytes));
    }),
  );
});

test('lengths around a step and a page are counted to the last byte, and nothing is left from the count before', () => {
  for (const around of [0, 16, 32, 65_536, 131_072, 1_048_576])
    for (const length of [around - 17, around - 1, around, around + 1, around + 15, around + 17].filter(
      (n) => n >= 0,
    )) {
      assert.equal(countLines(Buffer.alloc(length, 10)), length);
      assert.equal(countLines(Buffer.alloc(length, 11)), 0);
    }
});
