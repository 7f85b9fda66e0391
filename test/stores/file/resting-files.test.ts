import assert from 'node:assert/strict';
import { test } from 'node:test';
import { restingFiles } from '../../../src/stores/file/resting-files.ts';

const FILE = { end: 7, identity: { dev: 1, ino: 2 } };

test('what is known of a file is given back once', () => {
  const files = restingFiles();
  files.put('a', FILE, 0);
  const { end, identity } = files.take('a')!;
  assert.deepEqual({ end, identity }, FILE);
  assert.equal(files.take('a'), undefined);
  files.put('a', FILE, 1);
  files.clear();
  assert.equal(files.take('a'), undefined);
});

test('above their number the oldest is forgotten, and never one that may not be recorded yet', () => {
  const files = restingFiles(2);
  for (const name of ['a', 'b', 'c']) files.put(name, FILE, 5);
  files.put('d', FILE, 7);
  assert.deepEqual(['a', 'b', 'c', 'd'].filter(files.has), ['a', 'b', 'c', 'd']);
  files.put('e', FILE, 8);
  assert.deepEqual(['a', 'b', 'c', 'd', 'e'].filter(files.has), ['d', 'e']);
});
