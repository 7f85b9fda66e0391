import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execFile } from 'node:child_process';
import test from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parse } from 'yaml';
import { gatherCast } from '../../src/demo/cast.ts';
import { checkInput, placeInput } from '../../src/demo/input.ts';
import type { HourView, View } from '../../src/demo/observe.ts';
import { demoHosts, demoPaths, type DemoPlan, hourStart, layOut, pastHours } from '../../src/demo/plan.ts';
import { openScreen } from '../../src/demo/screen.ts';
import { commandLine, introduction } from '../../src/demo/story.ts';
import type { LogdError } from '../../src/error.ts';

const temporary = async () => {
  const dir = await mkdtemp(join(tmpdir(), 'logd-demo-test-'));
  return { dir, [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }) };
};

test('the hours of the plan lie before now, also across midnight', () => {
  const now = Date.UTC(2026, 10, 23, 1, 59, 59);
  assert.deepEqual(pastHours(now, 3), ['2026112222', '2026112223', '2026112300']);
  assert.equal(hourStart('2026112223'), Date.UTC(2026, 10, 22, 23));
});

test('the hosts share the load unequally, and all of it', () => {
  const shares = demoHosts(4).map(({ share }) => share);
  assert.ok(Math.abs(shares.reduce((sum, share) => sum + share, 0) - 1) < 1e-9);
  for (const [index, share] of shares.slice(1).entries()) assert.ok(share < shares[index]!);
});

test('every node gets a configuration of its own, and all agents the port of the sink', async () => {
  await using place = await temporary();
  const hosts = demoHosts(2);
  await layOut({ dir: place.dir, hosts, hours: [], expected: [], port: 20123 });
  const { config } = demoPaths(place.dir);
  const read = async (node: string) => parse(await readFile(config(node), 'utf8')) as Record<string, object>;
  assert.deepEqual(Object.keys(await read('sink')), ['node', 'state_dir', 'log', 'sink']);
  for (const name of ['web1', 'web2']) {
    const { agent, state_dir } = await read(name);
    assert.equal((agent as { send_to: string }).send_to, '127.0.0.1:20123');
    assert.deepEqual(state_dir, join(place.dir, 'state', name));
  }
});

/** A node's script: what `logd run -c FILE` is replaced by. */
const script = async (dir: string, code: string): Promise<URL> => {
  await mkdir(join(dir, 'logs'), { recursive: true });
  await writeFile(join(dir, 'node.mjs'), code);
  return pathToFileURL(join(dir, 'node.mjs'));
};

test('a node that ends by itself is trouble, told with the end of its log', async () => {
  await using place = await temporary();
  const main = await script(place.dir, 'console.error("the disk\\nis on fire"); process.exitCode = 3;');
  const trouble = Promise.withResolvers<LogdError>();
  await using cast = gatherCast(place.dir, main, trouble.resolve);
  await cast.start('web1');
  const { message } = await trouble.promise;
  assert.match(message, /^web1 ended by itself \(exit code 3\).*web1\.log:\nthe disk\nis on fire$/s);
  assert.deepEqual(cast.nodes(), [{ name: 'web1', pid: undefined }]);
});

test('a node that is killed on purpose is no trouble, and starts again with its log continued', async () => {
  await using place = await temporary();
  const main = await script(place.dir, 'console.log("up"); setInterval(() => {}, 1000);');
  const troubles: LogdError[] = [];
  let pid = 0;
  {
    await using cast = gatherCast(place.dir, main, (error) => void troubles.push(error));
    const first = await cast.start('sink');
    await cast.start('web1');
    assert.equal(await cast.kill('sink'), first);
    assert.throws(() => process.kill(first, 0), { code: 'ESRCH' });
    assert.equal(cast.nodes()[0]!.pid, undefined);
    pid = await cast.start('sink');
    assert.notEqual(pid, first);
    process.kill(pid, 0);
  }
  assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' }, 'no child is left behind');
  assert.deepEqual(troubles, []);
});

