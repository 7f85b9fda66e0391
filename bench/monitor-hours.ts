/**
 * `npm run bench -- monitor-hours`: a monitor that follows a sink with a year of hours, and what its matrix costs.
 *
 *   --hosts 200 --hours 8760 --requests 30 --save NAME
 *
 *   follow   from an empty monitor until all hours of the sink are known
 *   restart  until the monitor answers again with all of them, from its own store
 *   month    the states of 30 days of hours of all hosts, by the API; half of the requests are faster than this
 *   year     the same for a year of days
 *   memory   highest resident memory of the monitor that follows, and of the one that was started again
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { openSqliteLedger } from '../src/ledger/sqlite/sqlite-ledger.ts';
import { hourLabel } from '../src/pack/hour-index.ts';
import { type MeasuredNode, startMeasured } from './node.ts';
import { type Bar, reportBars, saveResults, say } from './report.ts';
import type { Bench } from './run.ts';
import { freePort } from './shipment.ts';

const HOUR_MS = 3_600_000;
const MONTH_HOURS = 720;

/** A ledger with sealed hours, written past its rules: packs and seals are not asked for here. */
const fillLedger = async (path: string, hosts: number, hours: number): Promise<void> => {
  await (await openSqliteLedger({ path }))[Symbol.asyncDispose]();
  const db = new DatabaseSync(path);
  const last = Math.floor(Date.now() / HOUR_MS) - 1;
  const insert = db.prepare(
    `INSERT INTO segment (host, stream, hour, state, generation, packs, lines, bytes, lost_packs, lost_bytes, highest_id, stored_end,
       first_arrival, last_arrival, last_line) VALUES (?, 'access', ?, 'sealed', 1, 40, 100000, 40000000, 0, 0, 40, 8000000, 0, 0, 0)`,
  );
  db.exec('BEGIN');
  for (let index = last - hours + 1; index <= last; index++) {
    const label = hourLabel(index);
    for (let host = 1; host <= hosts; host++) insert.run(`web${host}`, label);
  }
  // Outputs have nothing to do with this.
  db.exec("INSERT INTO output (name, paused, start, added_at, seen) VALUES ('markers', 1, 'now', 0, 0)");
  db.exec('COMMIT');
  db.close();
};

const write = async (dir: string, name: string, config: object): Promise<string> => {
  const path = join(dir, `${name}.yaml`);
  const base = { node: name, state_dir: join(dir, name), log: { level: 'info', format: 'json' } };
  await writeFile(path, JSON.stringify({ ...base, ...config }));
  return path;
};

const ask = async <T>(url: string): Promise<T> => (await (await fetch(url)).json()) as T;

interface States {
  readonly counts: Readonly<Record<string, number>>;
  readonly hosts: readonly unknown[];
}

/** Waits until the newest hours are known, which come last; resolves with seconds. */
const whenKnown = async (url: string, hosts: number): Promise<number> => {
  const start = performance.now();
  for (;;) {
    const states = await ask<States>(`${url}/api/completeness/states?zoom=hours&stream=access`).catch(
      () => undefined,
    );
    // 48 columns: the newest is not sealed yet.
    if ((states?.counts['S'] ?? 0) >= 47 * hosts) return (performance.now() - start) / 1000;
    await sleep(100);
  }
};

const median = async (
  requests: number,
  url: string,
): Promise<{ readonly ms: number; readonly bytes: number }> => {
  const times: number[] = [];
  let bytes = 0;
  for (let n = 0; n < requests; n++) {
    const start = performance.now();
    bytes = (await (await fetch(url)).arrayBuffer()).byteLength;
    times.push(performance.now() - start);
  }
  return { ms: times.sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0, bytes };
};

interface Figures {
  readonly segments: number;
  readonly followSeconds: number;
  readonly restartSeconds: number;
  readonly month: { readonly ms: number; readonly bytes: number };
  readonly year: { readonly ms: number; readonly bytes: number };
  readonly followMiB: number;
  readonly restartMiB: number;
}

