/** What `logd run` says when the node cannot start: one event, which whoever reads the log lines finds. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, it, type TestContext } from 'node:test';
import { stringify } from 'yaml';
import { lockDirectory } from '../../src/sqlite/directory-lock.ts';

const MAIN = join(import.meta.dirname, '../../src/cli/main.ts');

/** Not spawnSync: a test may listen on the port that the node wants. */
const run = async (config: string): Promise<{ readonly code: number | null; readonly lines: string[] }> => {
  const child = spawn(process.execPath, [MAIN, 'run', '-c', config], { stdio: ['ignore', 'pipe', 'pipe'] });
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
  it('a state directory that cannot be used', async (test) => {
    const dir = await scratch(test);
    await writeFile(join(dir, 'file'), '');
    for (const role of ['agent', 'sink']) {
      const config = await configure(dir, (roles) => ({
        [role]: roles[role],
        state_dir: join(dir, 'file', 'state'),
      }));
      const { code, lines } = await run(config);
      assert.equal(code, 1);
      assertNotStarted(lines, /ENOTDIR/);
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
    assert.match(lines[0]!, /^\d{4}-\S+ ERROR Node web1 cannot start: .*ENOTDIR/);
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
    assert.match(lines[0]!, /^logd: /);
  }
});
