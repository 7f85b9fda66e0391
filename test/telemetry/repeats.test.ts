import assert from 'node:assert/strict';
import { it, type TestContext } from 'node:test';
import type { EventName } from '../../src/telemetry/events.ts';
import { gatherRepeats } from '../../src/telemetry/repeats.ts';

const gathered = (test: TestContext) => {
  test.mock.timers.enable({ apis: ['setInterval'] });
  const told: [EventName, Readonly<Record<string, string | number>>][] = [];
  let now = 0;
  const clock = { now: () => now, monotonic: () => now };
  const { emit, close } = gatherRepeats((name, fields) => void told.push([name, fields]), clock);
  const pass = (minutes: number): void => {
    for (let n = 0; n < minutes; n++) {
      now += 60_000;
      test.mock.timers.tick(60_000);
    }
  };
  const packs = (count: number): void => {
    for (let id = 1; id <= count; id++)
      emit('send.pack-deferred', {
        ...{ host: 'web1', stream: 'access', hour: '2026112216', id, code: 'storage', reason: 'Disk full.' },
      });
  };
  const away = (tries: number): void => {
    for (let n = 0; n < tries; n++)
      emit('send.disconnected', { address: 'sink:7667', reason: 'Refused.', delay_ms: 30_000 });
  };
  const names = (): EventName[] => told.map(([name]) => name);
  return { told, names, emit, close, pass, packs, away };
};

it('an outage of 12 minutes is a line at its beginning, one a minute, and one at its end', (test) => {
  const { told, names, emit, pass, packs, away } = gathered(test);
  packs(1400);
  for (let minute = 0; minute < 12; minute++) {
    away(2);
    packs(minute < 10 ? 200 : 0);
    pass(1);
  }
  emit('send.connected', { node: 'sink', address: 'sink:7667' });
  assert.equal(names().filter((name) => name === 'send.disconnected').length, 1);
  assert.equal(names().filter((name) => name === 'send.pack-deferred').length, 1);
  assert.ok(told.length < 30, `${told.length} lines`);
  assert.deepEqual(told.at(-1)![0], 'send.connected');
  assert.deepEqual(told.find(([name]) => name === 'send.back')?.[1], {
    ...{ address: 'sink:7667', away: '12 min', tries: 24, packs: 0 },
  });
  assert.deepEqual(told.find(([name]) => name === 'node.repeats-over')?.[1], {
    ...{ repeated: 'send.pack-deferred', count: 3400, lasted: '10 min' },
  });
});

it('packs that were deferred while the connection was away are told with its return', (test) => {
  const { told, emit, pass, packs, away } = gathered(test);
  away(3);
  packs(7);
  pass(1);
  emit('send.connected', { node: 'sink', address: 'sink:7667' });
  assert.deepEqual(told.find(([name]) => name === 'send.back')?.[1], {
    ...{ address: 'sink:7667', away: '60 s', tries: 3, packs: 7 },
  });
  pass(5);
  assert.equal(told.at(-1)![0], 'send.connected');
});

it('a single failure is told at once, and nothing more', (test) => {
  const { names, emit, pass } = gathered(test);
  emit('store.failed', { reason: 'Disk full.' });
  pass(3);
  emit('store.failed', { reason: 'Disk full.' });
  assert.deepEqual(names(), ['store.failed', 'store.failed']);
});

it('of a flood of bad packs a line tells for each peer and code, then one a minute', (test) => {
  const { told, emit, pass } = gathered(test);
  const bad = { host: 'web1', stream: 'access', hour: '2026112216', reason: '' };
  for (let id = 1; id <= 1000; id++)
    for (const [address, code] of [
      ['10.0.0.1', 'corrupt'],
      ['10.0.0.1', 'invalid'],
      ['10.0.0.2', 'corrupt'],
    ] as const)
      emit('receive.bad-pack', { ...bad, id, code, peer: `${address}:${40_000 + id}` });
  assert.equal(told.length, 3);
  pass(1);
  assert.deepEqual(
    told.slice(3).map(([name, fields]) => [name, fields['count']]),
    Array.from({ length: 3 }, () => ['node.repeated', 999]),
  );
  for (let n = 0; n < 9; n++)
    emit('receive.bad-pack', { ...bad, id: n, code: 'storage', peer: `10.0.0.${n}:1` });
  assert.equal(told.length, 7, 'our own failure is one for all');
});

it('a flood from ever new addresses is bounded too', (test) => {
  const { told, emit } = gathered(test);
  for (let n = 0; n < 5000; n++)
    emit('receive.bad-frame', { peer: `10.0.${n >> 8}.${n & 255}:1`, code: 'protocol', reason: '' });
  assert.ok(told.length <= 1001, `${told.length} lines`);
});

it('what was counted is told when the node ends', (test) => {
  const { names, close, away } = gathered(test);
  away(4);
  close();
  assert.deepEqual(names(), ['send.disconnected', 'node.repeated']);
});
