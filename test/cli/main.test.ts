import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, test } from 'node:test';
import { notTested } from '../house/needs.ts';

const dir = mkdtempSync(join(tmpdir(), 'logd-cli-'));
after(() => rmSync(dir, { recursive: true }));
const main = join(import.meta.dirname, '../../src/cli/main.ts');

const logd = (...args: string[]): { code: number | null; out: string; err: string } =>
  logdAt(undefined, ...args);

/** In a terminal of so many columns, as far as help is concerned. */
const logdAt = (columns: number | undefined, ...args: string[]) => {
  const { LOGD_CONFIG: _, COLUMNS: __, ...rest } = process.env;
  const env = { ...rest, ...(columns !== undefined && { COLUMNS: String(columns) }) };
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], {
    cwd: dir,
    env,
    encoding: 'utf8',
  });
  return { code: status, out: stdout, err: stderr };
};

test('help is printed, for every command with examples and exit codes', () => {
  const { code, out } = logd('--help');
  assert.equal(code, 0);
  const names = Array.from(out.matchAll(/^ {2}([a-z]+) (?: |\[|<)/gm), (found) => found[1]!).filter(
    (name) => name !== 'help',
  );
  for (const name of ['run', 'validate', 'explain', 'init', 'version'])
    assert.ok(names.includes(name), `${name} in ${out}`);
  for (const name of names.filter((each) => each !== 'logd')) {
    const help = logd(name, '--help');
    assert.equal(help.code, 0, name);
    assert.match(help.out, /\nExamples:\n[^]*\nExit codes:\n/, name);
  }
});

test('version is that of the package', () => {
  const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8')) as {
    version: string;
  };
  assert.equal(logd('--version').out, `${version}\n`);
  assert.match(logd('version').out, new RegExp(`^logd ${version} \\(Node.js v\\d`));
});

test('a wrong command line ends with 2 and what was probably meant', () => {
  const { code, err, out } = logd('valdate');
  assert.deepEqual([code, out], [2, '']);
  assert.match(err, /^logd: Unknown command 'valdate'\n\(Did you mean validate\?\)/);
  assert.equal(logd('run', '--nonsense').code, 2);
});

test('init writes what validate takes, and never overwrites without being told', () => {
  for (const role of ['agent', 'sink', 'both']) {
    assert.equal(logd('init', `${role}.yaml`, '--role', role).code, 0);
    const { code, out, err } = logd('validate', `${role}.yaml`);
    assert.equal(code, 0, err);
    assert.match(out, role === 'both' ? /is agent and sink/ : new RegExp(`is ${role}\\n`));
  }
  writeFileSync(join(dir, 'mine.yaml'), 'mine');
  const refused = logd('init', 'mine.yaml');
  assert.equal(refused.code, 2);
  assert.match(refused.err, /mine.yaml is there already/);
  assert.equal(readFileSync(join(dir, 'mine.yaml'), 'utf8'), 'mine');
  assert.equal(logd('init', 'mine.yaml', '--force').code, 0);
  assert.equal(readFileSync(join(dir, 'mine.yaml'), 'utf8'), logd('init').out);
});

test('validate and run name all faults with line and column, and start nothing', () => {
  writeFileSync(join(dir, 'bad.yaml'), 'agent:\n  sendto: a:1\n  window: 3\nlog: { level: loud }\n');
  for (const args of [
    ['validate', 'bad.yaml'],
    ['run', '-c', 'bad.yaml'],
  ]) {
    const { code, out, err } = logd(...args);
    assert.deepEqual([code, out], [2, '']);
    assert.match(err, /bad.yaml:2:3: agent.sendto: Unknown key "sendto": did you mean send_to\?/);
    assert.match(err, /bad.yaml:3:11: agent.window: 3 is out of bounds: use from 64KiB to 4GiB\./);
    assert.match(err, /bad.yaml:4:15: log.level: "loud" is not one of debug, info, warn, error\.\n/);
    assert.match(err, /\nlogd: 5 faults in bad.yaml\.\n/);
  }
});

