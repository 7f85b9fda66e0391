/** A monitor in this process, on a free port, over a database in a temporary directory. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { monitorOptions } from '../../src/roles/monitor/monitor-options.ts';
import { startMonitor } from '../../src/roles/monitor/monitor.ts';
import { nodeTable } from '../../src/monitor/nodes/node-table.ts';
import { openSql } from '../../src/monitor/store/registry.ts';
import type { Sql } from '../../src/monitor/store/sql.ts';
import { type Clock, systemClock } from '../../src/telemetry/clock.ts';
import { freePort } from '../roles/free-port.ts';

export const HOUR_MS = 3_600_000;

export interface MonitorRig {
  readonly url: string;
  /** Everything that the monitor said. */
  readonly events: string[];
  stop(): Promise<void>;
}

/** A store of its own; with `fill`, what is in it before the monitor starts. */
export const startRig = async (
  test: TestContext,
  {
    fill,
    settings = {},
    clock = systemClock,
  }: {
    readonly fill?: (sql: Sql) => Promise<void>;
    readonly settings?: Readonly<Record<string, unknown>>;
    readonly clock?: Clock;
  } = {},
): Promise<MonitorRig> => {
  const dir = await mkdtemp(join(tmpdir(), 'logd-monitor-'));
  if (fill !== undefined) {
    await using sql = await openSql({ kind: 'sqlite' }, dir);
    await fill(sql);
  }
  const port = await freePort();
  const options = monitorOptions.parse({ listen: `127.0.0.1:${port}`, check_interval: '1s', ...settings });
  const events: string[] = [];
  const node = { node: 'mon1', state_dir: dir, log: { level: 'info', format: 'json' } } as never;
  const role = await startMonitor(options, node, { clock, emit: (name) => void events.push(name) });
  let isStopped = false;
  const stop = async (): Promise<void> => {
    if (isStopped) return;
    isStopped = true;
    await role.stop();
    await rm(dir, { recursive: true, force: true });
  };
  test.after(stop);
  return { url: `http://127.0.0.1:${port}`, events, stop };
};

/** `2026112216`. */
export const labelAt = (at: number): string =>
  new Date(at).toISOString().slice(0, 13).replaceAll(/[-T]/g, '');

/** Days of sealed hours for so many hosts, with some that are not: the newest is open, others late, refused, incomplete, silent. */
export const fillWith =
  (hosts: number, now: number) =>
  async (sql: Sql): Promise<void> => {
    const last = Math.floor(now / HOUR_MS);
    const letterAt = (host: number, index: number): string => {
      if (index === last) return 'o';
      if (host === 1 && index === last - 1) return 'o';
      if (host === 2 && index === last - 20) return 'r';
      if (host === 2 && index === last - 10) return 'i';
      if (host === 3 && index > last - 15 && index < last - 11) return '.';
      return index % 24 === 3 ? 'e' : 's';
    };
    const names = Array.from({ length: hosts }, (_, n) => `web${n + 1}`);
    for (const [n, host] of names.entries()) {
      const days = new Map<string, string[]>();
      for (let index = last - 72; index <= last; index++) {
        const label = labelAt(index * HOUR_MS);
        const cells = days.get(label.slice(0, 8)) ?? '.'.repeat(24).split('');
        cells[Number(label.slice(8))] = letterAt(n + 1, index);
        days.set(label.slice(0, 8), cells);
      }
      await sql.write(
        [...days].map(([day, cells]) => ({
          sql: 'REPLACE INTO hour_day (source, stream, host, day, cells) VALUES (?, ?, ?, ?, ?)',
          values: ['sink1', 'access', host, day, cells.join('')],
        })),
      );
    }
    await nodeTable(sql).register({
      ip: '127.0.0.1',
      port: 9,
      role: 'agent',
      hostname: 'web1',
      registeredAt: now,
      name: 'web1',
    });
  };
