import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { stringify } from 'yaml';
import { importIni } from '../../src/config/import-ini.ts';
import { parseIni } from '../../src/config/ini.ts';
import { parseConfig } from '../../src/config/load.ts';
import { logdOptions } from '../../src/roles/options.ts';

const INI = `
; a Go node
[tail]
log_file = /var/log/nginx/access.log.2006010215
record_file = var/line.rec
recv_buffer_size = 2000   # lines
send_to = 10.0.0.2:1306,10.0.0.3:1306
senders = 4
[collector]
listen: :1306
send_to = 10.0.0.4:1306
[fcollector]
listen = 1306
save_dir = /data/logs
odd = 1
[mgocollector]
listen = 1307
mongos = 10.0.0.9:27017
db = logs
[monitor]
hb_port = 9000
[logAgent]
local_level = 3
`;

describe('import of a Go configuration', () => {
  it('reads sections, both separators and comments', () => {
    const ini = parseIni(INI);
    assert.equal(ini.get('tail')?.get('recv_buffer_size'), '2000');
    assert.equal(ini.get('collector')?.get('listen'), ':1306');
  });

  it('gives configurations that are right, role by role', () => {
    const { nodes } = importIni(parseIni(INI));
    assert.deepEqual(
      nodes.map(({ role }) => role),
      ['tail', 'collector', 'fcollector', 'mgocollector'],
    );
    for (const { role, config } of nodes) {
      const loaded = parseConfig(stringify(config), logdOptions, {});
      assert.equal(loaded.ok, true, `${role}: ${JSON.stringify(loaded)}`);
    }
    const [tail, collector] = nodes;
    const agent = tail!.config['agent'] as { send_to: string; streams: { access: { path: string } } };
    assert.equal(agent.send_to, '10.0.0.2:1306, 10.0.0.3:1306');
    assert.equal(agent.streams.access.path, '/var/log/nginx/access.log.<%Y%m%d%H>');
    assert.deepEqual((collector!.config['relay'] as { listen: string }).listen, '0.0.0.0:1306');
  });

  it('says what has no counterpart', () => {
    const { nodes, notes } = importIni(parseIni(INI));
    assert.ok(nodes[0]!.notes.some((note) => note.startsWith('senders has no counterpart')));
    assert.ok(nodes[0]!.notes.some((note) => note.includes('var/line.rec')));
    assert.ok(nodes[2]!.notes.includes('odd = 1 has no counterpart.'));
    assert.ok(notes.some((note) => note.startsWith('[monitor]')));
    assert.ok(notes.some((note) => note.startsWith('[logAgent]')));
  });
});
