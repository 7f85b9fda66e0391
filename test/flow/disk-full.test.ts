/**
 * The sink's disk is full, or fails: nothing is acked that is not durable, the sink lives, agents keep what they have; when there
 * is room again everything is sealed and equal.
 */
import assert from 'node:assert/strict';
import { mkdir, symlink } from 'node:fs/promises';
import { smallDisk } from '../house/needs.ts';
import { assertAudit, assertSealedEqual } from './compare.ts';
import { bytesOf, hoursFrom } from './lines.ts';
import { type NodeProcess, runLogd } from './process.ts';
import { flow, type Rig } from './rig.ts';

const HOURS = hoursFrom('2026112216', 3);
/** Each more than a small disk holds. */
const HOUR_BYTES = 250_000;
const ROOM = 128 << 10;

const writeHours = async (rig: Rig): Promise<void> => {
  await rig.configureAgent({ host: 'web1', streams: ['access'] });
  for (const [n, hour] of HOURS.entries())
    await rig.sources.write('web1', 'access', hour, bytesOf(`web1-${n}`, HOUR_BYTES));
};

const assertAlive = (nodes: readonly NodeProcess[]): void => {
  for (const { exit, tail } of nodes) assert.equal(exit, undefined, tail());
};

/** Not everything is sealed yet, and both nodes run. */
const assertStuckAndAlive = async (rig: Rig, nodes: readonly NodeProcess[]): Promise<void> => {
  assertAlive(nodes);
  const sealed = (await rig.segments()).filter(({ state }) => state === 'sealed');
  assert.ok(sealed.length < HOURS.length, 'the disk was not full');
};

for (const fault of ['sink.write:4:ENOSPC+', 'sink.before-sync:2:EIO+', 'sink.after-sync:3:EIO+'])
  flow(`disk-fails-injected: ${fault}, until the sink is killed and started again`, async (rig) => {
    await rig.configureSink();
    await writeHours(rig);
    const sink = await rig.start('sink', fault);
    const agent = await rig.start('web1');
    await agent.event('send.pack-deferred');
    await sink.event('store.failed');
    await assertStuckAndAlive(rig, [sink, agent]);
    await sink.end('SIGKILL');
    await rig.start('sink');
    await rig.sealed();
    assert.equal(agent.exit, undefined);
    await assertSealedEqual(rig);
    await assertAudit(rig, ['web1']);
  });

for (const fault of [
  'sink.before-sync:2:EIO',
  'sink.write:5:EIO',
  'sink.after-sync:1:EIO',
  'store.after-write:7:EIO',
])
  for (const compression of ['none', 'zstd'])
    flow(`disk-fails-once: ${fault}, ${compression}: not acked, sent again, equal`, async (rig) => {
      await rig.configureSink({ compression });
      await writeHours(rig);
      const sink = await rig.start('sink', fault);
      const agent = await rig.start('web1');
      const { code } = await agent.event('send.pack-deferred');
      assert.equal(code, 'storage');
      await rig.sealed();
      assert.deepEqual([sink.exit, agent.exit], [undefined, undefined]);
      await assertSealedEqual(rig, { compression: compression === 'zstd' ? 'zstd' : 'none' });
    });

for (const compression of ['none', 'zstd'])
  flow(
    `ledger-in-doubt: ${compression}: the sink ends, and the next one finds each pack once`,
    async (rig) => {
      await rig.configureSink({ compression });
      await writeHours(rig);
      const sink = await rig.start('sink', 'ledger.after-commit:3:EIO');
      await rig.start('web1');
      assert.match(String((await sink.event('node.failed')).reason), /may or may not be on the disk/);
      assert.deepEqual(await sink.ended, { code: 1, signal: null });
      await rig.start('sink');
      await rig.sealed('despite-errors');
      await assertSealedEqual(rig, { compression: compression === 'zstd' ? 'zstd' : 'none' });
    },
  );

flow('disk-full-store: a small file system for the stored files', async (rig, t) => {
  await using disk = await smallDisk(t, rig.path('stored'), ROOM);
  if (disk === undefined) return;
  await rig.configureSink();
  await writeHours(rig);
  const sink = await rig.start('sink');
  const agent = await rig.start('web1');
  const { reason } = await sink.event('store.failed');
  assert.match(String(reason), /^Disk full: cannot write .*\. Free space; no restart needed\.$/);
  const { stdout } = await runLogd(['status', '-c', rig.path('sink.yaml')]);
  assert.ok(stdout.replaceAll(/\s+/g, ' ').includes(`Disk full: ${rig.path('stored')}. Hours wait`), stdout);
  await agent.event('send.pack-deferred');
  await assertStuckAndAlive(rig, [sink, agent]);
  disk.grow(2 << 20);
  await rig.sealed();
  assertAlive([sink, agent]);
  await assertSealedEqual(rig);
  await assertAudit(rig, ['web1']);
  await sink.end('SIGKILL');
});

flow(
  'disk-full-all: the ledger and the markers are on the full disk, too',
  async (rig, t) => {
    await using disk = await smallDisk(t, rig.path('disk'), ROOM + (128 << 10));
    if (disk === undefined) return;
    for (const name of ['stored', 'received']) {
      await mkdir(rig.path('disk', name));
      await symlink(rig.path('disk', name), rig.path(name));
    }
    await symlink(rig.path('disk', 'ledger.db'), rig.path('ledger.db'));
    await rig.configureSink();
    await writeHours(rig);
    const sink = await rig.start('sink');
    const agent = await rig.start('web1');
    await sink.event('store.failed');
    await agent.event('send.pack-deferred');
    await assertStuckAndAlive(rig, [sink, agent]);
    disk.grow(24 << 20);
    await rig.sealed();
    assertAlive([sink, agent]);
    await assertSealedEqual(rig);
    await sink.end('SIGKILL');
  },
  60_000,
);
