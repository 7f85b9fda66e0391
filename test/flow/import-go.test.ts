/** A Go node's directory is taken over: its position, column map and tags; the agent goes on in the hour where the Go node was. */
import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { it } from 'node:test';
import { parse } from 'yaml';
import { assertSealedEqual } from './compare.ts';
import { bytesOf, hoursFrom } from './lines.ts';
import { runLogd } from './process.ts';
import { onRig } from './rig.ts';

const INI = (log: string): string => `
[tail]
log_file = ${log}.2006010215
record_file = var/line.rec
send_to = 127.0.0.1:1306
[etlcollector]
listen = 1308
columns_file = colsmap.json
ip_black_list = missing.txt
`;

const HOURS = hoursFrom('2026112214', 4);

it('import of a Go node: nothing is left out from the hour of its position on', (t) =>
  onRig(t, async (rig) => {
    await rig.configureSink();
    for (const hour of HOURS.slice(1)) await rig.sources.write('web1', 'access', hour, bytesOf(hour, 20_000));
    const log = rig.sources.path('web1', 'access', '');
    // An hour that the Go node has sent: it is not among what is expected.
    await writeFile(`${log}${HOURS[0]}`, bytesOf('before', 5000));
    await mkdir(rig.path('go', 'var'), { recursive: true });
    await mkdir(rig.path('go', 'received'));
    await writeFile(rig.path('go', 'received', `10.0.0.1_${HOURS[0]}_1838`), '');
    await writeFile(rig.path('go', 'config.ini'), INI(log.replace(/\.$/, '')));
    await writeFile(rig.path('go', 'var', 'line.rec'), `${log}${HOURS[1]} 100\n`);
    await writeFile(
      rig.path('go', 'colsmap.json'),
      '{"access":{"columns":["event_time",""],"partitions":["event_day"]}}',
    );

    const { code, stdout, stderr } = await runLogd([
      'import',
      rig.path('go', 'config.ini'),
      '--dir',
      rig.dir,
    ]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /tail\.yaml/);
    const etl = await readFile(rig.path('etlcollector.yaml'), 'utf8');
    assert.match(etl, new RegExp(`columns_file: ${rig.path('go', 'colsmap.json')}`));
    assert.match(etl, /ip_black_list = missing\.txt cannot be used as it is: .*no such file/);
    assert.ok(etl.includes(`10.0.0.1 up to ${HOURS[0]}`));

    const { agent } = parse(await readFile(rig.path('tail.yaml'), 'utf8')) as {
      agent: { streams: { access: { path: string; start: string } } };
    };
    assert.equal(agent.streams.access.start, HOURS[1]);
    await rig.configureAgent({ host: 'web1', streams: { access: { ...agent.streams.access } } });
    await rig.start('sink');
    await rig.start('web1');
    await rig.sealed();
    await assertSealedEqual(rig);
    assert.equal((await rig.segments()).length, HOURS.length - 1, 'the hour before was left to the Go node');
  }));
