/** `logd demo`: watch logs travel, nodes die, and the result be proven. */
import { mkdtemp, readdir, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { constants, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { LogdError, messageOf } from '../error.ts';
import { makeDirectory } from '../disk/durable-directory.ts';
import { moduleBeside } from '../threads/module-beside.ts';
import { systemClock } from '../telemetry/clock.ts';
import type { DemoMonitor } from '../demo/page.ts';
import type { DemoPlan } from '../demo/plan.ts';
import { EXIT, signalExit } from './exit-codes.ts';
import { painter } from '../text/terminal.ts';

interface DemoFlags {
  readonly hosts?: number;
  readonly hours: number;
  readonly secondsPerHour: number;
  readonly linesPerSecond?: number;
  readonly seed: number;
  readonly dir?: string;
  readonly input: readonly string[];
  readonly keep?: true;
  readonly mongodb?: true;
  readonly page?: true;
  readonly etl?: true;
}

const HOSTS = 3;
const LINES_PER_SECOND = 40_000;
const MONGO_LINES_PER_SECOND = 4_000;
const FIRST_PORT = 20_000;
const PORTS = 10_000;
const PORT_ATTEMPTS = 50;

export const demoCommand = (): Command =>
  new Command('demo')
    .description('Run agents and a sink on this machine, kill some of them, and prove that nothing was lost.')
    .option('--hosts <n>', `agents, web1 to webN (default: ${HOSTS}, with --input 1)`, integer(1, 20))
    .option('--hours <n>', 'hours that each host writes', integer(1, 48), 4)
    .option('--seconds-per-hour <n>', 'how long an hour lasts', integer(1, 3600), 5)
    .option(
      '--lines-per-second <n>',
      `lines of all hosts together (default: ${LINES_PER_SECOND}, with --mongodb ${MONGO_LINES_PER_SECOND})`,
      integer(1, 1_000_000),
    )
    .option('--seed <n>', 'another seed, other lines', integer(0, 2 ** 31 - 1), 1)
    .option(
      '--dir <directory>',
      'where everything goes; must be empty (default: a new one in the temporary directory)',
    )
    .addOption(
      new Option(
        '--input <file...>',
        'ship these files instead of generated ones: each as an hour of a host',
      ).default([], 'generated access logs'),
    )
    .option('--mongodb', 'deliver to a MongoDB of its own as well, which is killed on the way')
    .option('--etl', 'make Parquet of every sealed hour as well, and query it at the end')
    .option('--page', 'start a monitor as well, and print the address of its page; with --keep it stays')
    .option('--keep', 'leave the nodes running afterwards, until Ctrl-C')
    .addHelpText(
      'after',
      `
Examples:
  logd demo
  logd demo --hosts 5 --hours 6 --seconds-per-hour 3
  logd demo --input /var/log/nginx/access.log.1 /var/log/syslog.1
  logd demo --mongodb
  logd demo --etl
  logd demo --page --keep

Exit codes:
  0    all hours of all hosts are sealed, and the audit found them byte for byte identical
  1    not so, or something went wrong: the logs of the nodes are named
  2    the command line is wrong
  130  ended by Ctrl-C; no process is left behind`,
    )
    .action(async (flags: DemoFlags) => {
      process.exitCode = await demo(flags);
    });

function integer(least: number, most: number) {
  return (text: string): number => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most)
      throw new InvalidArgumentError(`Give a whole number from ${least} to ${most}.`);
    return value;
  };
}

