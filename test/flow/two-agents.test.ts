/** Two agents with one name: the sink says so as soon as the second connects; one that is killed and started again is no second one. */
import assert from 'node:assert/strict';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { flow } from './rig.ts';

flow('two-agents: a name that is connected twice is said at once, with both addresses', async (rig) => {
  await rig.configureSink();
  await rig.configureAgent({ host: 'web1', streams: ['access'] });
  const sink = await rig.start('sink');
  const first = await rig.start('web1');
  await sink.event('receive.connected');
  await first.end('SIGKILL');
  await rig.start('web1');
  await rig.until(
    'it is back',
    () => sink.events.filter(({ event }) => event === 'receive.connected').length === 2,
  );
  await cp(rig.path('web1.yaml'), rig.path('twin.yaml'));
  const config = await readFile(rig.path('twin.yaml'), 'utf8');
  await writeFile(
    rig.path('twin.yaml'),
    config.replaceAll(rig.path('state', 'web1'), rig.path('state', 'twin')),
  );
  await rig.start('twin');
  const { node, peer, other, level } = await sink.event('receive.name-twice');
  const [, again, twin] = sink.events.filter(({ event }) => event === 'receive.connected');
  assert.deepEqual([node, peer, other, level], ['web1', again!['peer'], twin!['peer'], 'error']);
  assert.equal(sink.events.filter(({ event }) => event === 'receive.name-twice').length, 1);
});
