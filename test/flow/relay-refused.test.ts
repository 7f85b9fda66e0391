/** A pack that the sink refuses for good after the relay has acknowledged it: kept, shown, sent again by hand, and then everything is sealed. */
import assert from 'node:assert/strict';
import { bytesOf, randomFrom } from './lines.ts';
import { assertSealedEqual } from './compare.ts';
import { runLogd } from './process.ts';
import { flow } from './rig.ts';

flow(
  'relay-refused-retry',
  async (rig, t) => {
    const port = rig.port + 1;
    await rig.configureSink({}, { limits: { pack_bytes: '64KiB' } });
    const config = await rig.configure('relay', {
      relay: {
        listen: `127.0.0.1:${port}`,
        send_to: `127.0.0.1:${rig.port}`,
        retry: { min: '10ms', max: '50ms' },
        patience: '50ms',
      },
    });
    await rig.configureAgent({
      host: 'web1',
      streams: ['access'],
      settings: { send_to: `127.0.0.1:${port}`, pack: { size: '100KiB', max_delay: '20ms' } },
    });
    const relay = await rig.start('relay');
    await rig.start('web1');
    await rig.sources.write('web1', 'access', '2026112200', bytesOf('x', 300_000, randomFrom(2)));
    await relay.event('spool.taking-over');
    const sink = await rig.start('sink');
    await relay.event('spool.pack-refused');
    await rig.until('packs are kept', async () => {
      const { stdout, code } = await runLogd(['spool', 'list', '-c', config]);
      return code === 0 && stdout.includes('web1_access_2026112200_1') && stdout.includes('limit');
    });
    await relay.end('SIGKILL');
    await rig.start('relay');
    await sink.end('SIGTERM');
    await rig.configureSink();
    await rig.start('sink');
    const listed = await runLogd(['spool', 'list', '-c', config, '--json']);
    const { refused } = JSON.parse(listed.stdout) as { refused: readonly unknown[] };
    assert.ok(refused.length >= 2);
    const retried = await runLogd(['spool', 'retry', '-c', config, '--all']);
    assert.equal(retried.code, 0, retried.stderr);
    await rig.until('the hour is sealed', async () =>
      (await rig.segments()).some(({ state }) => state === 'sealed'),
    );
    await assertSealedEqual(rig, { compression: 'none' });
    const after = await runLogd(['spool', 'list', '-c', config]);
    assert.match(after.stdout, /No pack has been refused/);
    t.diagnostic(`${refused.length} packs were refused and sent again`);
  },
  60_000,
);