const figuresOf = async (dir: string, hosts: number, hours: number, requests: number): Promise<Figures> => {
  const [port, sinkPort, http] = [await freePort(), await freePort(), await freePort()];
  const url = `http://127.0.0.1:${port}`;
  const ledger = join(dir, 'ledger.db');
  await fillLedger(ledger, hosts, hours);
  say(`${hosts * hours} segments in the ledger`);
  const sinkConfig = await write(dir, 'sink', {
    http: { listen: `127.0.0.1:${http}` },
    report: { to: url },
    sink: {
      listen: `127.0.0.1:${sinkPort}`,
      ledger: { path: ledger },
      store: { kind: 'file', dir: join(dir, 'stored') },
    },
  });
  const monitorConfig = await write(dir, 'mon', {
    monitor: { listen: `127.0.0.1:${port}`, check_interval: '1s', zone: 'UTC' },
  });
  const running: MeasuredNode[] = [];
  const start = async (config: string, event: string): Promise<MeasuredNode> => {
    const node = startMeasured(config);
    running.push(node);
    await node.event(event);
    return node;
  };
  try {
    const monitor = await start(monitorConfig, 'monitor.listening');
    await start(sinkConfig, 'receive.listening');
    const followSeconds = await whenKnown(url, hosts);
    const followMiB = monitor.peakMiB();
    await monitor.stop();
    running.splice(running.indexOf(monitor), 1);
    const again = performance.now();
    const restarted = await start(monitorConfig, 'monitor.listening');
    await whenKnown(url, hosts);
    const restartSeconds = (performance.now() - again) / 1000;
    const now = Math.floor(Date.now() / HOUR_MS);
    const states = `${url}/api/completeness/states?stream=access`;
    const month = await median(
      requests,
      `${states}&from=${hourLabel(now - MONTH_HOURS + 1)}&to=${hourLabel(now)}`,
    );
    const year = await median(
      requests,
      `${states}&zoom=days&from=${hourLabel(now - 8_759)}&to=${hourLabel(now)}`,
    );
    const restartMiB = restarted.peakMiB();
    return { segments: hosts * hours, followSeconds, restartSeconds, month, year, followMiB, restartMiB };
  } finally {
    for (const node of running) await node.stop();
  }
};

/** The bars of hours; also part of `npm run bench -- monitor`. */
export const measureHours = async (
  hosts: number,
  hours: number,
  requests: number,
): Promise<{ readonly figures: Figures; readonly bars: readonly Bar[] }> => {
  const dir = await mkdtemp(join(tmpdir(), 'logd-bench-'));
  try {
    const figures = await figuresOf(dir, hosts, hours, requests);
    const { month, year, followSeconds, restartSeconds, followMiB, restartMiB } = figures;
    say(
      `month ${month.ms.toFixed(0)} ms, ${month.bytes} B; year of days ${year.ms.toFixed(0)} ms, ${year.bytes} B`,
    );
    return {
      figures,
      bars: [
        { what: 'matrix of a month, ms', is: month.ms, atMost: 300 },
        { what: 'matrix of a year of days, ms', is: year.ms, atMost: 1_000 },
        { what: 'following all hours, s', is: followSeconds, atMost: 120 },
        { what: 'starting again, s', is: restartSeconds, atMost: 10 },
        { what: 'memory while following, MiB', is: followMiB, atMost: 300 },
        { what: 'memory after a restart, MiB', is: restartMiB, atMost: 300 },
      ],
    };
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
};

const run = async (args: readonly string[]): Promise<boolean> => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      hosts: { type: 'string', default: '200' },
      hours: { type: 'string', default: '8760' },
      requests: { type: 'string', default: '30' },
      save: { type: 'string' },
    },
  });
  const { figures, bars } = await measureHours(
    Number(values.hosts),
    Number(values.hours),
    Number(values.requests),
  );
  if (values.save !== undefined) await saveResults(values.save, figures);
  return reportBars('monitor-hours', bars);
};

export const bench: Bench = { summary: 'a year of 200 hosts, followed and shown', run };
