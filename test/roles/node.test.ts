/** A whole node in this process: agent and sink, and what they say about themselves. */
import assert from 'node:assert/strict';
import { appendFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseConfig } from '../../src/config/load.ts';
import { startNode } from '../../src/roles/node.ts';
import { type LogdConfig, logdOptions, roleNames } from '../../src/roles/options.ts';
import { roleKinds } from '../../src/roles/registry.ts';
import { systemClock } from '../../src/telemetry/clock.ts';
import type { NodeStatus, RoleStatus } from '../../src/telemetry/status.ts';
import { freePort } from './free-port.ts';

const TEST = { timeout: 60_000 };
const HOUR = '2026112216';

const setUp = async (t: TestContext, parts: (dir: string, port: number) => string) => {
  const dir = await mkdtemp(join(tmpdir(), 'logd-node-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  await mkdir(join(dir, 'logs'));
  const port = await freePort();
  const loaded = parseConfig(`node: n1\nstate_dir: ${dir}/state\n${parts(dir, port)}`, logdOptions, {});
  assert.ok(loaded.ok, JSON.stringify(loaded));
  const events: { name: string; fields: object }[] = [];
  return { dir, config: loaded.value, events };
};

const agent = (dir: string, port: number): string => `
agent:
  send_to: 127.0.0.1:${port}
  poll_interval: 10ms
  retry: { min: 5ms, max: 10ms }
  pack: { max_delay: 10ms }
  streams:
    access: { path: '${dir}/logs/access.<%Y%m%d%H>', zone: UTC, end: { grace: 7d } }
`;
const sink = (dir: string, port: number): string =>
  `\nsink:\n  listen: 127.0.0.1:${port}\n  store: { kind: file, dir: ${dir}/stored }\n`;

const start = (config: LogdConfig, events: { name: string; fields: object }[]) =>
  startNode(config, {
    emit: (name, fields) => void events.push({ name, fields }),
    clock: systemClock,
  });

const roleOf = ({ roles }: NodeStatus, role: string): RoleStatus => {
  const found = roles.find((each) => each.role === role);
  assert.ok(found);
  return found;
};

const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await sleep(5);
};

test('the kinds have the names under which the registry and the config know them', () => {
  for (const [key, { name, schema, summary }] of Object.entries(roleKinds)) {
    assert.equal(name, key);
    assert.ok(summary.endsWith('.'));
    assert.ok(schema);
  }
  assert.deepEqual(roleNames.toReversed(), Object.keys(roleKinds));
});

test('a node starts its roles from the sink up and stops them from the agent down', TEST, async (t) => {
  const { config, events } = await setUp(t, (dir, port) => agent(dir, port) + sink(dir, port));
  const node = await start(config, events);
  assert.deepEqual(
    node.status().roles.map(({ role, state }) => [role, state === 'degraded' ? 'running' : state]),
    [
      ['sink', 'running'],
      ['agent', 'running'],
    ],
  );
  await node.stop();
  assert.deepEqual(
    node.status().roles.map(({ state }) => state),
    ['stopping', 'stopping'],
  );
  const names = events.map(({ name }) => name);
  assert.ok(names.indexOf('receive.listening') < names.indexOf('node.started'));
  assert.equal(names.at(-1), 'node.stopped');
});

test('a role that cannot start takes down those that could', TEST, async (t) => {
  const { dir, config, events } = await setUp(t, (d, port) => agent(d, port) + sink(d, port));
  await mkdir(join(dir, 'state'));
  await writeFile(join(dir, 'state', 'held'), 'not a directory');
  await assert.rejects(start(config, events));
  // The sink's port and lock are free again.
  await rm(join(dir, 'state', 'held'));
  const node = await start(config, events);
  await node.stop();
});

test(
  'the status shows what was shipped, the open hour, the connection, and nothing left to do',
  TEST,
  async (t) => {
    const { dir, config, events } = await setUp(t, (d, port) => agent(d, port) + sink(d, port));
    const lines = Buffer.from('a line\n'.repeat(1000));
    await writeFile(join(dir, 'logs', `access.${HOUR}`), lines);
    const node = await start(config, events);
    const isThrough = (): boolean => {
      const status = node.status();
      const [from, to] = [roleOf(status, 'agent'), roleOf(status, 'sink')];
      return (
        from.throughput.bytes === lines.length &&
        from.lag.bytes === 0 &&
        to.openHours[0]?.bytes === lines.length
      );
    };
    await until(isThrough);
    const status = node.status();
    assert.deepEqual([status.node, typeof status.version], ['n1', 'string']);
    for (const role of ['agent', 'sink']) {
      const { state, throughput, openHours, openHourCount, lag, errors } = roleOf(status, role);
      assert.equal(state, 'running', role);
      assert.deepEqual([throughput.bytes, throughput.lines], [lines.length, 1000], role);
      assert.ok(throughput.packs >= 1 && throughput.bytesPerSecond > 0, role);
      assert.deepEqual(
        openHours.map(({ host, stream, hour, bytes }) => [host, stream, hour, bytes]),
        [['n1', 'access', HOUR, lines.length]],
        role,
      );
      assert.equal(openHourCount, 1);
      assert.deepEqual([lag.bytes, lag.seconds], [0, 0], role);
      assert.ok(errors.every(({ event }) => event === 'send.disconnected'));
    }
    const kinds = (role: string) =>
      roleOf(status, role).parts.map(({ kind, name, state }) => `${kind} ${name} ${state}`);
    const { host, port } = config.agent!.send_to[0]!.address;
    assert.deepEqual(kinds('agent'), [`connection ${host}:${port} running`, 'stream access running']);
    const access = roleOf(status, 'agent').parts.find(({ kind }) => kind === 'stream');
    assert.equal(access?.throughput?.bytes, lines.length);
    assert.ok(kinds('sink').includes('connection n1 running'));
    const gauge = (role: string, name: string) =>
      roleOf(status, role).gauges.find((one) => one.name === name);
    assert.equal(gauge('sink', 'connections')?.value, 1);
    assert.equal(gauge('agent', 'window_bytes')?.limit, config.agent!.window);
    assert.equal(gauge('agent', 'window_bytes')?.value, 0);
    await node.stop();
  },
);

test('an agent without its sink is degraded, lags, and says why', TEST, async (t) => {
  const { dir, config, events } = await setUp(t, agent);
  await writeFile(join(dir, 'logs', `access.${HOUR}`), 'a line\n');
  const node = await start(config, events);
  await until(() => {
    const { lag, state } = roleOf(node.status(), 'agent');
    return lag.bytes === 7 && state === 'degraded';
  });
  await appendFile(join(dir, 'logs', `access.${HOUR}`), 'another\n');
  await until(() => roleOf(node.status(), 'agent').lag.bytes === 15);
  const { reason, errors, lag, throughput, parts } = roleOf(node.status(), 'agent');
  assert.match(reason ?? '', /Sink 127\.0\.0\.1:\d+ refuses connections/);
  assert.ok((lag.seconds ?? 0) > 0);
  assert.equal(throughput.bytes, 0);
  assert.equal(errors[0]?.event, 'send.disconnected');
  assert.match(errors[0]?.text ?? '', /lines wait in their files/);
  assert.ok(errors.length <= 20);
  assert.equal(parts.find(({ kind }) => kind === 'connection')?.state, 'degraded');
  await node.stop();
});
