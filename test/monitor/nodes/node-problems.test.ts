/** Alerts of a spool that fills, with the status that a real relay gives. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { AlertProblem } from '../../../src/monitor/alerts/alert-table.ts';
import type { WatchedNode } from '../../../src/monitor/nodes/heartbeats.ts';
import { nodeProblems } from '../../../src/monitor/nodes/node-problems.ts';
import { NO_LAG, type RoleStatus } from '../../../src/telemetry/status.ts';

const LIMITS = { warn: 60, error: 85 };

const relayAt = (percent: number): WatchedNode => {
  const role: RoleStatus = {
    ...{ role: 'relay', state: 'running', startedAt: 0, lag: NO_LAG, openHours: [], openHourCount: 0 },
    throughput: {
      ...{ packs: 0, lines: 0, bytes: 0 },
      ...{ packsPerSecond: 0, linesPerSecond: 0, bytesPerSecond: 0 },
    },
    ...{ parts: [], errors: [] },
    gauges: [{ name: 'spool_bytes', help: 'Bytes', value: percent * 10_000, limit: 1_000_000 }],
  };
  return {
    ...{
      label: 'relay1',
      down: false,
      status: { node: 'relay1', version: '', startedAt: 0, now: 0, roles: [role] },
    },
  } as unknown as WatchedNode;
};

it('a spool warns, becomes an error, and is quiet when it goes up and down at a limit', () => {
  let open: AlertProblem[] = [];
  const seen = [10, 59, 60, 58, 84, 85, 81, 79, 56, 54, 59, 100].map((percent) => {
    const before = new Map(open.map(({ key, severity }) => [key, severity]));
    open = nodeProblems([relayAt(percent)], LIMITS, (key) => before.get(key));
    return `${percent} ${open[0]?.severity ?? 'well'}`;
  });
  assert.deepEqual(seen, [
    ...['10 well', '59 well', '60 warn', '58 warn', '84 warn', '85 error', '81 error', '79 warn'],
    ...['56 warn', '54 well', '59 well', '100 error'],
  ]);
  assert.deepEqual([open[0]?.key, open.length], ['spool/relay1/relay', 1]);
  assert.match(open[0]?.title ?? '', /^relay1: its spool is filled to 85 % of .*Nothing is lost/);
});
