/** A MariaDB server of a test's own: private data directory, free port, socket in a temporary directory. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { createConnection } from 'mysql2/promise';
import { notTested } from '../house/needs.ts';
import { freePort } from '../roles/free-port.ts';

export interface MariadbServer extends AsyncDisposable {
  readonly port: number;
  /** Runs a statement as root. */
  run(sql: string): Promise<unknown>;
  /** Makes an empty database. */
  database(name: string): Promise<void>;
  /** kill -9. */
  kill(): Promise<void>;
  /** Starts it again, on the same address and files. */
  start(): Promise<void>;
}

const programOf = (name: string): string | undefined =>
  [name, `/usr/sbin/${name}`].find(
    (path) => spawnSync(path, ['--version'], { stdio: 'ignore' }).status === 0,
  );

/** A server, or undefined with the test ended. `start: false` leaves it dead at first. */
export const mariadbServerFor = async (
  test: TestContext,
  options: { readonly start?: boolean } = {},
): Promise<MariadbServer | undefined> => {
  const program = programOf('mariadbd');
  if (program === undefined) {
    notTested(test, 'mariadbd, of the Debian package mariadb-server');
    return undefined;
  }
  const dir = await mkdtemp(join(tmpdir(), 'logd-mariadb-'));
  const [data, socket, user] = [join(dir, 'data'), join(dir, 'socket'), userInfo().username];
  const own = [`--datadir=${data}`, `--user=${user}`];
  execFileSync(
    'mariadb-install-db',
    ['--no-defaults', ...own, '--auth-root-authentication-method=normal', '--skip-test-db'],
    { stdio: 'ignore' },
  );
  const port = await freePort();
  const args = [
    ...['--no-defaults', ...own, `--socket=${socket}`, `--port=${port}`, '--bind-address=127.0.0.1'],
    ...[`--pid-file=${join(dir, 'pid')}`, '--innodb-buffer-pool-size=16M', '--skip-name-resolve'],
  ];
  let child: ChildProcess | undefined;
  const run = async (sql: string): Promise<unknown> => {
    const connection = await createConnection({ host: '127.0.0.1', port, user: 'root' });
    try {
      return (await connection.query(sql))[0];
    } finally {
      await connection.end();
    }
  };
  const kill = async (): Promise<void> => {
    const running = child;
    child = undefined;
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
    const ended = once(running, 'exit');
    running.kill('SIGKILL');
    await ended;
  };
  const server: MariadbServer = {
    port,
    run,
    database: async (name) => void (await run(`CREATE DATABASE ${name}`)),
    kill,
    async start() {
      child = spawn(program, args, { stdio: 'ignore' });
      for (let tries = 0; ; tries++)
        try {
          return void (await run('SELECT 1'));
        } catch (error) {
          if (tries > 200) throw error;
          await setTimeout(50);
        }
    },
    async [Symbol.asyncDispose]() {
      await kill();
      await rm(dir, { recursive: true, force: true });
    },
  };
  if (options.start !== false) await server.start();
  return server;
};
