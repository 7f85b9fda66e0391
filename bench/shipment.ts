/**
 * One measured shipment: a file of an hour appears in front of a running agent; measured until the sink has sealed it.
 */
import { link, mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { ShipFigures } from './figures.ts';
import { touchMemory } from './memory.ts';
import { startMeasured } from './node.ts';

export type Compression = 'none' | 'zstd';

export interface ShipOptions {
  readonly compression: Compression;
  readonly input: string;
  /** Shipped first, unmeasured, so that the code is compiled. */
  readonly warmUp: string;
  readonly dir: string;
  readonly expectSha256: string;
  /** Agent and sink (or reader and writer) have a processor each, and no other. */
  readonly pin?: boolean;
  /** `sink.outputs` of the sink. */
  readonly outputs?: object;
}

export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() =>
        typeof address === 'object' && address ? resolve(address.port) : reject(new Error('no port')),
      );
    });
  });

/** Ships the file once, with agent and sink as processes of their own, and proves that it was sealed with its own SHA-256. */
export const ship = async ({
  compression,
  input,
  warmUp,
  dir,
  expectSha256,
  pin = false,
  outputs,
}: ShipOptions): Promise<ShipFigures> => {
  const home = join(dir, `ship-${compression}`);
  await rm(home, { recursive: true, force: true });
  await mkdir(join(home, 'logs'), { recursive: true });
  const address = `127.0.0.1:${await freePort()}`;
  const common = { log: { level: 'info', format: 'json' } };
  const sinkConfig = {
    ...common,
    node: 'sink',
    state_dir: join(home, 'sink'),
    sink: {
      listen: address,
      store: { kind: 'file', dir: join(home, 'store'), compression },
      ...(outputs !== undefined && { outputs }),
    },
  };
  const path = join(home, 'logs', 'access.log.<%Y%m%d%H>');
  const agentConfig = {
    ...common,
    node: 'web1',
    state_dir: join(home, 'agent'),
    agent: {
      send_to: address,
      poll_interval: '20ms',
      pack: { max_delay: '10ms' },
      streams: { access: { path, zone: 'UTC', end: { grace: '0s', quiet: '10ms' } } },
    },
  };
  // JSON is YAML.
  await writeFile(join(home, 'sink.yaml'), JSON.stringify(sinkConfig));
  await writeFile(join(home, 'agent.yaml'), JSON.stringify(agentConfig));
  const sink = startMeasured(join(home, 'sink.yaml'), pin ? 1 : undefined);
  await sink.event('receive.listening');
  const agent = startMeasured(join(home, 'agent.yaml'), pin ? 0 : undefined);
  await agent.event('send.connected');

  // A node runs for months: what is measured is a warm one.
  await link(warmUp, join(home, 'logs', 'access.log.2026010100'));
  await sink.event('seal.sealed');
  await touchMemory(dir, 2 * (await stat(input)).size);
  const before = { agent: agent.cpuSeconds(), sink: sink.cpuSeconds() };
  const started = performance.now();
  await link(input, join(home, 'logs', 'access.log.2026010101'));
  const sealed = await sink.event('seal.sealed');
  const seconds = (performance.now() - started) / 1000;
  const agentCpuSeconds = agent.cpuSeconds() - before.agent;
  const sinkCpuSeconds = sink.cpuSeconds() - before.sink;
  const figures: ShipFigures = {
    seconds,
    cpuSeconds: agentCpuSeconds + sinkCpuSeconds,
    agentCpuSeconds,
    sinkCpuSeconds,
    agentPeakMiB: agent.peakMiB(),
    sinkPeakMiB: sink.peakMiB(),
  };
  await agent.stop();
  await sink.stop();
  await rm(home, { recursive: true, force: true });
  if (sealed['sha256'] !== expectSha256)
    throw new Error(`The hour was sealed as ${String(sealed['sha256'])}, the file is ${expectSha256}.`);
  return figures;
};

/**
 * Ships the file once by fresh processes with default options: seconds from the agent's start to the seal. The hour is long past, so it
 * ends once the file has been quiet; `end` is set to its least, because waiting for quiet is no work.
 */
export const shipCold = async ({
  input,
  dir,
  expectSha256,
}: Pick<ShipOptions, 'input' | 'dir' | 'expectSha256'>): Promise<number> => {
  const home = join(dir, 'cold');
  await rm(home, { recursive: true, force: true });
  await mkdir(join(home, 'logs'), { recursive: true });
  const address = `127.0.0.1:${await freePort()}`;
  const log = { level: 'info', format: 'json' };
  const store = { kind: 'file', dir: join(home, 'store') };
  const path = join(home, 'logs', 'access.log.<%Y%m%d%H>');
  const streams = { access: { path, zone: 'UTC', end: { grace: '0s', quiet: '10ms' } } };
  const sinkConfig = { log, node: 'sink', state_dir: join(home, 'sink'), sink: { listen: address, store } };
  const agentConfig = {
    log,
    node: 'web1',
    state_dir: join(home, 'agent'),
    agent: { send_to: address, streams },
  };
  await writeFile(join(home, 'sink.yaml'), JSON.stringify(sinkConfig));
  await writeFile(join(home, 'agent.yaml'), JSON.stringify(agentConfig));
  await link(input, join(home, 'logs', 'access.log.2026010101'));
  await touchMemory(dir, 2 * (await stat(input)).size);
  const sink = startMeasured(join(home, 'sink.yaml'));
  await sink.event('receive.listening');
  const started = performance.now();
  const agent = startMeasured(join(home, 'agent.yaml'));
  const sealed = await sink.event('seal.sealed');
  const seconds = (performance.now() - started) / 1000;
  await agent.stop();
  await sink.stop();
  await rm(home, { recursive: true, force: true });
  if (sealed['sha256'] !== expectSha256)
    throw new Error(`The hour was sealed as ${String(sealed['sha256'])}, the file is ${expectSha256}.`);
  return seconds;
};
