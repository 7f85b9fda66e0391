import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { starterConfig } from '../../src/cli/init.ts';
import { formatFault, parseConfig } from '../../src/config/load.ts';
import { entries, outline } from '../../src/config/option-tree.ts';
import { type LogdConfig, logdOptions } from '../../src/roles/options.ts';
import { DEFAULT_LAYOUT } from '../../src/stores/file/layout.ts';

const SINK = 'sink:\n  store: { kind: file, dir: /data }\n';
const AGENT = "agent:\n  send_to: s:1\n  streams: { access: { path: '/l/a.<%Y%m%d%H>' } }\n";

const faultsOf = (yaml: string): string[] => {
  const loaded = parseConfig(yaml, logdOptions, {});
  return loaded.ok ? [] : loaded.faults.map((fault) => formatFault('f', fault));
};
const valueOf = (yaml: string): LogdConfig => {
  const loaded = parseConfig(yaml, logdOptions, {});
  assert.ok(loaded.ok, JSON.stringify(loaded));
  return loaded.value;
};

test('what is left out derives from what is there', () => {
  const { agent, sink } = valueOf(`node: n1\nstate_dir: /s\n${AGENT}${SINK}`);
  assert.equal(agent?.host, 'n1');
  assert.equal(agent.pack.max_line, 1024 ** 2);
  assert.notEqual(agent.streams['access']?.zone, 'local');
  assert.equal(sink?.ledger.path, '/s/ledger.db');
  assert.equal(sink.markers.dir, '/s/received');
  assert.equal(sink.store.kind, 'file');
  assert.equal(valueOf(SINK).agent, undefined);
});

test('a node needs a role, an agent a stream', () => {
  assert.match(faultsOf('node: n1\n')[0]!, /nothing to do: add agent: or relay: or sink:/);
  assert.match(
    faultsOf('agent:\n  send_to: s:1\n  streams: {}\n')[0]!,
    /^f:3:3: agent.streams: There is no stream/,
  );
  assert.equal(faultsOf('- x\n').length, 1);
});

test('listening beyond loopback needs a token', () => {
  for (const host of ['0.0.0.0', 'sink1', '"[::]']) {
    const listen = host.startsWith('"') ? `${host}:1"` : `${host}:1`;
    const [fault = ''] = faultsOf(`${SINK}  listen: ${listen}\n`);
    assert.match(fault, /^f:3:11: sink.listen: .*token_file is needed/, host);
    assert.deepEqual(faultsOf(`${SINK}  listen: ${listen}\n  token_file: /t\n`), []);
  }
  assert.deepEqual(faultsOf(`${SINK}  listen: "[::1]:0"\n`), []);
});

test('values that contradict each other are told, beside other faults', () => {
  const faults = faultsOf(`${AGENT}  retry: { min: 2m, max: 1m }\n  pack: { max_line: 2MiB }\n  hosst: x
${SINK}  limits: { pack_bytes: 1MiB, in_flight: 1MiB }\n`);
  assert.equal(faults.length, 4, faults.join('\n'));
  assert.match(faults[0]!, /retry.min: The first wait is longer/);
  assert.match(faults[1]!, /f:5:3: agent.pack: Packs of this size .* sink.limits.pack_bytes/);
  assert.match(faults[2]!, /agent.hosst: Unknown key "hosst": did you mean host\?/);
  assert.match(faults[3]!, /sink.limits.in_flight: A body .* would never fit/);
});

test('names, patterns, zones and starting points are checked', () => {
  const [name = '', path = '', zone = '', start = ''] = faultsOf(
    "agent:\n  send_to: s:1\n  streams:\n    ../x: { path: '/l/a.<%Y%m%d%H>' }\n    ok: { path: /l/a, zone: Mars/Base, start: 2026113216 }\n",
  );
  assert.match(name, /f:4:5: .* is not allowed as a name/);
  assert.match(path, /f:5:17: agent.streams.ok.path: /);
  assert.match(zone, /zone: The time zone "Mars\/Base" is not known/);
  assert.match(start, /start: "2026113216" is no place to start/);
});

/** As `sed -E 's/^( *)#( *[a-z_]+:)/\1\2/'` does it. */
const uncommented = (text: string): string => text.replace(/^( *)#( *[a-z_]+:)/gm, '$1$2');

test('the starter configuration means the same with its comments taken as options', async () => {
  const text = await starterConfig('both');
  assert.ok(uncommented(text).includes('\n  retry:\n'), uncommented(text));
  const [plain, full] = [valueOf(text), valueOf(uncommented(text))];
  const { node: _, ...rest } = plain;
  const { node, ...same } = full;
  assert.equal(node, 'web1');
  const tokens = { token_file: '/etc/logd/token' };
  assert.deepEqual(same, {
    ...rest,
    http: { listen: { host: '127.0.0.1', port: 7668 }, token_file: '/etc/logd/http-token' },
    agent: { ...rest.agent, ...tokens, host: 'web1' },
    sink: {
      ...{ ...rest.sink, ...tokens },
      expect: ['web1', 'web2'].map((host) => ({ stream: 'access', host })),
      store: { ...rest.sink?.store, layout: DEFAULT_LAYOUT },
    },
  });
});

test('in the starter configuration of every role, words and options cannot be taken for each other', async () => {
  for (const role of ['agent', 'sink', 'both'] as const) {
    const text = await starterConfig(role);
    assert.deepEqual(faultsOf(uncommented(text)), [], role);
    for (const line of text.split('\n').filter((each) => each.trimStart().startsWith('#')))
      assert.notEqual(/^ *(# *)?## \S/.test(line), /^ *# *[a-z_]+:( \S|$)/.test(line), line);
  }
});

test('every default, example and bound is one that the option itself takes', () => {
  for (const { key, node } of entries(outline(logdOptions))) {
    assert.match(node.summary, /\.$/, `${key}: the summary is a sentence`);
    if (node.type !== 'option') continue;
    for (const text of [node.default, node.example, node.min, node.max])
      if (text !== undefined) assert.doesNotThrow(() => node.kind.parse(text), `${key}: ${text}`);
  }
});

test('the committed reference and editor schema are what the options say', () => {
  const script = join(import.meta.dirname, '../../scripts/reference.ts');
  const { status, stderr } = spawnSync(process.execPath, [script, '--check'], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
});
