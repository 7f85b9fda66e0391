/**
 * `npm run bench -- mongodb`: a stored hour goes to MongoDB as documents, beside the least script that inserts the same lines with
 * insertMany into the same server; then the intake of a sink without an output, with one whose MongoDB is dead, and with one that is alive.
 *
 *   --runs 3 --lines-mib 24 --mib 256 --seed 1 --save NAME
 *
 * While the intake is measured, the server has the lowest priority and its files in memory: as a server on a machine of its own would, it
 * takes neither processor nor disk from the sink.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { link, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { setPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs, promisify } from 'node:util';
import { openSqliteLedger } from '../src/ledger/sqlite/sqlite-ledger.ts';
import { openMongoServer, type MongoServer } from '../test/servers/mongo-server.ts';
import { type Figures, median } from './figures.ts';
import { generate, measureInput, type Input } from './input.ts';
import { startMeasured } from './node.ts';
import { type Bar, reportBars, saveResults, say } from './report.ts';
import type { Bench } from './run.ts';
import { freePort, ship } from './shipment.ts';

const LEAST_OF_SCRIPT = 0.8;
const LEAST_INTAKE = 0.9;
const WARM_UP_MIB = 24;
const LOOK_MS = 50;
const LOWEST_PRIORITY = 19;
const MEMORY_DISK = '/dev/shm';

const inherited = { log: { level: 'info', format: 'json' } };

const outputsFor = (uri: string, database: string) => ({
  mongo: { kind: 'mongodb', uri, database, format: 'combined', retry_writes: 'false', start: 'beginning' },
});

const script = async (server: MongoServer, database: string, { path }: Input): Promise<Figures> => {
  const child = join(import.meta.dirname, 'mongodb-child.ts');
  const { stdout } = await promisify(execFile)(process.execPath, [child, server.uri, database, path]);
  return JSON.parse(stdout) as Figures;
};

/** Ships the file into a store, without an output: what is measured afterwards begins with the stored hour. */
const storeHour = async (home: string, input: Input): Promise<Record<string, unknown>> => {
  await mkdir(join(home, 'logs'), { recursive: true });
  const address = `127.0.0.1:${await freePort()}`;
  const path = join(home, 'logs', 'access.log.<%Y%m%d%H>');
  const streams = { access: { path, zone: 'UTC', end: { grace: '0s', quiet: '10ms' } } };
  const sink = { listen: address, store: { kind: 'file', dir: join(home, 'store') } };
  const sinkConfig = { ...inherited, node: 'sink', state_dir: join(home, 'sink'), sink };
  const agent = { send_to: address, streams };
  const agentConfig = { ...inherited, node: 'web1', state_dir: join(home, 'agent'), agent };
  await writeFile(join(home, 'sink.yaml'), JSON.stringify(sinkConfig));
  await writeFile(join(home, 'agent.yaml'), JSON.stringify(agentConfig));
  await link(input.path, join(home, 'logs', 'access.log.2026010100'));
  const node = startMeasured(join(home, 'sink.yaml'));
  await node.event('receive.listening');
  const sender = startMeasured(join(home, 'agent.yaml'));
  await node.event('seal.sealed');
  await sender.stop();
  await node.stop();
  return sinkConfig;
};

/** Seconds from the start of the sink until every line is in MongoDB and its position in the ledger. */
const deliver = async (
  server: MongoServer,
  database: string,
  input: Input,
  dir: string,
): Promise<Figures> => {
  const home = join(dir, 'deliver');
  const sinkConfig = await storeHour(home, input);
  const sink = { ...(sinkConfig['sink'] as object), outputs: outputsFor(server.uri, database) };
  await writeFile(join(home, 'sink.yaml'), JSON.stringify({ ...sinkConfig, sink }));
  const node = startMeasured(join(home, 'sink.yaml'));
  await node.event('receive.listening');
  const started = performance.now();
  const before = node.cpuSeconds();
  await using ledger = await openSqliteLedger({ path: join(home, 'sink', 'ledger.db'), readOnly: true });
  for (;;) {
    const [hour] = await ledger.deliveries('mongo', {}, { limit: 1 });
    if (hour !== undefined && hour.delivered + hour.rejected === input.lines) break;
    await sleep(LOOK_MS);
  }
  const figures = { seconds: (performance.now() - started) / 1000, cpuSeconds: node.cpuSeconds() - before };
  await node.stop();
  const stored = await server.client.db(database).collection('access').countDocuments();
  if (stored !== input.lines)
    throw new Error(`MongoDB has ${stored} documents, the file ${input.lines} lines.`);
  await rm(home, { recursive: true, force: true });
  return figures;
};

