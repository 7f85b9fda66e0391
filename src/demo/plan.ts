/**
 * The demo's plan: which hosts, which hours, which files, and the configuration of each node.
 *
 * Below the demo's directory:
 *   sink.yaml, web1.yaml …                      one config for each node
 *   sources/web1/access.log.2026112216          what the writer writes and web1's agent reads
 *   stored/stream=access/dt=…/hour=…/web1.log   what the sink stores
 *   received/                                   marker files of sealed hours
 *   state/web1, state/sink                      what the nodes remember
 *   logs/web1.log …                             what the nodes say
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { type DemoMonitor, monitorSection, reportSection } from './page.ts';

const HOUR_MS = 3_600_000;

/** The one stream of the demo. */
export const STREAM = 'access';

/** Loads are unequal on purpose: each host writes about 60 % of what the one before it writes. */
const LOAD_FALLOFF = 0.6;

export interface DemoHost {
  readonly name: string;
  /** Share of all lines: the shares of all hosts add up to 1. */
  readonly share: number;
}

export interface DemoPlan {
  readonly dir: string;
  readonly hosts: readonly DemoHost[];
  /** Hour labels, oldest first; all of them are over by the clock. */
  readonly hours: readonly string[];
  /** The segments that must be sealed in the end: all hosts and hours, or as many as there are input files. */
  readonly expected: readonly { readonly host: string; readonly hour: string }[];
  readonly port: number;
  /** `sink.outputs` of the sink: what the demo delivers to. */
  readonly outputs?: Readonly<Record<string, object>>;
  /** Where a monitor listens, in a demo that has one. */
  readonly monitor?: DemoMonitor;
}

/** Labels of the `count` hours (UTC) before the one that `now` is in, oldest first. */
export const pastHours = (now: number, count: number): string[] =>
  Array.from({ length: count }, (_, index) => hourLabel(now - (count - index) * HOUR_MS));

const hourLabel = (ms: number): string => new Date(ms).toISOString().slice(0, 13).replaceAll(/[-T]/g, '');

/** Unix milliseconds at which a labelled hour (UTC) begins. */
export const hourStart = (label: string): number =>
  Date.UTC(+label.slice(0, 4), +label.slice(4, 6) - 1, +label.slice(6, 8), +label.slice(8, 10));

/** web1, web2 … with unequal shares. */
export const demoHosts = (count: number): DemoHost[] => {
  const weights = Array.from({ length: count }, (_, index) => LOAD_FALLOFF ** index);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight, index) => ({ name: `web${index + 1}`, share: weight / total }));
};

export const demoPaths = (dir: string) => ({
  sources: join(dir, 'sources'),
  source: (host: string, hour: string) => join(dir, 'sources', host, `access.log.${hour}`),
  stored: join(dir, 'stored'),
  ledger: join(dir, 'ledger.db'),
  config: (node: string) => join(dir, `${node}.yaml`),
  log: (node: string) => join(dir, 'logs', `${node}.log`),
});

/** Creates the directories and writes the configs. */
export const layOut = async (plan: DemoPlan): Promise<void> => {
  const paths = demoPaths(plan.dir);
  await mkdir(join(plan.dir, 'logs'), { recursive: true });
  for (const { name } of plan.hosts) {
    await mkdir(join(paths.sources, name), { recursive: true });
    await writeFile(paths.config(name), stringify(agentConfig(plan, name)));
  }
  await writeFile(paths.config('sink'), stringify(sinkConfig(plan)));
  if (plan.monitor === undefined) return;
  await writeFile(
    paths.config('monitor'),
    stringify({ ...nodeConfig(plan, 'monitor'), ...monitorSection(plan.monitor) }),
  );
};

const nodeConfig = (plan: DemoPlan, node: string) => ({
  node,
  state_dir: join(plan.dir, 'state', node),
  log: { level: 'info', format: 'text' },
  ...(plan.monitor !== undefined && reportSection(plan.monitor, node)),
});

/** Tries to connect more often than is usual, as the sink is soon back. A segment ends 1 s after its file was last written, for its hour is over by the clock already. */
const agentConfig = (plan: DemoPlan, host: string) => ({
  ...nodeConfig(plan, host),
  agent: {
    host,
    send_to: `127.0.0.1:${plan.port}`,
    poll_interval: '100ms',
    retry: { min: '100ms', max: '500ms' },
    streams: {
      [STREAM]: {
        path: join(plan.dir, 'sources', host, 'access.log.<%Y%m%d%H>'),
        zone: 'UTC',
        end: { grace: '0s', quiet: '1s' },
      },
    },
  },
});

/** Stored raw, so that the sink's files can be held against the sources with sha256sum, cmp or grep. */
const sinkConfig = (plan: DemoPlan) => ({
  ...nodeConfig(plan, 'sink'),
  sink: {
    listen: `127.0.0.1:${plan.port}`,
    ledger: { path: join(plan.dir, 'ledger.db') },
    markers: { dir: join(plan.dir, 'received') },
    store: { kind: 'file', dir: join(plan.dir, 'stored'), compression: 'none' },
    ...(plan.outputs !== undefined && { outputs: plan.outputs }),
  },
});
