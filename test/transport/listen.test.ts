/** Addresses in messages are as the configuration takes them: IPv6 in brackets. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../src/telemetry/clock.ts';
import { listenForPacks } from '../../src/transport/registry.ts';
import { LIMITS } from './tcp/rig.ts';

test('an IPv6 address that nobody has is named in brackets', async () => {
  const listening = listenForPacks({
    ...{ address: { host: '2001:db8::1', port: 7667 }, node: 'sink1', clock: systemClock, limits: LIMITS },
    emit: () => undefined,
    onPack: () => Promise.resolve({ kind: 'ack' }),
  });
  await assert.rejects(listening, /Cannot listen on \[2001:db8::1\]:7667:/);
});
