import assert from 'node:assert/strict';
import { test } from 'node:test';
import { editDistance, nearest } from '../../src/config/nearest.ts';

test('the distance counts insertions, deletions, substitutions and swaps', () => {
  assert.equal(editDistance('', 'abc'), 3);
  assert.equal(editDistance('listen', 'listen'), 0);
  assert.equal(editDistance('lsiten', 'listen'), 1);
  assert.equal(editDistance('kitten', 'sitting'), 3);
});

test('the nearest word is found, and none where nothing is near', () => {
  assert.equal(nearest('listne', ['send_to', 'listen']), 'listen');
  assert.equal(nearest('Codec', ['level', 'codec']), 'codec');
  assert.equal(nearest('xyz', ['listen', 'codec']), undefined);
  assert.equal(nearest('x'.repeat(1e6), ['listen']), undefined);
});
