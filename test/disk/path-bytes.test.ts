import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bytesOfPath, textOfPath } from '../../src/disk/path-bytes.ts';

test('any bytes come back as they were, and UTF-8 is its own text', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      assert.deepEqual(Buffer.from(bytesOfPath(textOfPath(Buffer.from(bytes)))), Buffer.from(bytes));
    }),
  );
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const bytes = Buffer.from(text);
      assert.deepEqual(Buffer.from(bytesOfPath(textOfPath(bytes))), bytes);
    }),
  );
  assert.equal(textOfPath(Buffer.from('/l/café.log')), '/l/café.log');
  assert.notEqual(
    textOfPath(Buffer.from('/l/caf\xe9', 'latin1')),
    textOfPath(Buffer.from('/l/caf\u{10ffe9}')),
  );
});
