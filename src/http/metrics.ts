/** A node's status as Prometheus metrics: made from `status()` and the count of events, so that nothing is listed twice. */
import type { NodeStatus, RoleStatus } from '../telemetry/status.ts';

/** How often each event was emitted since the start. */
export type EventCounts = ReadonlyMap<string, { readonly level: string; readonly count: number }>;

interface Sample {
  readonly name: string;
  readonly help: string;
  readonly kind: 'gauge' | 'counter';
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const gauge = (name: string, help: string, labels: Sample['labels'], value: number | null): Sample[] =>
  value === null ? [] : [{ ...{ name, help, kind: 'gauge', labels, value } }];
const counter = (name: string, help: string, labels: Sample['labels'], value: number): Sample[] => [
  { name, help, kind: 'counter', labels, value },
];

const roleSamples = (status: RoleStatus): Sample[] => {
  const { role, lag, throughput } = status;
  const labels = { role };
  return [
    ...gauge(
      'logd_role_running',
      '1 while the role works without a fault',
      labels,
      status.state === 'running' ? 1 : 0,
    ),
    ...gauge('logd_lag_bytes', 'Bytes that still wait', labels, lag.bytes),
    ...gauge('logd_lag_seconds', 'Age of the oldest thing that still waits', labels, lag.seconds),
    ...gauge('logd_open_hours', 'Hours that are not sealed yet', labels, status.openHourCount),
    ...counter('logd_packs_total', 'Packs since the start', labels, throughput.packs),
    ...counter('logd_lines_total', 'Lines since the start', labels, throughput.lines),
    ...counter('logd_bytes_total', 'Raw bytes since the start', labels, throughput.bytes),
    ...status.gauges.flatMap(({ name, help, value, limit }) => [
      ...gauge(`logd_${name}`, help, labels, value),
      ...gauge(`logd_${name}_limit`, `Most that is allowed: ${help}`, labels, limit ?? null),
    ]),
    ...status.parts.flatMap(({ kind, name, state, lag: behind }) => {
      const part = { role, kind, name };
      return [
        ...gauge(
          'logd_part_running',
          '1 while the part works without a fault',
          part,
          state === 'running' ? 1 : 0,
        ),
        ...gauge('logd_part_lag_bytes', 'Bytes that wait for this part', part, behind?.bytes ?? null),
        ...gauge(
          'logd_part_lag_seconds',
          'Age of the oldest thing that waits for this part',
          part,
          behind?.seconds ?? null,
        ),
      ];
    }),
  ];
};

const samplesOf = (status: NodeStatus, events: EventCounts, now: number): Sample[] => [
  ...gauge('logd_info', 'Name and version of the node', { node: status.node, version: status.version }, 1),
  ...gauge(
    'logd_uptime_seconds',
    'Seconds since the start',
    {},
    Math.max(0, (now - status.startedAt) / 1000),
  ),
  ...status.roles.flatMap(roleSamples),
  ...[...events].flatMap(([event, { level, count }]) =>
    counter('logd_events_total', 'Events since the start, by name', { event, level }, count),
  ),
];

/** The text that Prometheus reads. */
export const metricsText = async (status: NodeStatus, events: EventCounts, now: number): Promise<string> => {
  const { Counter, Gauge, Registry } = await import('prom-client');
  const registry = new Registry();
  const byName = Map.groupBy(samplesOf(status, events, now), ({ name }) => name);
  for (const [name, samples] of byName) {
    const { help, kind } = samples[0]!;
    const labelNames = [...new Set(samples.flatMap(({ labels }) => Object.keys(labels)))];
    const about = { name, help, labelNames, registers: [registry] };
    if (kind === 'counter') {
      const metric = new Counter(about);
      for (const { labels, value } of samples) metric.inc(labels, value);
    } else {
      const metric = new Gauge(about);
      for (const { labels, value } of samples) metric.set(labels, value);
    }
  }
  return registry.metrics();
};