test('explain shows an option, lists all, and knows the nearest', () => {
  const option = logd('explain', 'sink.listen');
  assert.equal(option.code, 0);
  assert.match(option.out, /^sink.listen\n[^]*default +127.0.0.1:7667\n[^]*LOGD_SINK_LISTEN/);
  assert.match(logd('explain', 'agent.streams.access.zone').out, /^agent.streams.STREAM.zone\n/);
  assert.match(logd('explain', 'max_delay').out, /^agent.pack.max_delay\n/);
  assert.match(logd('explain', 'sink.limits').out, /sink.limits.connections/);
  assert.ok(logd('explain').out.split('\n').length > 30);
  for (const width of [40, 80, 140]) {
    const { out } = logdAt(width, 'explain');
    for (const line of out.split('\n')) assert.ok(line.length <= width || /^ *\S+$/.test(line), line);
    assert.match(out, /^agent\.window · size · default: 16MiB\n {4}Most memory/m);
  }
  const unknown = logd('explain', 'sink.lisen');
  assert.deepEqual([unknown.code, unknown.out], [2, '']);
  assert.match(unknown.err, /Did you mean sink.listen\?/);
  assert.match(logd('explain', 'agent.streams.access.pth').err, /Did you mean agent.streams.access.path\?/);
});

const COMMANDS = ['', 'run', 'status', 'audit', 'validate', 'explain', 'init', 'demo', 'version'];

test('help fits the terminal, and 80 columns where there is none; commands in it can be copied', () => {
  for (const command of COMMANDS) {
    const args = [...(command === '' ? [] : [command]), '--help'];
    const wide = logd(...args).out;
    for (const line of wide.split('\n')) assert.ok(line.length <= 80, line);
    const narrow = logdAt(40, ...args).out;
    // Only a word that is longer, or an argument in quotes, stays as it is.
    for (const line of narrow.split('\n'))
      assert.ok(line.length <= 40 || /^ *(?:\S+|'.*')$/.test(line), line);
    assert.deepEqual(examples(narrow), examples(wide));
  }
});

/** The commands below Examples, as a shell reads them. */
const examples = (help: string): string[] => {
  const below = /\nExamples:\n([^]*?)\n(?:\n|$)/.exec(help)?.[1] ?? '';
  assert.notEqual(below, '');
  const lines = below.replaceAll(/ \\\n +/g, ' ').split('\n');
  return lines.flatMap((line) => /^ {2}(\S.*?)(?: {2}.*)?$/.exec(line)?.[1] ?? []);
};

test('explain KEY fits the terminal', () => {
  for (const key of ['sink.listen', 'agent.streams.access.zone', 'shutdown_timeout', 'agent.streams.x.path'])
    for (const columns of [40, 80])
      for (const line of logdAt(columns, 'explain', key).out.split('\n'))
        assert.ok(line.length <= columns || /^ *\S+$/.test(line), line);
});

const CANNOT_WRITE = [['explain'], ['explain', 'sink.listen'], ['init'], ['status', '--help'], ['version']];

test('output that cannot be written is one plain message and exit code 1', (context) => {
  if (!existsSync('/dev/full')) return notTested(context, '/dev/full');
  for (const args of CANNOT_WRITE) {
    const full = openSync('/dev/full', 'w');
    const stdio = ['ignore', full, 'pipe'] as const;
    const { status, stderr } = spawnSync(process.execPath, [main, ...args], {
      stdio: [...stdio],
      cwd: dir,
    });
    closeSync(full);
    const said = stderr.toString();
    assert.deepEqual([status, said], [1, 'logd: Cannot write the output: no space left on device.\n']);
  }
});

test('output that is cut short is no success', () => {
  const script = 'ulimit -f 1 && exec "$0" "$@" > cut.txt';
  const { status, stderr } = spawnSync('sh', ['-c', script, process.execPath, main, 'explain'], { cwd: dir });
  assert.match(stderr.toString(), /^logd: Cannot write the output: file too large\.\n$/);
  assert.equal(status, 1);
});

test('a reader that goes away ends a command quietly, as other tools do', async () => {
  for (const args of CANNOT_WRITE) {
    const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe'], cwd: dir });
    child.stdout.destroy();
    const [said] = await Promise.all([text(child.stderr), once(child, 'close')]);
    assert.deepEqual([child.exitCode, said], [141, '']);
  }
});
