/**
 * What each flow test stands on: a directory with configurations, sources and a sink; nodes by name; waiting for conditions.
 *
 * Below the directory: <node>.yaml · sources/<host>/<stream>.<hour> · state/<node>/ · stored/ · received/ · ledger.db
 */
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type TestContext, test } from 'node:test';
import { stringify } from 'yaml';
import type { Ledger, SegmentRecord } from '../../src/ledger/ledger.ts';
import { openSqliteLedger } from '../../src/ledger/sqlite/sqlite-ledger.ts';
import type { EventName } from '../../src/telemetry/events.ts';
import { type NodeProcess, startLogd } from './process.ts';
import { type Sources, openSources } from './sources.ts';

const LOOK_EVERY_MS = 40;

type Settings = Readonly<Record<string, unknown>>;

export interface AgentSettings {
  readonly host: string;
  /** Names, or names with settings of the stream. */
  readonly streams: readonly string[] | Readonly<Record<string, Settings>>;
  /** Over the defaults of the tests, below `agent:`. */
  readonly settings?: Settings;
  /** Beside `agent:`. */
  readonly top?: Settings;
  /** When an hour is over: by the clock and after 60 ms of quiet, or only once a later hour has a file. */
  readonly ends?: 'by-clock' | 'by-successor';
}

export interface Rig extends AsyncDisposable {
  readonly dir: string;
  readonly port: number;
  /** Aborted when the test has taken too long. */
  readonly signal: AbortSignal;
  readonly sources: Sources;
  path(...parts: readonly string[]): string;
  /** Writes `<name>.yaml` and returns its path. */
  configure(name: string, config: Settings): Promise<string>;
  /** Writes `sink.yaml`; `settings` go below `sink:`. */
  configureSink(store?: Settings, settings?: Settings): Promise<string>;
  /** Writes `<host>.yaml`. */
  configureAgent(agent: AgentSettings): Promise<string>;
  /** Starts a configured node; does not wait for anything. */
  spawn(name: string, fault?: string): NodeProcess;
  /** Starts a configured node and waits until it says so. */
  start(name: string, fault?: string): Promise<NodeProcess>;
  /** A node that ends in order leaves its compiled code behind: worth it before many starts of nodes that are killed. */
  warmUp(names: readonly string[]): Promise<void>;
  /** Looks again and again until the condition holds. */
  until(what: string, condition: () => boolean | Promise<boolean>): Promise<void>;
  /** Every segment in the ledger, none before there is a ledger. */
  segments(): Promise<SegmentRecord[]>;
  ledger(): Promise<Ledger>;
  /** Before the file of the ledger is replaced: the next look opens it again. */
  forgetLedger(): Promise<void>;
  /**
   * Waits until everything that was written is sealed, as far as the ledger knows. Fails at once when a node has said that data
   * is lost or refused, unless that is what the test provokes.
   */
  sealed(how?: 'calmly' | 'despite-errors'): Promise<void>;
  /** Waits until this agent has links to so many files. */
  holds(host: string, count: number): Promise<void>;
  /** Waits until this agent keeps no file any more. */
  released(host: string): Promise<void>;
}

/** Below the ports that the kernel gives to outgoing connections: a restarted sink must find its port free. */
export const freePort = async (): Promise<number> => {
  for (;;) {
    const port = 12_000 + Math.floor(Math.random() * 18_000);
    const server = createServer();
    const free = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
    });
    if (free) return port;
  }
};

/** What no node may ever say while its disks, its files and its peers do what they should. */
const BROKEN_PROMISES: ReadonlySet<EventName> = new Set([
  'tail.lost',
  'send.pack-refused',
  'store.conflict',
  'store.lost',
  'seal.refused',
  'seal.incomplete',
]);

const ENDS = {
  'by-clock': { grace: '0s', quiet: '60ms' },
  'by-successor': { grace: '7d', quiet: '100ms' },
} as const;

const assertPromisesKept = (nodes: readonly NodeProcess[]): void => {
  for (const { name, events } of nodes)
    for (const { event, message } of events)
      if (BROKEN_PROMISES.has(event)) throw new Error(`${name} said ${event}: ${message}`);
};

