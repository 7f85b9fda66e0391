/** The database of a node is deleted while it runs: it ends before it acknowledges anything more, and the next start loses nothing. */
import assert from 'node:assert/strict';
import { rename, rm } from 'node:fs/promises';
import { assertSealedEqual } from './compare.ts';
import { bytesOf } from './lines.ts';
import { flow, type Rig } from './rig.ts';

const [HOST, STREAM, HOUR] = ['web1', 'access', '2026112216'];

const arrived = (rig: Rig, bytes: number): Promise<void> =>
  rig.until(`${bytes} bytes have arrived`, async () =>
    (await rig.segments()).some((segment) => segment.bytes >= bytes),
  );

flow('database-removed: a sink whose ledger is moved away ends, and goes on when it is back', async (rig) => {
  await rig.configureSink();
  await rig.configureAgent({ host: HOST, streams: [STREAM], ends: 'by-successor' });
  const sink = await rig.start('sink');
  const agent = await rig.start(HOST);
  await rig.sources.append(HOST, STREAM, HOUR, bytesOf('one', 20_000));
  await arrived(rig, 10_000);
  const ledger = rig.path('ledger.db');
  await rename(ledger, `${ledger}.kept`);
  await rig.sources.append(HOST, STREAM, HOUR, bytesOf('two', 20_000));
  const { reason } = await sink.event('node.failed');
  assert.match(String(reason), /ledger\.db was removed or replaced .* Do not start the node without it/);
  assert.deepEqual(await sink.ended, { code: 1, signal: null });
  const refused = rig.spawn('sink');
  assert.match(
    String((await refused.event('node.not-started')).reason),
    /^The ledger .* is gone, or empty: restore it/,
  );
  assert.deepEqual(await refused.ended, { code: 1, signal: null });
  // Together with its -wal, which a node that has lost its database leaves as it is.
  await rename(`${ledger}.kept`, ledger);
  rig.spawn('sink');
  await arrived(rig, 30_000);
  await agent.end('SIGTERM');
  await rig.configureAgent({ host: HOST, streams: [STREAM], ends: 'by-clock' });
  rig.spawn(HOST);
  await rig.sealed();
  await assertSealedEqual(rig);
});

flow('database-removed: an agent whose marks are deleted says so and ends', async (rig) => {
  await rig.configureSink();
  await rig.configureAgent({ host: HOST, streams: [STREAM], ends: 'by-successor' });
  await rig.start('sink');
  const agent = await rig.start(HOST);
  await rig.sources.append(HOST, STREAM, HOUR, bytesOf('one', 20_000));
  await arrived(rig, 10_000);
  await rm(rig.path('state', HOST, 'marks.db'));
  await rig.sources.append(HOST, STREAM, HOUR, bytesOf('two', 20_000));
  assert.match(
    String((await agent.event('node.failed')).reason),
    /marks\.db was removed or replaced .* the marks of this/,
  );
  assert.deepEqual(await agent.ended, { code: 1, signal: null });
});
