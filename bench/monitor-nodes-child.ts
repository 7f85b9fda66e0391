/**
 * Simulated nodes for `npm run bench -- monitor`: so many HTTP listeners that answer /status as a busy node does, in a process of their
 * own. Prints their ports as JSON.
 */
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { NodeStatus, RoleStatus } from '../src/telemetry/status.ts';

const count = Number(process.argv[2]);
const HOSTS = 10;

const roleOf = (now: number): RoleStatus => ({
  ...{ role: 'agent', state: 'running', startedAt: now - 3_600_000, lag: { bytes: 12_345, seconds: 1.2 } },
  throughput: {
    ...{ packs: 1234, lines: 1_234_567, bytes: 345_678_901 },
    ...{ packsPerSecond: 1.5, linesPerSecond: 1500, bytesPerSecond: 350_000 },
  },
  openHours: Array.from({ length: HOSTS }, (_, n) => ({
    ...{ host: `web${n}`, stream: 'access', hour: '2026112216', packs: 12, bytes: 1_234_567, changedAt: now },
  })),
  openHourCount: HOSTS,
  parts: Array.from({ length: HOSTS }, (_, n) => ({
    ...{ kind: 'stream', name: `stream${n}`, state: 'running' as const, lag: { bytes: 1, seconds: 0.1 } },
  })),
  gauges: [{ name: 'window_bytes', help: 'Bytes of packs in flight', value: 1e6, limit: 6.4e7 }],
  errors: Array.from({ length: 20 }, (_, n) => ({
    ...{ at: now - n * 1000, level: 'warn' as const, event: 'send.disconnected' },
    text: 'No connection to sink1:7667: connect ECONNREFUSED. Next try in 1234 ms; lines wait in their files.',
  })),
});

const ports: number[] = [];
for (let n = 0; n < count; n++) {
  const server = createServer((_request, response) => {
    const now = Date.now();
    const status: NodeStatus = {
      node: `node${n}`,
      version: '0.1.0',
      startedAt: 0,
      now,
      roles: [roleOf(now)],
    };
    response.setHeader('content-type', 'application/json').end(JSON.stringify(status));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const bound = server.address();
  if (typeof bound === 'object' && bound !== null) ports.push(bound.port);
}
process.stdout.write(`${JSON.stringify(ports)}\n`);
