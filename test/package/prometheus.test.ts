/** The alert rules and the dashboard in deploy/ ask only for metrics and events that nodes have. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { parse } from 'yaml';
import { metricsText } from '../../src/http/metrics.ts';
import { EVENTS } from '../../src/telemetry/events.ts';
import { NO_LAG, type RoleStatus } from '../../src/telemetry/status.ts';

const root = join(import.meta.dirname, '../..');

/** Names of gauges, as the roles write them. */
const gaugeNames = (): string[] =>
  readdirSync(join(root, 'src/roles'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .flatMap((path) => {
      const text = readFileSync(join(root, 'src/roles', path), 'utf8');
      return [...text.matchAll(/name: '([a-z]+_[a-z_]+)',\s+help:/g)].map(([, name = '']) => name);
    });

/** All names of metrics that a node can have. */
const metricNames = async (): Promise<Set<string>> => {
  const role: RoleStatus = {
    ...{ role: 'sink', state: 'running', startedAt: 0, lag: NO_LAG },
    throughput: { packs: 0, lines: 0, bytes: 0, packsPerSecond: 0, linesPerSecond: 0, bytesPerSecond: 0 },
    ...{ openHours: [], openHourCount: 0, errors: [] },
    parts: [{ kind: 'output', name: 'x', state: 'running', lag: NO_LAG }],
    gauges: gaugeNames().map((name) => ({ name, help: name, value: 1, limit: 2 })),
  };
  const status = { node: 'n', version: '1', startedAt: 0, now: 0, roles: [role] };
  const text = await metricsText(status, new Map([['seal.sealed', { level: 'info', count: 1 }]]), 0);
  return new Set([...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name = '']) => name));
};

const check = (expressions: readonly string[], names: ReadonlySet<string>): void => {
  assert.ok(expressions.length > 5);
  for (const expression of expressions) {
    const unknown = [...expression.matchAll(/\blogd_[a-z_]+/g)].filter(([name]) => !names.has(name));
    assert.deepEqual(unknown, [], expression);
    for (const [, events = ''] of expression.matchAll(/event=~?"([^"]+)"/g))
      for (const event of events.split('|')) assert.ok(event in EVENTS, `${event} in ${expression}`);
    assert.equal(expression.split('(').length, expression.split(')').length, expression);
  }
};

it('the alert rules ask for what nodes have', async () => {
  const rules = parse(readFileSync(join(root, 'deploy/prometheus-rules.yaml'), 'utf8')) as {
    readonly groups: readonly { readonly rules: readonly { readonly expr: string }[] }[];
  };
  check(
    rules.groups.flatMap((group) => group.rules.map(({ expr }) => expr)),
    await metricNames(),
  );
});

it('the dashboard asks for what nodes have', async () => {
  const { panels } = JSON.parse(readFileSync(join(root, 'deploy/grafana-dashboard.json'), 'utf8')) as {
    readonly panels: readonly { readonly targets: readonly { readonly expr: string }[] }[];
  };
  check(
    panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
    await metricNames(),
  );
});
