import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { stringify } from 'yaml';
import { type GoFiles, NO_FILES } from '../../src/config/go-roles.ts';
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
collection = requests
savers = 20
bulk_size = 50
upsert = 1
[etlcollector]
listen = 1308
columns_file = etc/colsmap.json
spider_list = /etc/spiders
[receiver]
db_host = db1
db_uname = mon
db_passwd = hunter2
db_db = logmon
recv_port = 9001
[heart_beat]
check_interval = 20
[monitor]
mon_addr = 10.0.0.8:9001
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
    const { nodes } = importIni(parseIni(INI), { ...NO_FILES, base: '/opt/go' });
    assert.deepEqual(
      nodes.map(({ role }) => role),
      ['tail', 'collector', 'fcollector', 'mgocollector', 'etlcollector', 'monitor'],
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

  const configOf = (role: string, files: Partial<GoFiles> = {}): Record<string, Record<string, unknown>> => {
    const { nodes } = importIni(parseIni(INI), { ...NO_FILES, base: '/opt/go', ...files });
    return nodes.find((node) => node.role === role)!.config as Record<string, Record<string, unknown>>;
  };

  it('takes over the values of MongoDB, the ETL and the monitor', () => {
    assert.deepEqual(configOf('mgocollector')['sink']?.['outputs'], {
      mongodb: {
        ...{ kind: 'mongodb', uri: 'mongodb://10.0.0.9:27017/', streams: 'access', write_concern: '2' },
        ...{ database: 'logs{day}', collection: 'requests', document: 'go-logd', mode: 'upsert' },
        ...{ key: 'transaction_id', without_key: 'skip', savers: 20, batch_docs: 50 },
      },
    });
    assert.deepEqual(configOf('etlcollector')['sink']?.['outputs'], {
      etl: {
        ...{
          kind: 'etl',
          streams: 'access',
          format: 'vhost_combined',
          form: 'hive',
          dir: '/var/lib/logd/etl',
        },
        ...{ columns_file: '/opt/go/etc/colsmap.json', spiders_file: '/etc/spiders' },
      },
    });
    assert.deepEqual(configOf('monitor')['monitor'], {
      ...{ listen: '127.0.0.1:7669', go_listen: '0.0.0.0:9001', check_interval: '20s' },
      store: {
        ...{ kind: 'mariadb', host: 'db1', port: '3306', user: 'mon', database: 'logmon' },
        password_file: '/etc/logd/mariadb-password',
      },
    });
    assert.equal(configOf('tail')['report']?.['to'], 'http://10.0.0.8:7669');
    assert.ok(!JSON.stringify(importIni(parseIni(INI))).includes('hunter2'), 'no password is copied');
  });

  it('starts the agent with the hour of the position, and finds the pattern in its name', () => {
    const ini = parseIni('[tail]\nlog_file = logs/access.log\nrecord_file = var/line.rec\n');
    const position = { file: 'logs/access.log.2026112216', lines: 4711 };
    const { nodes } = importIni(ini, { ...NO_FILES, base: '/opt/go', position });
    assert.deepEqual((nodes[0]!.config['agent'] as { streams: object }).streams, {
      access: { path: '/opt/go/logs/access.log.<%Y%m%d%H>', start: '2026112216' },
    });
    assert.ok(nodes[0]!.notes.some((note) => note.includes('4711 lines')));
  });

  it('says when the position cannot be taken over, and which tags there are', () => {
    const files = { ...NO_FILES, faults: new Map([['var/line.rec', 'It is empty.']]) };
    const { nodes } = importIni(parseIni(INI), { ...files, lastTags: new Map([['10.0.0.1', '2026112215']]) });
    assert.ok(nodes[0]!.notes.some((note) => note.includes('could not be taken over: It is empty.')));
    assert.ok(nodes[2]!.notes.some((note) => note.includes('10.0.0.1 up to 2026112215')));
  });

  it('says what has no counterpart', () => {
    const { nodes, notes } = importIni(parseIni(INI));
    assert.ok(nodes[0]!.notes.some((note) => note.startsWith('senders has no counterpart')));
    assert.ok(nodes[0]!.notes.some((note) => note.includes('var/line.rec')));
    assert.ok(nodes[2]!.notes.includes('odd = 1 has no counterpart.'));
    assert.ok(!notes.some((note) => note.startsWith('[monitor]')));
    assert.ok(notes.some((note) => note.startsWith('[logAgent]')));
  });
});
