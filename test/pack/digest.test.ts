import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { EMPTY_SHA256, runningDigest } from '../../src/pack/digest.ts';

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

test('the digest read off after each piece is that of all bytes so far', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 })), (pieces) => {
      const digest = runningDigest();
      assert.equal(digest.hex(), EMPTY_SHA256);
      for (let n = 0; n < pieces.length; n++) {
        digest.update(Buffer.from(pieces[n]!));
        const all = Buffer.concat(pieces.slice(0, n + 1));
        assert.equal(digest.hex(), sha256(all));
        assert.equal(digest.bytes, all.length);
      }
    }),
  );
});

test('a fork goes its own way', () => {
  const digest = runningDigest();
  digest.update(Buffer.from('a'));
  const fork = digest.fork();
  fork.update(Buffer.from('b'));
  assert.equal(digest.hex(), sha256(Buffer.from('a')));
  assert.equal(fork.hex(), sha256(Buffer.from('ab')));
  assert.equal(fork.bytes, 2);
});
