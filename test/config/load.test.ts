import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { z } from 'zod';
import { address, choice, duration, integer, size, text } from '../../src/config/kind.ts';
import { formatFault, loadConfig, parseConfig } from '../../src/config/load.ts';
import { defaulted, group, mapOf, option, rule, section, variants } from '../../src/config/option.ts';
import { LogdError } from '../../src/error.ts';

const bounds = rule(
  section('Bounds.', {
    low: option(duration(), { summary: 'Low.', default: '1s', example: '2s' }),
    high: option(duration(), { summary: 'High.', default: '5s', example: '6s' }),
  }),
  ['low', 'high'],
  ({ low, high }) => (low <= high ? undefined : 'The low one is above the high one.'),
);

const schema = section('All.', {
  server: section('A server.', {
    listen: option(address(), { summary: 'Where.', example: '127.0.0.1:1' }),
    note: option(text(), { summary: 'A note.', absent: 'none', example: 'x' }),
    password: option(integer(), { summary: 'Secret.', default: '1', example: '2', secret: true }),
    cache: group('A cache.', {
      size: option(size(), { summary: 'Size.', default: '1MiB', example: '2MiB', max: '4MiB' }),
    }),
  }),
  bounds: defaulted(bounds),
  streams: mapOf(
    {
      summary: 'Streams.',
      key: 'STREAM',
      keyExample: 'access',
      checkKey: (name) => {
        if (name.includes('/')) throw new LogdError('config', 'No slash in names.');
      },
    },
    section('A stream.', {
      mode: option(choice('fast', 'slow'), { summary: 'Mode.', default: 'fast', example: 'slow' }),
    }),
  ).optional(),
  store: variants('A store.', [
    {
      kind: 'file',
      summary: 'Files.',
      schema: z.strictObject({ dir: option(text(), { summary: 'Dir.', example: '/d' }) }),
    },
    { kind: 'null', summary: 'Nothing.', schema: z.strictObject({}) },
  ]).optional(),
});

const faultsOf = (yaml: string, env: NodeJS.ProcessEnv = {}): string[] => {
  const loaded = parseConfig(yaml, schema, env);
  return loaded.ok ? [] : loaded.faults.map((fault) => formatFault('f', fault));
};

const valueOf = (yaml: string, env: NodeJS.ProcessEnv = {}): z.output<typeof schema> => {
  const loaded = parseConfig(yaml, schema, env);
  assert.ok(loaded.ok, JSON.stringify(loaded));
  return loaded.value;
};

test('values are read by their kinds, and defaults filled in', () => {
  const value = valueOf(
    'server:\n  listen: sink:9\n  note: 0123\nstreams:\n  a: {}\nstore: { kind: file, dir: /x }\n',
  );
  assert.deepEqual(value, {
    server: { listen: { host: 'sink', port: 9 }, note: '0123', password: 1, cache: { size: 1_048_576 } },
    bounds: { low: 1000, high: 5000 },
    streams: { a: { mode: 'fast' } },
    store: { kind: 'file', dir: '/x' },
  });
});

test('all faults are reported at once, in order, each with line and column', () => {
  const faults = faultsOf(`server:
  lisen: sink:9
  note:
  cache:
    size: 8MiB
    sise: 1
bounds:
  low: 9s
  color: red
streams:
  a/b:
    mode: slwo
    speed: 3
  good:
    mode: fats
store:
  kind: fiel
liste: 3
`);
  assert.deepEqual(faults, [
    'f:1:1: server.listen: This option is missing. For example: 127.0.0.1:1',
    'f:2:3: server.lisen: Unknown key "lisen": did you mean listen?',
    'f:3:3: server.note: There is no value. For example: x',
    'f:5:11: server.cache.size: 8MiB is out of bounds: use at most 4MiB.',
    'f:6:5: server.cache.sise: Unknown key "sise": did you mean size?',
    'f:8:8: bounds.low: The low one is above the high one.',
    'f:9:3: bounds.color: Unknown key "color": use one of low, high.',
    'f:11:3: streams.a/b: No slash in names.',
    'f:12:11: streams.a/b.mode: "slwo" is not one of fast, slow: did you mean slow?',
    'f:13:5: streams.a/b.speed: Unknown key "speed": use one of mode.',
    'f:15:11: streams.good.mode: "fats" is not one of fast, slow: did you mean fast?',
    'f:16:1: store.dir: This option is missing. For example: /d',
    'f:17:9: store.kind: There is no kind "fiel": did you mean file?',
    'f:18:1: liste: Unknown key "liste": use one of server, bounds, streams, store.',
  ]);
});

test('a key that belongs into another section is told so', () => {
  assert.deepEqual(faultsOf('server: { listen: "a:1" }\nlisten: b:1\n'), [
    'f:2:1: listen: Unknown key "listen": did you mean server.listen?',
  ]);
});

