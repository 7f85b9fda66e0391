import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  createStreamHistory,
  saidOfStreams,
  STEP_MS,
  type StreamPoint,
  type StreamPointTable,
} from '../../../src/monitor/nodes/stream-points.ts';
import type { NodeStatus, PartStatus } from '../../../src/telemetry/status.ts';

const NOW = Date.UTC(2026, 10, 26, 3, 10);

const stream = (name: string, seconds: number | null, rate?: number): PartStatus => ({
  ...{ kind: 'stream', name, state: 'running', lag: { bytes: 0, seconds } },
  ...(rate !== undefined && {
    throughput: {
      ...{ packs: 0, lines: 0, bytes: 0, packsPerSecond: 0 },
      ...{ linesPerSecond: rate, bytesPerSecond: rate * 100 },
    },
  }),
});

const agent = (...parts: PartStatus[]): NodeStatus => ({
  ...{ node: 'n', version: '0', startedAt: 0, now: 0 },
  roles: [{ role: 'agent', parts } as unknown as NodeStatus['roles'][number]],
});

/** A table in memory, that may be away. */
const memoryTable = () => {
  const rows = new Map<string, StreamPoint>();
  const state = { isAway: false };
  const table: StreamPointTable = {
    save(points) {
      if (state.isAway) return Promise.reject(new Error('away'));
      for (const point of points) rows.set(`${point.stream} ${point.at}`, point);
      return Promise.resolve();
    },
    read: (_step, since) =>
      state.isAway
        ? Promise.reject(new Error('away'))
        : Promise.resolve([...rows.values()].filter(({ at }) => at >= since)),
    thin: () => Promise.resolve(),
  };
  return { rows, state, table };
};

test('a stream has the worst lag and the whole throughput of all agents; what none says is unknown', () => {
  const said = saidOfStreams([
    agent(stream('access', 3, 10), stream('app', null)),
    agent(stream('access', 9, 5), { kind: 'connection', name: 'x', state: 'running' }),
  ]);
  assert.deepEqual(
    [...said],
    [
      ['access', { lag: 9, lineRate: 15, byteRate: 1500 }],
      ['app', { lag: null, lineRate: null, byteRate: null }],
    ],
  );
});

test('rounds of ten minutes are one point, also over a restart; a time without rounds has none', async () => {
  const { rows, table } = memoryTable();
  let now = NOW + 1000;
  const first = createStreamHistory(table, () => now);
  await first.add([agent(stream('access', 3, 10))]);
  now += 30_000;
  await first.add([agent(stream('access', 9, 20))]);
  const second = createStreamHistory(table, () => now);
  now += 30_000;
  await second.add([agent(stream('access', 1, 30))]);
  now = NOW + 3 * STEP_MS;
  await second.add([agent(stream('access', 2, 1))]);
  await second.add([]);
  assert.deepEqual(
    [...rows.values()],
    [
      { stream: 'access', at: NOW, samples: 3, lineRates: 60, byteRates: 6000, lag: 9 },
      { stream: 'access', at: NOW + 3 * STEP_MS, samples: 1, lineRates: 1, byteRates: 100, lag: 2 },
    ],
  );
});

test('while the database is away points wait, and are written afterwards', async () => {
  const { rows, state, table } = memoryTable();
  let now = NOW;
  const history = createStreamHistory(table, () => now);
  state.isAway = true;
  await assert.rejects(history.add([agent(stream('access', 3, 10))]));
  now += STEP_MS;
  await assert.rejects(history.add([agent(stream('access', 4, 20))]));
  assert.equal(rows.size, 0);
  state.isAway = false;
  await history.add([agent(stream('access', 5, 40))]);
  assert.deepEqual(
    [...rows.values()].map(({ at, samples, lag }) => [at, samples, lag]),
    [
      [NOW, 1, 3],
      [NOW + STEP_MS, 2, 5],
    ],
  );
});
