/** The npm package, as a user gets it: packed, installed into an empty prefix, run, and a file shipped with it. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

const root = join(import.meta.dirname, '..', '..');
const nodeFirst = { ...process.env, PATH: `${dirname(process.execPath)}:${process.env['PATH'] ?? ''}` };

const run = (command: string, args: readonly string[], cwd: string) => {
  const result = spawnSync(command, args, { cwd, env: nodeFirst, encoding: 'utf8' });
  const said = `${command} ${args.join(' ')}\n${result.stdout}${result.stderr}`;
  return { status: result.status, stdout: result.stdout, said };
};

const must = (command: string, args: readonly string[], cwd: string): string => {
  const { status, stdout, said } = run(command, args, cwd);
  assert.equal(status, 0, said);
  return stdout;
};

const version = async (): Promise<string> =>
  (JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string }).version;

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  assert.ok(typeof address === 'object' && address !== null);
  return address.port;
};

const config = (directory: string, port: number): string => `
node: web1
state_dir: ${directory}/state
agent:
  send_to: 127.0.0.1:${port}
  streams:
    access:
      path: ${directory}/logs/access.log.<%Y%m%d%H>
      zone: UTC
      end: { grace: 1s, quiet: 100ms }
sink:
  listen: 127.0.0.1:${port}
  markers: { dir: ${directory}/received }
  store: { kind: file, dir: ${directory}/store, compression: none }
`;

/** Resolves with the name of the first file in `directory` that matches, or rejects when the process ends before. */
const fileAppears = async (directory: string, pattern: RegExp, node: ChildProcess): Promise<string> => {
  for (;;) {
    const names = await readdir(directory).catch(() => []);
    const found = names.find((name) => pattern.test(name));
    if (found !== undefined) return found;
    assert.equal(node.exitCode ?? node.signalCode, null, 'the node ended before the hour was sealed');
    await sleep(50);
  }
};

describe('the npm package', () => {
  let directory = '';
  let logd = '';

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'logd-package-'));
    must('npm', ['pack', '--silent', '--pack-destination', directory], root);
    const [tarball] = (await readdir(directory)).filter((name) => name.endsWith('.tgz'));
    assert.equal(tarball, `logd-${await version()}.tgz`, 'the name that the documents give');
    const options = ['--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'];
    must(
      'npm',
      ['install', '--global', '--prefix', join(directory, 'prefix'), ...options, join(directory, tarball)],
      directory,
    );
    logd = join(directory, 'prefix', 'bin', 'logd');
  });

  after(() => rm(directory, { recursive: true, force: true }));

  it('holds what runs and what is read, and nothing else', async () => {
    const installed = join(directory, 'prefix', 'lib', 'node_modules', 'logd');
    const names = (await readdir(installed)).filter((name) => name !== 'node_modules').toSorted();
    assert.deepEqual(names, [
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'bin',
      'deploy',
      'dist',
      'docs',
      'package.json',
    ]);
    await assert.rejects(access(join(installed, 'node_modules', 'node')), 'brings no Node of its own');
  });

  it('says its version and its help', async () => {
    assert.ok(must(logd, ['version'], directory).includes(await version()));
    const help = must(logd, ['--help'], directory);
    for (const command of ['run', 'validate', 'status', 'audit'])
      assert.match(help, new RegExp(`\\b${command}\\b`));
  });

  it('refuses a wrong configuration with exit code 2', async () => {
    const file = join(directory, 'wrong.yaml');
    await writeFile(file, 'node: web1\nagnet: {}\n');
    const { status, said } = run(logd, ['validate', '-c', file], directory);
    assert.equal(status, 2, said);
    assert.match(said, /agnet/);
  });

  it('ships an hour, seals it, and proves it', { timeout: 60_000 }, async () => {
    const text = Array.from({ length: 10_000 }, (_, line) => `192.0.2.${line % 250} GET /${line}\n`).join('');
    await mkdir(join(directory, 'logs'));
    await writeFile(join(directory, 'logs', 'access.log.2026010216'), text);
    const file = join(directory, 'logd.yaml');
    await writeFile(file, config(directory, await freePort()));

    const node = spawn(logd, ['run', '-c', file], { env: nodeFirst, stdio: ['ignore', 'ignore', 'inherit'] });
    try {
      await fileAppears(join(directory, 'received'), /^web1_access_2026010216_10000$/, node);
    } finally {
      node.kill('SIGTERM');
    }
    const [code] = (await once(node, 'exit')) as [number | null];
    assert.equal(code, 0, 'SIGTERM drains and ends with 0');

    const stored = join(
      directory,
      'store',
      'stream=access',
      'dt=2026-01-02',
      'hour=16',
      'host=web1',
      'access.log',
    );
    assert.equal(await readFile(stored, 'utf8'), text);
    must(logd, ['audit', '-c', file], directory);
  });
});

it('the first line of the command is one that old kernels and the shims of package managers understand', async () => {
  const [first = ''] = (await readFile(join(root, 'bin', 'logd.js'), 'utf8')).split('\n');
  assert.match(first, /^#!\/usr\/bin\/env -S node( --[a-z-]+(=\d+)?)*$/);
  assert.ok(first.length < 127);
});

it('the documents install the package from the file that npm pack writes, not another one from the registry', async () => {
  for (const name of ['README.md', 'deploy/README.md', 'docs/operations/upgrade.md']) {
    const text = await readFile(join(root, name), 'utf8');
    assert.match(text, /npm pack/, name);
    const installed = Array.from(
      text.matchAll(/npm (?:install|i) (?:-g|--global) ([^`\s]+)/g),
      ([, what]) => what,
    );
    assert.ok(installed.length > 0, name);
    for (const what of installed)
      assert.ok(
        [`./logd-${await version()}.tgz`, './logd-<version>.tgz'].includes(what ?? ''),
        `${name}: ${what}`,
      );
  }
});
