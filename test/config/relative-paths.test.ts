/** Relative paths are relative to the configuration file, and variables that look like options and are none are told of. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { describeUnknown } from '../../src/cli/config-file.ts';
import { loadConfig } from '../../src/config/load.ts';
import { logdOptions } from '../../src/roles/options.ts';

const YAML = `
node: s1
state_dir: state
sink:
  token_file: ./token
  store: { kind: file, dir: ../stored }
  markers: { dir: /var/lib/markers }
  outputs:
    lake: { kind: etl, dir: lake }
`;

test('paths of a file are relative to it, also below maps and variants', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'logd-paths-'));
  try {
    const file = join(dir, 'logd.yaml');
    await writeFile(file, YAML);
    const loaded = await loadConfig(file, logdOptions, { LOGD_SINK_LISTN: 'x', LOGD_FAULT: '', PATH: '/' });
    assert.ok(loaded.ok, JSON.stringify(loaded));
    const { state_dir: state, sink } = loaded.value;
    assert.equal(state, join(dir, 'state'));
    assert.equal(sink?.token_file, join(dir, 'token'));
    assert.equal(Reflect.get(sink.store, 'dir'), join(dir, '..', 'stored'));
    assert.equal(sink.markers.dir, '/var/lib/markers');
    assert.equal(Reflect.get(sink.outputs!['lake']!, 'dir'), join(dir, 'lake'));
    assert.deepEqual(loaded.given.unknownVariables.map(describeUnknown), [
      'The environment variable LOGD_SINK_LISTN is no option of logd and has no effect. Did you mean LOGD_SINK_LISTEN?',
    ]);
  } finally {
    await rm(dir, { recursive: true });
  }
});