interface Round {
  readonly script: Figures;
  readonly logd: Figures;
  /** Seconds for the intake of the large file. */
  readonly without: number;
  readonly dead: number;
  readonly alive: number;
}

const openServer = async (below: string): Promise<MongoServer> => {
  const server = await openMongoServer({ below });
  if (server === undefined) throw new Error('There is no mongod, and FerretDB cannot be built: install Go.');
  return server;
};

const measureIntake = async (dir: string, large: Input, warmUp: string) => {
  const shipWith = async (outputs: object | undefined): Promise<number> => {
    const options = { input: large.path, warmUp, dir, expectSha256: large.sha256 };
    return (await ship({ compression: 'zstd', ...options, ...(outputs !== undefined && { outputs }) }))
      .seconds;
  };
  const without = await shipWith(undefined);
  const dead = await shipWith(outputsFor('mongodb://127.0.0.1:9/', 'dead'));
  await using server = await openServer(existsSync(MEMORY_DISK) ? MEMORY_DISK : tmpdir());
  if (server.pid !== undefined) setPriority(server.pid, LOWEST_PRIORITY);
  const alive = await shipWith(outputsFor(server.uri, 'alive'));
  return { without, dead, alive };
};

const oneRound = async (dir: string, small: Input, large: Input, warmUp: string): Promise<Round> => {
  let scripted: Figures;
  let logd: Figures;
  {
    await using server = await openServer(tmpdir());
    scripted = await script(server, 'script', small);
    logd = await deliver(server, 'logd', small, dir);
  }
  return { script: scripted, logd, ...(await measureIntake(dir, large, warmUp)) };
};

const barsOf = (rounds: readonly Round[]): Bar[] => {
  const over = (figure: (round: Round) => number): number => median(rounds.map(figure));
  return [
    {
      what: 'documents/s over script',
      is: over((r) => r.script.seconds / r.logd.seconds),
      atLeast: LEAST_OF_SCRIPT,
    },
    { what: 'intake with dead output', is: over((r) => r.without / r.dead), atLeast: LEAST_INTAKE },
    { what: 'intake with live output', is: over((r) => r.without / r.alive), atLeast: LEAST_INTAKE },
  ];
};

const OPTIONS = {
  runs: { type: 'string', default: '3' },
  'lines-mib': { type: 'string', default: '24' },
  mib: { type: 'string', default: '256' },
  seed: { type: 'string', default: '1' },
  save: { type: 'string' },
} as const;

const run = async (args: readonly string[]): Promise<boolean> => {
  const { values } = parseArgs({ args: [...args], options: OPTIONS });
  const dir = await mkdtemp(join(tmpdir(), 'logd-bench-'));
  try {
    const inputOf = async (name: string, mib: number): Promise<Input> => {
      await generate(join(dir, name), mib, Number(values.seed));
      return measureInput(join(dir, name));
    };
    const small = await inputOf('small.log', Number(values['lines-mib']));
    const large = await inputOf('large.log', Number(values.mib));
    const warmUp = (await inputOf('warm-up.log', WARM_UP_MIB)).path;
    say(`${small.lines} lines to MongoDB; intake of ${large.bytes} bytes`);
    const rounds: Round[] = [];
    for (let round = 1; round <= Number(values.runs); round++) {
      const one = await oneRound(dir, small, large, warmUp);
      rounds.push(one);
      const rate = (figures: Figures): string =>
        Math.round(small.lines / figures.seconds).toLocaleString('en-US');
      say(
        `${round} script ${rate(one.script)}/s ${one.script.cpuSeconds.toFixed(1)} CPU s, logd ${rate(one.logd)}/s ${one.logd.cpuSeconds.toFixed(1)} CPU s; ` +
          `intake ${one.without.toFixed(2)} s, dead ${one.dead.toFixed(2)} s, alive ${one.alive.toFixed(2)} s`,
      );
    }
    if (values.save !== undefined) await saveResults(values.save, { small, large, rounds });
    return reportBars('mongodb', barsOf(rounds));
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
};

export const bench: Bench = {
  summary: 'a stored hour into MongoDB beside a minimal script, and the intake with a dead and a live output',
  run,
};
