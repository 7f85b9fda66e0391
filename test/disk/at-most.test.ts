import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { shared } from '../../src/disk/sync.ts';
import { atMost } from '../../src/disk/at-most.ts';

test('no more jobs run than allowed, in order of asking; one that fails makes room, too', async () => {
  const limited = atMost(2);
  const began: number[] = [];
  let [now, most] = [0, 0];
  const results = await Promise.allSettled(
    Array.from({ length: 7 }, (_, n) =>
      limited(async () => {
        began.push(n);
        most = Math.max(most, ++now);
        await turn();
        now--;
        if (n === 1) throw new Error('no');
        return n;
      }),
    ),
  );
  assert.deepEqual([most, began], [2, [0, 1, 2, 3, 4, 5, 6]]);
  assert.deepEqual(
    results.map((result) => (result.status === 'fulfilled' ? result.value : 'failed')),
    [0, 'failed', 2, 3, 4, 5, 6],
  );
});

test('who asks while a shared job runs is answered by a run that began later, together with the others', async () => {
  const runs: ((error?: Error) => void)[] = [];
  const job = shared(
    () =>
      new Promise((resolve, reject) => {
        runs.push((error) => (error === undefined ? resolve() : reject(error)));
      }),
  );
  const first = job();
  await turn();
  const later = Promise.allSettled([job(), job(), job()]);
  await turn();
  assert.equal(runs.length, 1);
  runs[0]!();
  await first;
  await turn();
  assert.equal(runs.length, 2);
  runs[1]!(new Error('no'));
  assert.deepEqual(
    (await later).map(({ status }) => status),
    ['rejected', 'rejected', 'rejected'],
  );
  const again = job();
  await turn();
  runs[2]!();
  await again;
});