const demo = async (flags: DemoFlags): Promise<number> => {
  const { runDemo } = await import('../demo/run.ts');
  const { checkInput } = await import('../demo/input.ts');
  const input = await checkInput(flags.input);
  const sizes = await Promise.all(input.map(async (file) => (await stat(file)).size));
  const bare = await makePlan(flags, input.length);
  const { DATABASE, findMongoServer } = await import('../demo/mongodb.ts');
  const mongodb = flags.mongodb ? findMongoServer(bare.dir, await freePort()) : undefined;
  const mongo = {
    kind: 'mongodb',
    format: 'line',
    database: DATABASE,
    retry_writes: 'false',
    start: 'beginning',
  };
  const { etlSection } = await import('../demo/etl.ts');
  const outputs = {
    ...(mongodb !== undefined && { mongo: { ...mongo, uri: mongodb.uri } }),
    ...(flags.etl === true && { etl: etlSection(bare.dir) }),
  };
  const plan = Object.keys(outputs).length > 0 ? { ...bare, outputs } : bare;
  const paint = painter(process.stdout);

  const interrupt = new AbortController();
  let received: NodeJS.Signals | undefined;
  const end = (signal: NodeJS.Signals): void => {
    received ??= signal;
    interrupt.abort();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, end);
  try {
    const proven = await runDemo(
      {
        ...{ plan, input, keep: flags.keep ?? false },
        ...(mongodb !== undefined && { mongodb }),
        inputBytes: sizes.reduce((sum, size) => sum + size, 0),
        writer: {
          secondsPerHour: input.length > 0 ? 0 : flags.secondsPerHour,
          linesPerSecond:
            flags.linesPerSecond ?? (mongodb === undefined ? LINES_PER_SECOND : MONGO_LINES_PER_SECOND),
          seed: flags.seed,
        },
      },
      { out: process.stdout, paint, signal: interrupt.signal, main: moduleBeside(import.meta.url, 'main') },
    );
    return proven ? EXIT.ok : EXIT.failed;
  } catch (error) {
    process.stderr.write(`\n${painter(process.stderr)('red', 'logd demo:')} ${messageOf(error)}\n`);
    return received ? signalExit(constants.signals[received]) : EXIT.failed;
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.off(signal, end);
  }
};

/** Files are dealt out to the hosts in turn; what is left over makes a last hour that not all hosts have. */
const makePlan = async (flags: DemoFlags, files: number): Promise<DemoPlan> => {
  const { demoHosts, pastHours } = await import('../demo/plan.ts');
  const hosts = demoHosts(Math.min(flags.hosts ?? (files > 0 ? 1 : HOSTS), files || Infinity));
  const hours = pastHours(systemClock.now(), files > 0 ? Math.ceil(files / hosts.length) : flags.hours);
  const all = hours.flatMap((hour) => hosts.map(({ name }) => ({ host: name, hour })));
  const expected = files > 0 ? all.slice(0, files) : all.toSorted((a, b) => compare(a.host, b.host));
  const monitor = flags.page === true ? await monitorPorts(hosts.map(({ name }) => name)) : undefined;
  const dir = await emptyDirectory(flags.dir);
  return { hosts, hours, expected, dir, port: await freePort(), ...(monitor !== undefined && { monitor }) };
};

/** Ports of the monitor and of every node's HTTP listener. */
const monitorPorts = async (hosts: readonly string[]): Promise<DemoMonitor> => {
  const { ensurePage } = await import('../demo/page.ts');
  ensurePage();
  const nodes: Record<string, number> = {};
  for (const name of ['monitor', 'sink', ...hosts]) nodes[name] = await freePort();
  return { port: await freePort(), nodes };
};

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

const emptyDirectory = async (dir: string | undefined): Promise<string> => {
  if (dir === undefined) return mkdtemp(join(tmpdir(), 'logd-demo-'));
  const path = resolve(dir);
  await makeDirectory(path, '--dir');
  if ((await readdir(path)).length > 0)
    throw new LogdError('usage', `${path} is not empty: name an empty or new directory.`);
  return path;
};

const givenPorts = new Set<number>();

/**
 * A port for the sink, the same before and after its restart. Below the range from which systems take the ports of outgoing
 * connections: an agent that dials a port of that range while nobody listens may end up connected to itself.
 */
const freePort = async (): Promise<number> => {
  for (let attempt = 0; attempt < PORT_ATTEMPTS; attempt++) {
    const port = FIRST_PORT + Math.floor(Math.random() * PORTS);
    if (givenPorts.has(port) || !(await isFree(port))) continue;
    givenPorts.add(port);
    return port;
  }
  throw new LogdError(
    'unreachable',
    `No free port found from ${FIRST_PORT} to ${FIRST_PORT + PORTS - 1} on 127.0.0.1.`,
  );
};

const isFree = async (port: number): Promise<boolean> => {
  const server = createServer();
  const free = await new Promise<boolean>((done) => {
    server.once('error', () => done(false)).listen(port, '127.0.0.1', () => done(true));
  });
  if (free) await new Promise((done) => server.close(done));
  return free;
};
