import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { it } from 'node:test';
import { zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { decodeSign, encodeSign, SIGN_BYTES } from '../../../src/stores/file/order.ts';

const signs = fc.record({ packs: fc.maxSafeNat(), bytes: fc.maxSafeNat() }, { noNullPrototype: true });

it('reads a sign as it was written, and nothing else', () => {
  fc.assert(
    fc.property(signs, fc.nat(SIGN_BYTES - 1), fc.integer({ min: 1, max: 255 }), (sign, at, flip) => {
      const bytes = encodeSign(sign);
      assert.deepEqual(decodeSign(Buffer.concat([bytes, Buffer.from('more')])), sign);
      assert.equal(decodeSign(bytes.subarray(0, at)), undefined);
      bytes[at]! ^= flip;
      assert.equal(decodeSign(bytes), undefined);
    }),
  );
});

it('is passed over by zstd', () => {
  const file = Buffer.concat([encodeSign({ packs: 3, bytes: 4 }), zstdCompressSync(Buffer.from('a line\n'))]);
  assert.equal(execFileSync('zstdcat', { input: file, encoding: 'utf8' }), 'a line\n');
});
