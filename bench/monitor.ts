/**
 * `npm run bench -- monitor`: a monitor and many simulated nodes, which are in a process of their own.
 *
 *   --nodes 1000 --rounds 10 --hosts 200 --hours 8760 --save NAME
 *
 *   round      all nodes register; then how long a round of heartbeats takes, the slowest of all rounds
 *   dead       the same where a tenth of the nodes hang and say nothing: the round takes their time-out and little more
 *   memory     the monitor's highest resident memory at the end
 *   reporting  a node that reports 20 warnings a second: what its reporter costs of a core
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createInterface } from 'node:readline';
import { openReporter } from '../src/reporting/reporter.ts';
import { systemClock } from '../src/telemetry/clock.ts';
import { measureHours } from './monitor-hours.ts';
import { startMeasured } from './node.ts';
import { reportBars, saveResults, say } from './report.ts';
import type { Bench } from './run.ts';
import { freePort } from './shipment.ts';

const INTERVAL_MS = 5_000;
const TIMEOUT_MS = 2_000;
const HOURS_REQUESTS = 30;
const REPORT_SECONDS = 20;
const REPORTS_A_SECOND = 20;

/** Starts the simulated nodes; resolves with their ports. */
const startNodes = async (count: number): Promise<{ readonly ports: number[]; stop(): void }> => {
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, 'monitor-nodes-child.ts'), String(count)],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  return { ports: JSON.parse(line) as number[], stop: () => void child.kill('SIGKILL') };
};

const register = async (url: string, ports: readonly number[], label: string): Promise<void> => {
  const one = async (port: number, n: number): Promise<void> => {
    const body = {
      node: `${label}${n}`,
      roles: ['agent'],
      version: '0.1.0',
      startedAt: 0,
      http: { host: '127.0.0.1', port },
    };
    const response = await fetch(`${url}/node/register`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`Registering answers ${response.status}: ${await response.text()}`);
    await response.arrayBuffer();
  };
  for (let at = 0; at < ports.length; at += 50)
    await Promise.all(ports.slice(at, at + 50).map((port, n) => one(port, at + n)));
};

interface BeatingNode {
  readonly lastBeat: number;
  readonly missed: number;
  readonly roundTripMs: number;
}

/** A round as the page sees it: from its first beat to its last. Waits for a new one. */
const measureRound = async (url: string, alive: number): Promise<number> => {
  const begun = Date.now();
  for (;;) {
    await sleep(200);
    const { nodes } = (await (await fetch(`${url}/api/nodes`)).json()) as { readonly nodes: BeatingNode[] };
    const beats = nodes.filter(({ lastBeat }) => lastBeat >= begun);
    if (beats.length < alive) continue;
    const first = Math.min(...beats.map(({ lastBeat, roundTripMs }) => lastBeat - roundTripMs));
    const span = (Math.max(...beats.map(({ lastBeat }) => lastBeat)) - first) / 1000;
    // Two rounds may lie in the window, where it began within one.
    if (span < INTERVAL_MS / 1000 - 1) return span;
    return measureRound(url, alive);
  }
};

/** What reporting costs a node, as a share of one core. */
const measureReporting = async (url: string, dir: string): Promise<number> => {
  const reporter = await openReporter({
    ...{ to: url, token: undefined, file: join(dir, 'reports.jsonl'), node: 'reporting', version: '0' },
    ...{ startedAt: 0, clock: systemClock, emit: () => undefined },
  });
  const used = process.cpuUsage();
  const begun = performance.now();
  for (let n = 0; n < REPORT_SECONDS; n++) {
    for (let each = 0; each < REPORTS_A_SECOND; each++)
      reporter.emit('send.disconnected', {
        address: 'sink1:7667',
        reason: 'It does not answer.',
        delay_ms: each,
      });
    await sleep(1_000);
  }
  const { user, system } = process.cpuUsage(used);
  await reporter.goodbye();
  return (user + system) / 1000 / (performance.now() - begun);
};

/** Listeners that take connections and say nothing. */
const startHanging = async (count: number): Promise<{ readonly ports: number[]; stop(): void }> => {
  const sockets = new Set<Socket>();
  const servers = Array.from({ length: count }, () =>
    createServer((socket) => void sockets.add(socket.on('error', () => undefined))).listen(0, '127.0.0.1'),
  );
  for (const server of servers) if (!server.listening) await once(server, 'listening');
  const ports = servers.flatMap((server) => {
    const bound = server.address();
    return typeof bound === 'object' && bound !== null ? [bound.port] : [];
  });
  const stop = (): void => {
    for (const socket of sockets) socket.destroy();
    for (const server of servers) server.close();
  };
  return { ports, stop };
};

const run = async (args: readonly string[]): Promise<boolean> => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      nodes: { type: 'string', default: '1000' },
      rounds: { type: 'string', default: '10' },
      hosts: { type: 'string', default: '200' },
      hours: { type: 'string', default: '8760' },
      save: { type: 'string' },
    },
  });
  const count = Number(values.nodes);
  const dir = await mkdtemp(join(tmpdir(), 'logd-bench-'));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const monitor = {
    listen: `127.0.0.1:${port}`,
    check_interval: `${INTERVAL_MS}ms`,
    timeout: `${TIMEOUT_MS}ms`,
  };
  await writeFile(
    join(dir, 'mon.yaml'),
    JSON.stringify({ node: 'mon', state_dir: dir, log: { level: 'error' }, monitor }),
  );
  const nodes = await startNodes(count);
  const measured = startMeasured(join(dir, 'mon.yaml'));
  try {
    while (
      !(await fetch(url).then(
        () => true,
        () => false,
      ))
    )
      await sleep(50);
    const begun = performance.now();
    await register(url, nodes.ports, 'node');
    say(`${count} nodes registered in ${((performance.now() - begun) / 1000).toFixed(1)} s`);
    const rounds: number[] = [];
    for (let n = 0; n < Number(values.rounds); n++) rounds.push(await measureRound(url, count));
    const hanging = await startHanging(Math.ceil(count / 10));
    await register(url, hanging.ports, 'hangs');
    await sleep(INTERVAL_MS);
    const dead = await measureRound(url, count);
    hanging.stop();
    const reporting = await measureReporting(url, dir);
    const figures = { nodes: count, rounds, roundWithDead: dead, peakMiB: measured.peakMiB(), reporting };
    say(
      `rounds ${rounds.map((each) => each.toFixed(2)).join(' ')} s; with a tenth that hangs ${dead.toFixed(2)} s`,
    );
    await measured.stop();
    // A year of 200 hosts' hours, see monitor-hours.ts.
    const hours = await measureHours(Number(values.hosts), Number(values.hours), HOURS_REQUESTS);
    if (values.save !== undefined) await saveResults(values.save, { ...figures, hours: hours.figures });
    return reportBars('monitor', [
      ...hours.bars,
      { what: 'round of heartbeats, s', is: Math.max(...rounds), atMost: 3 },
      { what: 'round with a tenth hanging, s', is: dead, atMost: 3 },
      { what: 'memory of the monitor, MiB', is: figures.peakMiB, atMost: 300 },
      { what: 'reporting, % of a core', is: reporting * 100, atMost: 0.5 },
    ]);
  } finally {
    await measured.stop();
    nodes.stop();
    await rm(dir, { recursive: true });
  }
};

export const bench: Bench = {
  summary: 'heartbeats of a thousand nodes, a year of 200 hosts, and what reporting costs',
  run,
};
