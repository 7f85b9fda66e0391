import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { backoff } from '../../src/send/backoff.ts';

it('waits lie between min and max, and their bound doubles', () => {
  const bounds = fc.tuple(fc.integer({ min: 1, max: 1e4 }), fc.integer({ min: 1, max: 1e6 }));
  fc.assert(
    fc.property(
      bounds,
      fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 1, maxLength: 40 }),
      ([a, b], dice) => {
        const [min, max] = [Math.min(a, b), Math.max(a, b)];
        let roll = 0;
        const delay = backoff(min, max, () => dice[roll++]!);
        for (const [n] of dice.entries()) {
          const ms = delay.next();
          assert.ok(ms >= min && ms <= Math.min(max, min * 2 ** (n + 1)), `${ms} at try ${n}`);
        }
      },
    ),
  );
});

it('even the first wait is jittered: all agents lose their sink at the same moment', () => {
  assert.equal(backoff(200, 30_000, () => 0).next(), 200);
  assert.equal(backoff(200, 30_000, () => 0.5).next(), 300);
  assert.equal(backoff(200, 200, () => 0.5).next(), 200);
});

it('begins again after a success', () => {
  const delay = backoff(100, 100_000, () => 0.999);
  const first = delay.next();
  for (let n = 0; n < 20; n++) delay.next();
  assert.ok(delay.next() > 99_000);
  delay.reset();
  assert.equal(delay.next(), first);
});