test('where several sections have an option of that name, one that is required and missing is meant, else any', () => {
  const dir = (required: boolean) =>
    required
      ? option(text(), { summary: 'Dir.', example: '/d' })
      : option(text(), { summary: 'Dir.', example: '/d', absent: 'none' });
  const sections = section('All.', {
    first: section('First.', {
      cache: group('Cache.', {
        dir: dir(false),
        size: option(size(), { summary: 'S.', default: '1', example: '2' }),
      }),
      note: group('Note.', { dir: dir(false) }),
      site: option(text(), { summary: 'Site.', example: 'x', absent: 'none' }),
      disc: section('Disc.', { dir: dir(true) }),
    }),
    other: group('Other.', { dir: dir(false) }),
  });
  const hint = (yaml: string): string | undefined => {
    const loaded = parseConfig(yaml, sections, {});
    const unknown = loaded.ok
      ? undefined
      : loaded.faults.find(({ message }) => message.startsWith('Unknown'));
    return unknown?.message.replace(/^.*: /, '');
  };
  assert.equal(hint('first: { dir: x, disc: {} }'), 'did you mean first.disc.dir?');
  assert.equal(hint('first: { dir: x }'), 'did you mean first.disc.dir?');
  assert.equal(hint('dir: x\nfirst: {}'), 'did you mean first.disc.dir?');
  const given = 'disc: { dir: x }';
  assert.equal(hint(`first: { dir: x, ${given} }`), 'did you mean first.cache.dir or first.note.dir?');
  assert.equal(hint(`first: { ${given}, note: { size: 1 } }`), 'did you mean first.cache.size?');
  // A name that is right elsewhere below this section is no slip of a neighbour's.
  assert.equal(hint(`first: { ${given}, size: 1 }`), 'did you mean first.cache.size?');
});

test('a kind that is unknown or missing does not hide the other faults where it is clear which one is meant', () => {
  const faults = (store: string): string[] => faultsOf(`server: { listen: "a:1" }\nstore: ${store}\n`);
  const other = 'f:2:21: store.dri: Unknown key "dri": did you mean dir?';
  const missing = 'f:2:1: store.dir: This option is missing. For example: /d';
  assert.deepEqual(faults('{ kind: fil, dri: x }'), [
    missing,
    'f:2:16: store.kind: There is no kind "fil": did you mean file?',
    other,
  ]);
  assert.deepEqual(faults('{ knd: file, dri: x }'), [
    'f:2:1: store.kind: The kind is missing: use file or null.',
    missing,
    'f:2:10: store.knd: Unknown key "knd": did you mean kind?',
    other,
  ]);
  // Nothing says which of the two it should be.
  assert.deepEqual(faults('{ dri: x }'), ['f:2:1: store.kind: The kind is missing: use file or null.']);
  assert.deepEqual(faults('{ kind: s3, dir: x }'), [
    'f:2:16: store.kind: There is no kind "s3": use file or null.',
  ]);
});

test('the only kind there is, is meant', () => {
  const dir = option(text(), { summary: 'Dir.', example: '/d' });
  const only = section('All.', {
    stores: mapOf(
      { summary: 'Stores.', key: 'STORE', keyExample: 'main', checkKey: () => undefined },
      variants('A store.', [{ kind: 'file', summary: 'Files.', schema: z.strictObject({ dir }) }]),
    ),
  });
  const loaded = parseConfig('stores: { a: { kind: s3, dri: x }, b: { dir: x } }', only, {});
  assert.deepEqual(!loaded.ok && loaded.faults.map((fault) => formatFault('f', fault)), [
    'f:1:11: stores.a.dir: This option is missing. For example: /d',
    'f:1:22: stores.a.kind: There is no kind "s3": use file.',
    'f:1:26: stores.a.dri: Unknown key "dri": did you mean dir?',
    'f:1:36: stores.b.kind: The kind is missing: use file.',
  ]);
});

test('the usual kind need not be named, nor the section be there', () => {
  const dir = option(text(), { summary: 'Dir.', absent: 'here', example: '/d' });
  const kinds = ['file', 'null'].map((kind) => ({ kind, summary: kind, schema: z.strictObject({ dir }) }));
  const usual = section('All.', { store: variants('A store.', kinds, 'null') });
  for (const [yaml, store] of [
    ['{}', { kind: 'null' }],
    ['store: { dir: x }', { kind: 'null', dir: 'x' }],
    ['store: { kind: file }', { kind: 'file' }],
  ] as const) {
    const loaded = parseConfig(yaml, usual, {});
    assert.deepEqual(loaded.ok && loaded.value, { store }, yaml);
  }
  const faults = (yaml: string): unknown => {
    const loaded = parseConfig(yaml, usual, {});
    return !loaded.ok && loaded.faults.map((fault) => formatFault('f', fault));
  };
  assert.deepEqual(faults('store: { kind: s3 }'), [
    'f:1:16: store.kind: There is no kind "s3": use file or null.',
  ]);
  assert.deepEqual(faults('store: { knd: file }'), [
    'f:1:10: store.knd: Unknown key "knd": did you mean kind?',
  ]);
});

