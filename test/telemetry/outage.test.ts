import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { watchOutage } from '../../src/telemetry/outage.ts';

const MINUTE = 60_000;

const rig = (t: TestContext) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  let now = 0;
  const said: string[] = [];
  const watch = watchOutage<number>({
    clock: { monotonic: () => now },
    onLong: ({ waiting, reason }) => void said.push(`long ${[...waiting.values()].join()} ${reason}`),
    onOver: ({ lasted }) => void said.push(`over ${lasted}`),
  });
  const pass = (ms: number): void => {
    now += ms;
    t.mock.timers.tick(ms);
  };
  return { watch, said, pass };
};

test('an outage of less than a minute is not said', (t) => {
  const { watch, said, pass } = rig(t);
  watch.worked('a');
  for (let n = 0; n < 3; n++) {
    watch.failed('a', 1, 'full');
    pass(MINUTE - 1);
    watch.worked('a');
  }
  pass(10 * MINUTE);
  assert.deepEqual(said, []);
});

test('a long one is said once, and over when all that waited have worked', (t) => {
  const { watch, said, pass } = rig(t);
  watch.failed('a', 1, 'slow');
  watch.failed('b', 2, 'full');
  pass(MINUTE);
  // Nobody has tried meanwhile: it is no end.
  pass(2 * MINUTE);
  assert.deepEqual(said, ['long 1,2 full']);
  watch.worked('a');
  watch.failed('c', 3, 'full');
  pass(MINUTE);
  watch.worked('b');
  watch.worked('c');
  assert.deepEqual(said, ['long 1,2 full', 'over 4 min']);
});

test('what nobody sends any more does not keep it from ending', (t) => {
  const { watch, said, pass } = rig(t);
  watch.failed('gone', 1, 'full');
  pass(MINUTE);
  watch.worked('other');
  pass(MINUTE);
  assert.deepEqual(said, ['long 1 full', 'over 2 min']);
});
