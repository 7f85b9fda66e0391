import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createInFlight } from '../../src/telemetry/in-flight.ts';
import { createLifecycle } from '../../src/telemetry/lifecycle.ts';
import { createMeter } from '../../src/telemetry/meter.ts';
import { rememberErrors } from '../../src/telemetry/recent-errors.ts';

const clock = () => {
  let time = 5_000;
  return { now: () => time, monotonic: () => time, advance: (ms: number) => void (time += ms) };
};

test('a meter counts for ever and rates the last ten seconds', () => {
  const time = clock();
  const meter = createMeter(time);
  for (let second = 0; second < 30; second++) {
    meter.count({ lines: 10, bytes: 100 });
    time.advance(1000);
  }
  const { packs, lines, bytes, packsPerSecond, linesPerSecond, bytesPerSecond } = meter.read();
  assert.deepEqual([packs, lines, bytes], [30, 300, 3000]);
  // The running second has nothing yet.
  assert.deepEqual([packsPerSecond, linesPerSecond, bytesPerSecond], [0.9, 9, 90]);
  time.advance(20_000);
  assert.deepEqual([meter.read().packs, meter.read().packsPerSecond], [30, 0]);
});

test('a rate of the first moments is not blown up', () => {
  const time = clock();
  const meter = createMeter(time);
  meter.count({ lines: 1, bytes: 50 });
  time.advance(1);
  assert.equal(meter.read().bytesPerSecond, 50);
});

test('the oldest thing in flight tells the age, in whatever order things end', () => {
  const time = clock();
  const flight = createInFlight(time);
  const first = flight.begin(10);
  time.advance(2000);
  const second = flight.begin(5);
  assert.deepEqual([flight.count, flight.bytes, flight.seconds], [2, 15, 2]);
  first();
  first();
  time.advance(500);
  assert.deepEqual([flight.count, flight.bytes, flight.seconds], [1, 5, 0.5]);
  second();
  assert.deepEqual([flight.count, flight.bytes, flight.seconds], [0, 0, 0]);
});

test('only warnings and errors are remembered, the last first, and every event is passed on', () => {
  const time = clock();
  let passed = 0;
  const errors = rememberErrors({ clock: time, emit: () => void passed++ });
  errors.emit('receive.listening', { address: 'a:1' });
  for (let n = 0; n < 30; n++) errors.emit('store.failed', { reason: `${'x'.repeat(n === 29 ? 9000 : 1)}.` });
  assert.equal(passed, 31);
  const list = errors.list();
  assert.equal(list.length, 20);
  assert.deepEqual([list[0]?.event, list[0]?.at, list[0]?.text.length], ['store.failed', 5000, 500]);
});

test('a failure shows, but not that of a role that is stopping', async () => {
  const failure = Promise.withResolvers<Error>();
  const [running, stopping] = [createLifecycle(failure.promise), createLifecycle(failure.promise)];
  assert.deepEqual(running.read(), { state: 'running' });
  assert.deepEqual(running.read('No connection.'), { state: 'degraded', reason: 'No connection.' });
  stopping.stopping();
  failure.resolve(new Error('The ledger was closed.'));
  await failure.promise;
  assert.deepEqual(running.read(), { state: 'failed', reason: 'The ledger was closed.' });
  assert.deepEqual(stopping.read(), { state: 'stopping' });
});