test('a key given twice does not hide the other faults; broken YAML does', () => {
  assert.deepEqual(faultsOf('server:\n  listen: a:1\n  listen: a:2\n  note: ""\n'), [
    'f:3:3: This key is given twice: remove one of them.',
    'f:4:3: server.note: There is no value. For example: x',
  ]);
  const broken = faultsOf('server: [\n  x: y\nfoo: "bar\n');
  assert.ok(
    broken.length > 0 && broken.every((fault) => /^f:\d+:\d+: Not valid YAML: /.test(fault)),
    broken.join('\n'),
  );
});

test('wrong shapes are named: text for a section, a list for an option, a list for the file', () => {
  assert.match(faultsOf('server: 5\n')[0]!, /^f:1:9: server: Expected keys below this one: listen, note/);
  assert.match(
    faultsOf('server: { listen: [a] }\n')[0]!,
    /^f:1:19: server.listen: This takes one value, such as 127.0.0.1:1, not/,
  );
  assert.equal(faultsOf('- a\n').length, 1);
  assert.deepEqual(faultsOf('server: { listen: "a:1" }\nstreams: [a]\n'), [
    'f:2:10: streams: Expected keys below this one: the name of a stream, such as access.',
  ]);
  assert.match(faultsOf('')[0]!, /^f:1:1: server: This section is missing/);
});

test('the environment wins over the file, and its faults name the variable', () => {
  const yaml = 'server:\n  listen: a:1\n';
  assert.equal(valueOf(yaml, { LOGD_SERVER_LISTEN: 'b:2' }).server.listen.host, 'b');
  assert.equal(valueOf(yaml, { LOGD_SERVER_LISTEN: '' }).server.listen.host, 'a');
  assert.equal(valueOf('', { LOGD_SERVER_LISTEN: 'b:2', LOGD_SERVER_CACHE_SIZE: '7' }).server.cache.size, 7);
  assert.deepEqual(faultsOf(yaml, { LOGD_SERVER_CACHE_SIZE: 'x1' }), [
    'environment variable LOGD_SERVER_CACHE_SIZE: server.cache.size: "x1" is not a size: write whole bytes, such as 512, or a number with a unit, such as 64MiB or 1MB.',
  ]);
});

test('a secret is not shown', () => {
  const [fault = ''] = faultsOf('server: { listen: "a:1", password: hunter2 }\n');
  assert.match(fault, /password/);
  assert.doesNotMatch(fault, /hunter2/);
});

test('anchors work, alias bombs do not', () => {
  assert.equal(valueOf('server: { listen: &a "a:1", note: *a }\n').server.note, 'a:1');
  const bomb = ['a0: &a0 [x,x,x,x,x,x,x,x,x,x]'];
  for (let i = 1; i < 9; i++) bomb.push(`a${i}: &a${i} [${`*a${i - 1},`.repeat(10)}]`);
  assert.match(faultsOf(bomb.join('\n'))[0]!, /Not valid YAML: Excessive alias count/);
});

test('a pipe is read to its end', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'logd-load-'));
  try {
    const pipe = join(dir, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const [loaded] = await Promise.all([
      loadConfig(pipe, schema, {}),
      writeFile(pipe, 'server: { listen: "a:1" }'),
    ]);
    assert.ok(loaded.ok);
  } finally {
    await rm(dir, { recursive: true });
  }
});

test('names that JavaScript objects have are unknown keys like any other', () => {
  for (const key of ['__proto__', 'constructor', 'toString'])
    assert.match(faultsOf(`server: { listen: "a:1" }\n${key}: {}\n`)[0] ?? '', /^f:2:1: .*Unknown key/, key);
});

test('a file that is missing or too large is refused before it is parsed', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'logd-load-'));
  try {
    await assert.rejects(
      loadConfig(join(dir, 'no.yaml'), schema, {}),
      /there is no such file; `logd init` writes one/,
    );
    await writeFile(join(dir, 'big.yaml'), '#'.repeat(1024 ** 2 + 1));
    await assert.rejects(loadConfig(join(dir, 'big.yaml'), schema, {}), /larger than 1 MiB/);
    await writeFile(join(dir, 'ok.yaml'), 'server: { listen: "a:1" }');
    assert.ok((await loadConfig(join(dir, 'ok.yaml'), schema, {})).ok);
  } finally {
    await rm(dir, { recursive: true });
  }
});
