import assert from 'node:assert/strict';
import { it } from 'node:test';
import { skippedNames } from '../../src/tail/skipped-names.ts';

const begin = (most: number) => {
  const told: string[] = [];
  const odd = skippedNames(
    (path, reason) => told.push(`${path} ${reason}`),
    (count) => told.push(`more than ${count}`),
    most,
  );
  return { odd, told };
};

it('tells each path and reason once while it is there', () => {
  const { odd, told } = begin(9);
  for (let n = 0; n < 3; n++) {
    odd.tell('/a', 'pipe');
    odd.tell('/b', 'link');
    odd.forgetUnseen();
  }
  odd.tell('/a', 'directory');
  odd.forget('/b');
  odd.tell('/b', 'link');
  assert.deepEqual(told, ['/a pipe', '/b link', '/a directory', '/b link']);
  odd.forgetUnseen();
  odd.forgetUnseen();
  odd.tell('/a', 'directory');
  assert.equal(told.length, 5);
});

it('remembers a bounded number, and says once that there are more', () => {
  const { odd, told } = begin(2);
  for (let n = 0; n < 3; n++) {
    for (const path of ['/a', '/b', '/c', '/d']) odd.tell(path, 'x');
    odd.forgetUnseen();
  }
  assert.deepEqual(told, ['/a x', '/b x', 'more than 2']);
  odd.tell('/d', 'x');
  odd.forgetUnseen();
  for (const path of ['/c', '/d', '/e']) odd.tell(path, 'x');
  assert.deepEqual(told.slice(3), ['/c x', '/d x', 'more than 2']);
});
