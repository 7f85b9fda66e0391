import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRouteLatency } from '../../src/roles/route-latency.ts';
import { systemClock } from '../../src/telemetry/clock.ts';

test('each hop shows how long packs wait there and travel from there, until none came for an hour', () => {
  let now = 10_000;
  const clock = { ...systemClock, now: () => now, monotonic: () => now };
  const latency = createRouteLatency('sink', clock);
  latency.note({});
  assert.deepEqual(latency.parts(), []);
  const route = [
    { node: 'relay1', received: 9_000, sent: 9_100 },
    { node: 'relay2', received: 9_130, sent: 9_500 },
  ];
  latency.note({ route });
  const [first, second] = latency.parts();
  assert.deepEqual([first?.name, second?.name], ['relay1 → relay2', 'relay2 → sink']);
  assert.match(first?.detail ?? '', /wait 100 ms at the relay and take 30 ms/);
  assert.match(second?.detail ?? '', /wait 370 ms at the relay and take 500 ms/);
  latency.note({ route: [{ node: 'relay2', received: 9_400, sent: 9_500 }] });
  assert.match(latency.parts().at(-1)?.detail ?? '', /wait 343 ms/, 'a running mean');
  now += 3_600_001;
  assert.deepEqual(latency.parts(), []);
  for (let n = 0; n < 300; n++) latency.note({ route: [{ node: `relay${n}`, received: 0, sent: 0 }] });
  assert.equal(latency.parts().length, 100, 'memory is bounded');
});