const openRig = async (signal: AbortSignal): Promise<Rig & { tails(): string }> => {
  const dir = await mkdtemp(join(tmpdir(), 'logd-flow-'));
  const port = await freePort();
  const path = (...parts: readonly string[]): string => join(dir, ...parts);
  const sources = openSources(path('sources'));
  const latest = new Map<string, NodeProcess>();
  const nodes: NodeProcess[] = [];
  let ledger: Ledger | undefined;

  const configure = async (name: string, config: Settings): Promise<string> => {
    const base = { node: name, state_dir: path('state', name), log: { level: 'info', format: 'json' } };
    await writeFile(path(`${name}.yaml`), stringify({ ...base, ...config }));
    return path(`${name}.yaml`);
  };

  const spawn: Rig['spawn'] = (name, fault) => {
    const node = startLogd({ name, config: path(`${name}.yaml`), fault, signal });
    nodes.push(node);
    latest.set(name, node);
    return node;
  };

  const until: Rig['until'] = async (what, condition) => {
    while (!(await condition())) {
      if (signal.aborted) throw new Error(`Not in time: ${what}.`);
      await sleep(LOOK_EVERY_MS);
    }
  };

  const segments = async (): Promise<SegmentRecord[]> => {
    ledger ??= await openSqliteLedger({ path: path('ledger.db'), readOnly: true }).catch(() => undefined);
    return (await ledger?.segments({}, { limit: 100_000 })) ?? [];
  };

  return {
    ...{ dir, port, signal, sources, path, configure, spawn, until, segments },
    configureSink: (store = {}, settings = {}) =>
      configure('sink', {
        sink: {
          listen: `127.0.0.1:${port}`,
          ledger: { path: path('ledger.db') },
          markers: { dir: path('received') },
          store: { kind: 'file', dir: path('stored'), ...store },
          ...settings,
        },
      }),
    async configureAgent({ host, streams, settings = {}, top = {}, ends = 'by-clock' }) {
      await mkdir(path('sources', host), { recursive: true });
      const named = Array.isArray(streams)
        ? Object.fromEntries(streams.map((stream: string): [string, Settings] => [stream, {}]))
        : streams;
      const streamSettings = Object.entries(named).map(([stream, more]) => [
        stream,
        { path: sources.path(host, stream, '<%Y%m%d%H>'), zone: 'UTC', end: ENDS[ends], ...more },
      ]);
      return configure(host, {
        ...top,
        agent: {
          host,
          send_to: `127.0.0.1:${port}`,
          poll_interval: '20ms',
          retry: { min: '10ms', max: '100ms' },
          pack: { size: '4KiB', max_delay: '20ms' },
          ...settings,
          streams: Object.fromEntries(streamSettings),
        },
      });
    },
    async start(name, fault) {
      const node = spawn(name, fault);
      await node.event('node.started');
      return node;
    },
    async warmUp(names) {
      for (const name of names) {
        const node = spawn(name);
        await node.event('node.started');
        await node.end('SIGTERM');
      }
    },
    async ledger() {
      await segments();
      if (ledger === undefined) throw new Error('There is no ledger yet.');
      return ledger;
    },
    async forgetLedger() {
      await ledger?.[Symbol.asyncDispose]();
      ledger = undefined;
    },
    sealed: (how = 'calmly') =>
      until('everything is sealed', async () => {
        if (how === 'calmly') assertPromisesKept(nodes);
        const records = new Map((await segments()).map((record) => [sources.name(record), record]));
        return sources.expected().every(({ name, bytes }) => {
          const record = records.get(name);
          return record?.state === 'sealed' && record.bytes === bytes.length;
        });
      }),
    holds: (host, count) =>
      until(
        `${host} has ${count} links`,
        async () => (await readdir(path('state', host, 'held'))).length >= count,
      ),
    released: (host) =>
      until(`${host} keeps no file`, async () => (await readdir(path('state', host, 'held'))).length === 0),
    tails: () => [...latest.values()].map((node) => node.tail()).join('\n'),
    async [Symbol.asyncDispose]() {
      await Promise.all(nodes.map((node) => node[Symbol.asyncDispose]()));
      await ledger?.[Symbol.asyncDispose]();
      await rm(dir, { recursive: true, force: true });
    },
  };
};

/** Runs the body on a rig of its own; a failure shows what the nodes said last. */
export const onRig = async (
  t: TestContext,
  body: (rig: Rig) => Promise<void>,
  deadline = 120_000,
): Promise<void> => {
  const signal = AbortSignal.any([t.signal, AbortSignal.timeout(deadline)]);
  await using rig = await openRig(signal);
  try {
    await body(rig);
  } catch (error) {
    t.diagnostic(rig.tails());
    throw error;
  }
};

/** A test on a rig of its own. */
export const flow = (
  name: string,
  body: (rig: Rig, t: TestContext) => Promise<void>,
  deadline?: number,
): void => void test(name, (t) => onRig(t, (rig) => body(rig, t), deadline));
