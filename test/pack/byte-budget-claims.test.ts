import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { byteBudget } from '../../src/pack/byte-budget.ts';

test('claims are granted in order, never above the total, and all in the end', () => {
  const claims = fc.array(fc.integer({ min: 0, max: 150 }), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(
      claims,
      fc.array(fc.nat(), { minLength: 1 }),
      fc.integer({ min: 0, max: 5 }),
      (sizes, picks, withdrawn) => {
        const budget = byteBudget(100);
        const granted: number[] = [];
        const releases = sizes.map((size, n) => budget.claim(size, () => void granted.push(n)));
        const gone = new Set<number>();
        for (let n = sizes.length - 1; n >= sizes.length - withdrawn && n >= 0; n--) {
          if (granted.includes(n)) continue;
          gone.add(n);
          releases[n]!.release();
        }
        for (let step = 0; granted.length + gone.size < sizes.length || step < sizes.length; step++) {
          const held = granted.filter((n) => !gone.has(n));
          const sum = held.reduce((total, n) => total + Math.min(sizes[n]!, 100), 0);
          assert.equal(budget.used, sum);
          assert.ok(sum <= 100);
          if (held.length === 0) break;
          const next = held[picks[step % picks.length]! % held.length]!;
          gone.add(next);
          releases[next]!.release();
          releases[next]!.release();
        }
        assert.deepEqual(
          granted,
          [...granted].sort((a, b) => a - b),
        );
        assert.equal(budget.used, 0);
        assert.equal(new Set([...granted, ...gone]).size, sizes.length);
      },
    ),
  );
});
