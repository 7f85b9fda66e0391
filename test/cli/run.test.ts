/** What `logd run` says when the node cannot start: one event, which whoever reads the log lines finds. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';
import { lockDirectory } from '../../src/disk/directory-lock.ts';
import { notTested } from '../house/needs.ts';

const MAIN = join(import.meta.dirname, '../../src/cli/main.ts');

/** Not spawnSync: a test may listen on the port that the node wants. */
const run = async (
  config: string,
  timeout?: number,
): Promise<{ readonly code: number | null; readonly lines: string[] }> => {
  const child = spawn(process.execPath, [MAIN, 'run', '-c', config], {
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(timeout !== undefined && { timeout, killSignal: 'SIGKILL' }),
  });
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  assert.equal(out, '');
  return { code: child.exitCode, lines: err.trimEnd().split('\n') };
};

const scratch = async (test: TestContext): Promise<string> => {
  const dir = await mkdtemp(join(tmpdir(), 'logd-run-'));
  test.after(() => rm(dir, { recursive: true, force: true }));
  return dir;
};

/** Writes a configuration of both roles, changed by `change`. */
const configure = async (
  dir: string,
  change: (config: Record<string, object>) => object,
): Promise<string> => {
  const config = {
    sink: { listen: '127.0.0.1:0', store: { kind: 'file', dir: join(dir, 'store') } },
    agent: { send_to: '127.0.0.1:1', streams: { access: { path: join(dir, 'access.<%Y%m%d%H>') } } },
  };
  const file = join(dir, 'logd.yaml');
  const top = { node: 'web1', state_dir: join(dir, 'state'), log: { format: 'json' } };
  await writeFile(file, stringify({ ...top, ...change(config) }));
  return file;
};

/** Log lines only, one of them of level error. */
const assertNotStarted = (lines: readonly string[], reason: RegExp): void => {
  const events = lines.map((line) => JSON.parse(line) as Record<string, string>);
  const errors = events.filter(({ level }) => level === 'error');
  assert.deepEqual(
    errors.map(({ event, node }) => [event, node]),
    [['node.not-started', 'web1']],
    lines.join('\n'),
  );
  assert.match(errors[0]!['reason']!, reason);
  assert.equal(events.at(-1), errors[0], 'it is the last line');
  assert.ok(!events.some(({ event }) => event === 'node.stopped'), 'what never started has not stopped');
};

describe('a node that cannot start says so in one event', () => {
  it('a state directory that cannot be made', { timeout: 60_000 }, async (test) => {
    const dir = await scratch(test);
    await writeFile(join(dir, 'file'), '');
    for (const role of ['agent', 'sink'])
      for (const [stateDir, why] of [
        [join(dir, 'file', 'state'), 'a file is in the way'],
        [join(dir, 'file'), 'a file is in the way'],
        ['/dev/null/state', 'a file is in the way'],
        // Here the system says ENOENT though the directory above is there, which Node's own recursive mkdir takes for ever.
        ['/proc/logd-test', 'the directory above it takes none'],
        ['/proc/logd-test/state', 'the directory above it takes none'],
      ] as const) {
        const config = await configure(dir, (roles) => ({ [role]: roles[role], state_dir: stateDir }));
        const { code, lines } = await run(config, 20_000);
        assert.equal(code, 1, `${role} ${stateDir}`);
        assertNotStarted(lines, new RegExp(`^Cannot make the directory /\\S+: ${why}\\. Check `));
      }
  });

  it('a port that is taken', async (test) => {
    const dir = await scratch(test);
    const server = createServer().listen(0, '127.0.0.1');
    test.after(() => server.close());
    await once(server, 'listening');
    const listen = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { code, lines } = await run(await configure(dir, ({ sink }) => ({ sink: { ...sink, listen } })));
    assert.equal(code, 1);
    assertNotStarted(lines, /^Cannot listen on 127\.0\.0\.1:\d+: .*EADDRINUSE/);
  });

  it('a directory that another node has locked, with the sink beside it started', async (test) => {
    const dir = await scratch(test);
    await mkdir(join(dir, 'state'));
    using _lock = lockDirectory(join(dir, 'state'), '.agent-lock', 'keeps its marks in');
    const { code, lines } = await run(await configure(dir, (roles) => roles));
    assert.equal(code, 1);
    assert.ok(lines.some((line) => line.includes('"receive.listening"')));
    assertNotStarted(lines, /^Another logd keeps its marks in /);
  });

  it('a token file that cannot be used, with the exit code of a wrong configuration', async (test) => {
    const dir = await scratch(test);
    const config = await configure(dir, ({ agent }) => ({
      agent: { ...agent, token_file: join(dir, 'none') },
      log: { format: 'json', level: 'error' },
    }));
    const { code, lines } = await run(config);
    assert.equal(code, 2);
    assert.equal(lines.length, 1);
    assertNotStarted(lines, /^Cannot read the token file /);
  });

  it('as text where the log is text', async (test) => {
    const dir = await scratch(test);
    await writeFile(join(dir, 'file'), '');
    const config = await configure(dir, ({ agent }) => ({
      ...{ agent, state_dir: join(dir, 'file', 'state'), log: { format: 'text' } },
    }));
    const { code, lines } = await run(config);
    assert.equal(code, 1);
    assert.equal(lines.length, 1);
    assert.match(lines[0]!, /^\d{4}-\S+ ERROR Node web1 cannot start: .*a file is in the way/);
  });
});

