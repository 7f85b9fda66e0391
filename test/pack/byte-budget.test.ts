import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { byteBudget, type Lease } from '../../src/pack/byte-budget.ts';

test('leases never exceed the budget and are granted in order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 100 }), { maxLength: 60 }), async (sizes) => {
      const budget = byteBudget(100);
      const granted: number[] = [];
      await Promise.all(
        sizes.map(async (size, n) => {
          const lease = await budget.acquire(size);
          granted.push(n);
          assert.ok(budget.used <= 100);
          await Promise.resolve();
          lease.shrink(size >> 1);
          await Promise.resolve();
          lease.release();
          lease.release();
        }),
      );
      assert.deepEqual(
        granted,
        sizes.map((_, n) => n),
      );
      assert.equal(budget.used, 0);
    }),
  );
});

test('a lease larger than the budget is granted alone', async () => {
  const budget = byteBudget(10);
  const small = await budget.acquire(1);
  let big: Lease | undefined;
  const waiting = budget.acquire(50).then((lease) => (big = lease));
  await Promise.resolve();
  assert.equal(big, undefined);
  small.release();
  await waiting;
  assert.equal(budget.used, 10);
});

test('an aborted wait rejects and lets the next one in', async () => {
  const budget = byteBudget(10);
  const first = await budget.acquire(8);
  const abort = new AbortController();
  const blocked = budget.acquire(9, abort.signal);
  const next = budget.acquire(2);
  abort.abort(new Error('stop'));
  await assert.rejects(blocked, /stop/);
  await next;
  first.release();
  assert.equal(budget.used, 2);
});
