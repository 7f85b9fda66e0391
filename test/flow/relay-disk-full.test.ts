/**
 * The disk of a relay's spool is truly full while the sink is away: the relay says so and takes no more, agents keep what they have, also over
 * `kill -9`; when the sink is there everything is sealed and equal.
 */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { smallDisk } from '../house/needs.ts';
import { assertSealedEqual } from './compare.ts';
import { bytesOf, hoursFrom, randomFrom } from './lines.ts';
import { freePort, flow } from './rig.ts';

const ROOM = 256 << 10;

flow('relay-disk-full: a small file system for the spool', async (rig, t) => {
  const dir = rig.path('spool');
  await using disk = await smallDisk(t, dir, ROOM);
  if (disk === undefined) return;
  const port = await freePort();
  await rig.configureSink();
  await rig.configure('relay1', {
    relay: {
      listen: `127.0.0.1:${port}`,
      send_to: `127.0.0.1:${rig.port}`,
      retry: { min: '10ms', max: '100ms' },
      patience: '50ms',
      spool: { dir, size: '1GiB' },
    },
  });
  await rig.configureAgent({
    ...{ host: 'web1', streams: ['access'] },
    settings: { send_to: `127.0.0.1:${port}` },
  });
  const random = randomFrom(11);
  for (const hour of hoursFrom('2026112200', 3))
    await rig.sources.write('web1', 'access', hour, bytesOf(hour, 2_000_000, random));
  const relay = await rig.start('relay1');
  const agent = await rig.start('web1');
  assert.equal((await relay.event('spool.full')).reason, 'disk');
  // Tried again and again, without a word to the agent.
  await sleep(1500);
  const said = agent.events.map(({ event }) => event);
  assert.ok(!said.includes('send.pack-deferred'), 'no pack was sent back');
  assert.equal(relay.events.filter(({ event }) => event === 'spool.full').length, 1, 'it is said once');
  await relay.end('SIGKILL');
  const again = await rig.start('relay1');
  assert.equal((await again.event('spool.full')).reason, 'disk');
  await rig.start('sink');
  await again.event('spool.taking-again');
  await rig.sealed();
  await assertSealedEqual(rig);
  assert.deepEqual([again.exit, agent.exit], [undefined, undefined]);
  await again.end('SIGTERM');
});