it('a configuration that cannot be read is told in plain text: nobody knows yet how to log', async (test) => {
  const dir = await scratch(test);
  for (const config of [
    join(dir, 'none.yaml'),
    await configure(dir, ({ agent }) => ({ agent: { ...agent, sendto: 1 } })),
  ]) {
    const { code, lines } = await run(config);
    assert.equal(code, 2);
    assert.match(lines.at(-1)!, /^logd: /);
  }
});

describe('a log that cannot be written does not end the node', () => {
  /** Runs a sink with this standard error until it listens and `meanwhile` is done, and stops it; resolves with its exit code. */
  const runSink = async (
    test: TestContext,
    format: string,
    stderr: 'pipe' | number,
    meanwhile?: (child: ChildProcess) => Promise<void>,
  ): Promise<number | null> => {
    const dir = await scratch(test);
    const port = await freePort();
    const config = await configure(dir, ({ sink }) => ({
      ...{ sink: { ...sink, listen: `127.0.0.1:${port}` }, log: { format } },
    }));
    const child = spawn(process.execPath, [MAIN, 'run', '-c', config], { stdio: ['ignore', 'pipe', stderr] });
    const closed = once(child, 'close');
    test.after(() => child.kill('SIGKILL'));
    while (child.exitCode === null && !(await answers(port))) await sleep(20);
    await meanwhile?.(child);
    for (let index = 0; index < 3; index++) await answers(port); // each is logged
    child.kill('SIGTERM');
    await closed;
    return child.exitCode;
  };

  const answers = async (port: number): Promise<boolean> => {
    const socket = connect(port, '127.0.0.1');
    const answered = await new Promise<boolean>((done) => {
      socket.once('connect', () => socket.end('x')).once('close', (failed) => done(!failed));
      socket.once('error', () => undefined).resume();
    });
    return answered;
  };

  const freePort = async (): Promise<number> => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    return port;
  };

  for (const format of ['json', 'text']) {
    it(`on a full disk (${format})`, async (test) => {
      if (!existsSync('/dev/full')) return notTested(test, '/dev/full');
      await using full = await open('/dev/full', 'w');
      assert.equal(await runSink(test, format, full.fd), 0);
    });

    it(`when its reader goes away (${format})`, async (test) => {
      const code = await runSink(test, format, 'pipe', async ({ stderr }) => {
        stderr!.destroy();
        await once(stderr!, 'close');
      });
      assert.equal(code, 0);
    });
  }
});
