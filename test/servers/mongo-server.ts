/**
 * A real server that speaks MongoDB's protocol: `mongod` where it is on the PATH, else FerretDB, built by build-ferretdb.sh.
 *
 * `LOGD_TEST_MONGO_URI` names a server to use instead, in the tests that neither kill nor start it. It must be empty: the tests
 * refuse one that has databases of its own, and drop those that they made.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { MongoClient } from 'mongodb';
import { notTested } from '../house/needs.ts';

export interface MongoServer extends AsyncDisposable {
  readonly uri: string;
  readonly kind: 'mongod' | 'ferretdb';
  readonly client: MongoClient;
  /** Undefined while it is dead. */
  readonly pid: number | undefined;
  /** kill -9. Documents that were acknowledged stay. */
  kill(): Promise<void>;
  /** SIGSTOP and SIGCONT: a server that hangs. */
  freeze(): void;
  thaw(): void;
  /** Starts it again, on the same address and files. */
  start(): Promise<void>;
}

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  return typeof address === 'object' && address !== null ? address.port : 0;
};

const hasMongod = (): boolean => spawnSync('mongod', ['--version'], { stdio: 'ignore' }).status === 0;

const ferretBinary = (): string | undefined => {
  const built = spawnSync(join(import.meta.dirname, 'build-ferretdb.sh'), { encoding: 'utf8' });
  return built.status === 0 ? built.stdout.trim() : undefined;
};

/** A server of its own, or undefined where none can be had; `start: false` leaves it dead at first. */
export const openMongoServer = async (
  options: { readonly start?: boolean; readonly below?: string } = {},
): Promise<MongoServer | undefined> => {
  const isMongod = hasMongod();
  const binary = isMongod ? 'mongod' : ferretBinary();
  if (binary === undefined) return undefined;
  const dir = await mkdtemp(join(options.below ?? tmpdir(), 'logd-mongo-'));
  await mkdir(join(dir, 'data'));
  const port = await freePort();
  const uri = `mongodb://127.0.0.1:${port}/`;
  const args = isMongod
    ? ['--bind_ip', '127.0.0.1', '--port', String(port), '--dbpath', join(dir, 'data'), '--quiet']
    : [`127.0.0.1:${port}`, join(dir, 'data')];
  const client = new MongoClient(uri, { serverSelectionTimeoutMS: 30_000 });
  let child: ChildProcess | undefined;

  const end = async (): Promise<void> => {
    const running = child;
    child = undefined;
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
    const ended = once(running, 'exit');
    running.kill('SIGKILL');
    await ended;
  };
  const server: MongoServer = {
    uri,
    kind: isMongod ? 'mongod' : 'ferretdb',
    client,
    get pid() {
      return child?.pid;
    },
    kill: end,
    freeze: () => void child?.kill('SIGSTOP'),
    thaw: () => void child?.kill('SIGCONT'),
    async start() {
      child = spawn(binary, args, { stdio: 'ignore' });
      for (let tries = 0; ; tries++)
        try {
          await client.db('admin').command({ ping: 1 });
          return;
        } catch (error) {
          if (tries > 20) throw error;
          await setTimeout(100);
        }
    },
    async [Symbol.asyncDispose]() {
      await client.close();
      await end();
      await rm(dir, { recursive: true, force: true });
    },
  };
  if (options.start !== false) await server.start();
  return server;
};

const SYSTEM_DATABASES = new Set(['admin', 'config', 'local']);

const databasesOf = async (client: MongoClient): Promise<string[]> => {
  const { databases } = await client.db('admin').admin().listDatabases({ nameOnly: true });
  return databases.map(({ name }) => name).filter((name) => !SYSTEM_DATABASES.has(name));
};

const cannot = (): never => {
  throw new Error('A server that LOGD_TEST_MONGO_URI names is neither started nor stopped by a test.');
};

/** The server of `LOGD_TEST_MONGO_URI`. Throws where it has data. */
const openGivenServer = async (uri: string): Promise<MongoServer> => {
  const client = new MongoClient(uri, { serverSelectionTimeoutMS: 30_000 });
  const found = await databasesOf(client);
  if (found.length > 0) {
    await client.close();
    throw new Error(`The server of LOGD_TEST_MONGO_URI is not empty: it has ${found.join(', ')}.`);
  }
  return {
    ...{ uri, kind: 'mongod', client, pid: undefined },
    ...{ kill: cannot, freeze: cannot, thaw: cannot, start: cannot },
    async [Symbol.asyncDispose]() {
      for (const name of await databasesOf(client)) await client.db(name).dropDatabase();
      await client.close();
    },
  };
};

/** The server that `LOGD_TEST_MONGO_URI` names, else one of its own; for tests that neither kill nor start it. */
export const openAnyMongoServer = (): Promise<MongoServer | undefined> => {
  const uri = process.env['LOGD_TEST_MONGO_URI'];
  return uri === undefined ? openMongoServer() : openGivenServer(uri);
};

/** A server for a test, or undefined with the test ended. */
export const mongoServerFor = async (
  test: TestContext,
  options: { readonly start?: boolean } = {},
): Promise<MongoServer | undefined> => {
  const server = await openMongoServer(options);
  if (server === undefined) notTested(test, 'mongod, or Go to build FerretDB');
  return server;
};
