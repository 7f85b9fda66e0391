/**
 * MongoDB in the demo: a server of its own, killed in the middle, and its documents counted against the seals.
 *
 *   sink ─▶ stored/, ledger.db ─▶ output mongo ─▶ server (mongodb/) ─▶ documents per host and hour = lines of the seals
 */
import { spawnSync } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LogdError, messageOf } from '../error.ts';
import { openSqliteLedger } from '../ledger/sqlite/sqlite-ledger.ts';
import { formatCount, type Paint, table } from '../text/terminal.ts';
import { type Child, startChild } from './child.ts';
import { demoPaths, type DemoPlan, STREAM } from './plan.ts';

export const DATABASE = 'logs';
const START_MS = 30_000;

/** How the demo's server is run. */
export interface DemoServer {
  readonly uri: string;
  readonly program: string;
  readonly args: readonly string[];
}

/** `mongod` where it is on the PATH; in a clone, else FerretDB, which is built once. Rejects with `usage` where there is neither. */
export const findMongoServer = (dir: string, port: number): DemoServer => {
  const uri = `mongodb://127.0.0.1:${port}/`;
  const data = join(dir, 'mongodb');
  if (spawnSync('mongod', ['--version'], { stdio: 'ignore' }).status === 0)
    return {
      uri,
      program: 'mongod',
      args: ['--bind_ip', '127.0.0.1', '--port', String(port), '--dbpath', data],
    };
  const script = fileURLToPath(new URL('../../test/servers/build-ferretdb.sh', import.meta.url));
  const built = spawnSync(script, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  if (built.status === 0) return { uri, program: built.stdout.trim(), args: [`127.0.0.1:${port}`, data] };
  throw new LogdError(
    'usage',
    'There is no mongod on the PATH. Install MongoDB, or run the demo in a clone with Go, which builds FerretDB.',
  );
};

export interface DemoMongo extends AsyncDisposable {
  readonly pid: number;
  /** SIGKILL. */
  kill(): Promise<void>;
  start(): Promise<void>;
}

const connect = async (uri: string, timeout: number) => {
  const { MongoClient } = await import('mongodb');
  return new MongoClient(uri, { serverSelectionTimeoutMS: timeout });
};

/** Waits until the server answers; false when it does not. */
const answers = async (uri: string): Promise<boolean> => {
  await using client = await connect(uri, START_MS);
  try {
    await client.db('admin').command({ ping: 1 });
    return true;
  } catch {
    return false;
  }
};

/** Starts the server and waits until it answers. */
export const startMongo = async (plan: DemoPlan, server: DemoServer): Promise<DemoMongo> => {
  await mkdir(join(plan.dir, 'mongodb'), { recursive: true });
  const logPath = demoPaths(plan.dir).log('mongodb');
  const begin = async (): Promise<Child> => {
    const child = await startChild('mongodb', server.args, logPath, server.program);
    if (await answers(server.uri)) return child;
    await child[Symbol.asyncDispose]();
    throw new LogdError('unreachable', `MongoDB did not start. Look at ${logPath}.`);
  };
  let child = await begin();
  return {
    get pid() {
      return child.pid;
    },
    async kill() {
      await child.stop('SIGKILL');
    },
    async start() {
      child = await begin();
    },
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
};

/** Whether the output has delivered everything of the plan's segments. */
export const hasDelivered = async (plan: DemoPlan): Promise<boolean> => {
  await using ledger = await openSqliteLedger({ path: demoPaths(plan.dir).ledger, readOnly: true });
  for (const { host, hour } of plan.expected) {
    const key = { host, stream: STREAM, hour };
    const [segment, delivery] = [await ledger.segment(key), await ledger.delivery('mongo', key)];
    if (segment === undefined || (delivery?.nextId ?? 1) <= segment.highestId) return false;
  }
  return true;
};

interface CountRow {
  readonly host: string;
  readonly hour: string;
  readonly sealed: number;
  readonly documents: number;
}

/** Counts the documents of each host and hour and holds them against the seals; true when all are equal. */
export const proveMongo = async (
  plan: DemoPlan,
  { uri }: DemoServer,
  write: (text: string) => void,
  paint: Paint,
): Promise<boolean> => {
  await using ledger = await openSqliteLedger({ path: demoPaths(plan.dir).ledger, readOnly: true });
  await using client = await connect(uri, 5_000);
  const collection = client.db(DATABASE).collection<{ _id: string }>(STREAM);
  const rows: CountRow[] = [];
  try {
    for (const { host, hour } of plan.expected) {
      const seal = (await ledger.seals({ host, stream: STREAM, hour })).at(-1);
      const [from, to] = [`${host}/${STREAM}/${hour}/`, `${host}/${STREAM}/${hour}0`];
      const documents = await collection.countDocuments({ _id: { $gte: from, $lt: to } });
      rows.push({ host, hour, sealed: seal?.lines ?? 0, documents });
    }
  } catch (error) {
    throw new LogdError('unreachable', `Cannot count the documents: ${messageOf(error)}`, { cause: error });
  }
  const lines = table(
    rows,
    [
      { title: 'HOST', cell: ({ host }) => host },
      { title: 'HOUR', cell: ({ hour }) => hour },
      { title: 'LINES SEALED', align: 'right', cell: ({ sealed }) => formatCount(sealed) },
      { title: 'DOCUMENTS', align: 'right', cell: ({ documents }) => formatCount(documents) },
      { title: '', cell: ({ sealed, documents }) => (sealed === documents ? 'equal' : 'NOT EQUAL') },
    ],
    Infinity,
    paint,
  );
  const isEqual = rows.every(({ sealed, documents }) => sealed === documents);
  const verdict = isEqual
    ? paint('green', 'MongoDB has each line once, though it was killed.')
    : paint('red', 'MongoDB does NOT have what the seals say.');
  write(`\n${paint('bold', 'Documents in MongoDB')}\n\n${lines.join('\n')}\n\n${verdict}\n`);
  return isEqual;
};