test('input files are linked under the name of their hour; directories and what is missing are refused', async () => {
  await using place = await temporary();
  const file = join(place.dir, 'mine.log');
  const to = join(place.dir, 'access.log.2026112216');
  await writeFile(file, 'mine\n');
  const [path] = await checkInput([file]);
  await placeInput(path!, to);
  assert.equal((await stat(to)).ino, (await stat(file)).ino);
  await assert.rejects(checkInput([place.dir]), { code: 'usage', message: /is not a regular file/ });
  await assert.rejects(checkInput([join(place.dir, 'none')]), { code: 'usage', message: /Cannot read/ });
});

const hourView = (hour: Partial<HourView>): HourView => ({
  ...{ host: 'web1', hour: '2026112216', state: 'open', generation: 1 },
  ...{ packs: 1, lines: 10, stored: 100, written: 200 },
  ...hour,
});

const viewOf = (hours: readonly HourView[]): View => ({
  ...{ hours, sealed: hours.filter(({ state }) => state === 'sealed').length },
  ...{ packs: 3, lines: 30, stored: 300, written: 600 },
});

/** A terminal that understands what the screen sends: text, newline, cursor up, clear to the end, wrapping on and off. */
const fakeTerminal = (columns: number, rows: number) => {
  const lines: string[] = [];
  let at = 0;
  let wraps = true;
  const put = (char: string): void => {
    const line = lines[at] ?? '';
    if (line.length < columns) lines[at] = line + char;
    else if (wraps) lines[++at] = char;
  };
  return {
    ...{ isTTY: true, columns, rows, lines },
    write(text: string) {
      // oxlint-disable-next-line no-control-regex
      for (const [part] of text.matchAll(/\x1b\[\??\d*[A-Za-z]|\n|[^\x1b\n]/gu)) {
        if (part.endsWith('A') && part.length > 1) at -= Number(part.slice(2, -1));
        else if (part === '\x1b[0J') lines.length = at;
        else if (part === '\n') at += 1;
        else if (part.startsWith('\x1b[?7')) wraps = part.endsWith('h');
        else if (!part.startsWith('\x1b')) put(part);
      }
    },
  };
};

test('on a terminal the live part is drawn anew below what has happened, whatever the width', () => {
  const terminal = fakeTerminal(50, 20);
  let now = 0;
  using screen = openScreen(
    terminal,
    (_, text) => text,
    () => now,
  );
  const nodes = [
    { name: 'sink', pid: 123 },
    { name: 'web1', pid: undefined },
  ];
  const hours = [hourView({ state: 'sealed' }), hourView({ hour: '2026112217', state: 'waiting' })];
  screen.draw(viewOf(hours), nodes);
  now = 7400;
  screen.say('SIGKILL to web1');
  screen.draw(viewOf(hours), nodes);
  screen.draw(viewOf(hours), nodes);
  assert.equal(terminal.lines[0], '00:07  SIGKILL to web1');
  const text = Array.from(terminal.lines, (line) => line ?? '');
  assert.equal(text.filter((line) => line.includes('1 of 2 sealed')).length, 1, text.join('\n'));
  assert.ok(text.some((line) => line.includes('✔ sealed')));
  assert.ok(text.some((line) => line.includes('✗ web1 down')));
  screen.clear();
  assert.deepEqual(terminal.lines, ['00:07  SIGKILL to web1']);
});

test('more hours than the screen has rows: those with something going on are shown', () => {
  const terminal = fakeTerminal(100, 12);
  using screen = openScreen(
    terminal,
    (_, text) => text,
    () => 0,
  );
  const hours = Array.from({ length: 48 }, (_, index) =>
    hourView({ host: `web${index}`, state: index === 20 ? 'open' : index < 20 ? 'sealed' : 'waiting' }),
  );
  screen.draw(viewOf(hours), []);
  assert.ok(terminal.lines.length < 12, String(terminal.lines.length));
  assert.ok(terminal.lines.some((line) => line?.startsWith('web20 ')));
});

test('elsewhere a line of progress is written every two seconds', () => {
  let out = '';
  let now = 0;
  using screen = openScreen(
    { write: (text: string) => void (out += text) },
    (_, text) => text,
    () => now,
  );
  for (; now < 6000; now += 250) screen.draw(viewOf([hourView({})]), []);
  const lines = out.trimEnd().split('\n');
  assert.equal(lines.length, 2, out);
  assert.match(lines[0]!, /^00:02  0 of 1 sealed, 3 packs, 30 lines, 300 B stored of 600 B written, /);
});

test('before the first packs they are announced, in place of nothing of nothing', () => {
  let out = '';
  using screen = openScreen(
    { write: (text: string) => void (out += text) },
    (_, text) => text,
    () => 2000,
  );
  screen.draw({ ...viewOf([hourView({ state: 'writing', stored: 0 })]), packs: 0, lines: 0, stored: 0 }, []);
  assert.match(out, /^00:02  0 of 1 sealed, first packs in a second, /);
});

test('it says how long an hour is', () => {
  const plan = { dir: '/tmp/demo', hosts: [], expected: [] } as unknown as DemoPlan;
  const [paint, width] = [(_: string, text: string) => text, Infinity];
  assert.match(introduction(plan, 5, paint, width), /Here an hour takes 5 seconds\./);
  assert.doesNotMatch(introduction(plan, 0, paint, width), /Here an hour/);
});

test('elsewhere each hour has a line when it is sealed, once', () => {
  let out = '';
  using screen = openScreen(
    { write: (text: string) => void (out += text) },
    (_, text) => text,
    () => 1000,
  );
  const open = hourView({ host: 'web2', hour: '2026112217' });
  for (const state of ['open', 'sealed', 'sealed'] as const)
    screen.draw(viewOf([hourView({ state, stored: 200 }), open]), []);
  assert.equal(out, '00:01  Sealed web1 2026-11-22 16: 1 pack, 10 lines, 200 B stored of 200 B written\n');
});

test('commands are shown as a shell takes them', () => {
  assert.match(
    commandLine(['status', '-c', "/tmp/it's here/sink.yaml"]),
    /status -c '\/tmp\/it'\\''s here\/sink.yaml'$/,
  );
});

/** Runs the real demo with real nodes; resolves with what it printed and its exit code. */
const play = async (args: readonly string[], env: NodeJS.ProcessEnv = {}) => {
  const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
  const { promise, resolve } = Promise.withResolvers<{ code: unknown; out: string }>();
  execFile(
    process.execPath,
    [main, 'demo', ...args],
    { env: { ...process.env, ...env } },
    (error, out, err) => resolve({ code: error?.code ?? 0, out: out + err }),
  );
  return promise;
};

const SMALL = ['--hosts', '1', '--hours', '2', '--seconds-per-hour', '1', '--lines-per-second', '4000'];

test('the demo kills the sink and an agent, and ends by itself with everything sealed and identical', async () => {
  await using place = await temporary();
  const { code, out } = await play([...SMALL, '--dir', join(place.dir, 'demo')]);
  assert.equal(code, 0, out);
  assert.match(out, /SIGKILL to sink .*Started sink again .*SIGKILL to web1 .*Started web1 again /s);
  assert.match(
    out,
    /2 of 2 segments sealed, [\d,]+ lines, byte for byte identical \(source, seal and sink agree\)/,
  );
});

test("the user's own files are shipped as they are: empty, without a last newline, with any bytes", async () => {
  await using place = await temporary();
  const contents = [
    Buffer.alloc(0),
    Buffer.from('no newline'),
    Buffer.alloc(300_000, 'any \0 \xff \r\n', 'latin1'),
  ];
  const files = contents.map((_, index) => join(place.dir, `input ${index}`));
  for (const [index, file] of files.entries()) await writeFile(file, contents[index]!);
  const { code, out } = await play(['--dir', join(place.dir, 'demo'), '--input', ...files]);
  assert.equal(code, 0, out);
  assert.match(out, /3 of 3 segments sealed, [\d,]+ lines, byte for byte identical/);
  for (const [index, file] of files.entries())
    assert.deepEqual(await readFile(file), contents[index], 'the input is untouched');
});

test('a node that dies unasked fails the demo, which says so and ends', async () => {
  await using place = await temporary();
  const env = { LOGD_FAULT: 'cut.before-record:1' };
  const { code, out } = await play([...SMALL, '--dir', join(place.dir, 'demo')], env);
  assert.equal(code, 1, out);
  assert.match(out, /web1 ended by itself \(SIGKILL\)\. The end of its log, .*web1\.log:/);
  assert.doesNotMatch(out, /Proven/);
});
