import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../src/telemetry/clock.ts';
import { createIntakeFirst } from '../../src/roles/sink/intake-first.ts';

const { signal } = new AbortController();
const nothing = { put: () => Promise.resolve({ kind: 'ack' } as const) };

test('an output has its turn at once where nothing comes in', async () => {
  const looks: number[] = [];
  const intake = createIntakeFirst({ monotonic: () => looks.push(1) * 1_000 });
  await intake.turn(signal);
  assert.equal(looks.length, 2);
});

test('an output waits while packs come in, and not for ever', async () => {
  const intake = createIntakeFirst(systemClock);
  const watched = intake.watching(nothing);
  let count = 0;
  const put = (): void => void watched.put(undefined as never, undefined as never).then(() => count++);
  put();
  const packs = setInterval(put, 1);
  await intake.turn(signal);
  clearInterval(packs);
  assert.ok(count > 3, 'it waited for longer than one pack makes it wait');
});
