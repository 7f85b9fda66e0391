/** A ledger that was restored from an older copy, or was lost: agents send again what it does not know, and every hour is sealed. */
import assert from 'node:assert/strict';
import { copyFile, readdir, rename, rm } from 'node:fs/promises';
import { assertSealedEqual } from './compare.ts';
import { bytesOf } from './lines.ts';
import { flow, freePort, type Rig } from './rig.ts';

const [HOST, STREAM] = ['web1', 'access'];

const sealedHours = (rig: Rig, count: number): Promise<void> =>
  rig.until(`${count} hours are sealed`, async () => {
    const sealed = (await rig.segments()).filter(({ state }) => state === 'sealed');
    return sealed.length >= count;
  });

const stopSink = async (rig: Rig, sink: Awaited<ReturnType<Rig['start']>>): Promise<void> => {
  // First, so that the sink is the last that closes it, and all of it is in its file.
  await rig.forgetLedger();
  await sink.end('SIGTERM');
};

for (const compression of ['none', 'zstd'] as const)
  flow(`ledger-older: a copy from before two hours gets them again (${compression})`, async (rig) => {
    await rig.configureSink({ compression });
    await rig.configureAgent({ host: HOST, streams: [STREAM] });
    const sink = await rig.start('sink');
    const agent = await rig.start(HOST);
    await rig.sources.append(HOST, STREAM, '2026112213', bytesOf('one', 20_000));
    await sealedHours(rig, 1);
    await stopSink(rig, sink);
    const [ledger, copy] = [rig.path('ledger.db'), rig.path('ledger.copy')];
    await copyFile(ledger, copy);
    const second = await rig.start('sink');
    await rig.sources.append(HOST, STREAM, '2026112214', bytesOf('two', 20_000));
    await rig.sources.append(HOST, STREAM, '2026112215', bytesOf('three', 20_000));
    await sealedHours(rig, 3);
    await stopSink(rig, second);
    await rename(copy, ledger);
    const third = await rig.start('sink');
    await third.event('receive.ledger-older');
    assert.equal((await agent.event('send.sent-again')).hours, 2);
    await rig.sealed();
    await assertSealedEqual(rig, { compression });
    const aside = await readdir(rig.path('stored', '.logd-aside'), { recursive: true });
    assert.deepEqual(
      aside.filter((name) => /\.log(?:\.zst)?(?:\.\d+)?$/.test(name)),
      [],
      'what was put aside is the same, and is removed',
    );
  });

flow(
  'ledger-older: a new ledger in the place of a lost one gets every hour whose files are there',
  async (rig) => {
    await rig.configureSink();
    await rig.configureAgent({ host: HOST, streams: [STREAM] });
    const sink = await rig.start('sink');
    const agent = await rig.start(HOST);
    for (const hour of ['2026112213', '2026112214', '2026112215'])
      await rig.sources.append(HOST, STREAM, hour, bytesOf(hour, 20_000));
    await sealedHours(rig, 3);
    await rig.released(HOST);
    await stopSink(rig, sink);
    for (const name of await readdir(rig.dir))
      if (name.startsWith('ledger.db') || name.startsWith('.logd-ledger')) await rm(rig.path(name));
    await rm(rig.sources.path(HOST, STREAM, '2026112213'));
    await rig.start('sink');
    assert.equal((await agent.event('send.not-again')).hour, '2026112213');
    await sealedHours(rig, 2);
    assert.equal((await agent.event('send.sent-again')).hours, 2);
    assert.deepEqual(
      (await rig.segments()).map(({ hour, state }) => [hour, state]),
      [
        ['2026112214', 'sealed'],
        ['2026112215', 'sealed'],
      ],
    );
  },
);

flow('ledger-older: an agent behind a relay sends again what the ledger behind it lost', async (rig) => {
  const relayPort = await freePort();
  await rig.configureSink();
  await rig.configure('relay', {
    relay: {
      listen: `127.0.0.1:${relayPort}`,
      send_to: `127.0.0.1:${rig.port}`,
      retry: { min: '10ms', max: '100ms' },
    },
  });
  await rig.configureAgent({
    ...{ host: HOST, streams: [STREAM], settings: { send_to: `127.0.0.1:${relayPort}` } },
  });
  const sink = await rig.start('sink');
  await rig.start('relay');
  const agent = await rig.start(HOST);
  await rig.sources.append(HOST, STREAM, '2026112213', bytesOf('one', 20_000));
  await sealedHours(rig, 1);
  await stopSink(rig, sink);
  await copyFile(rig.path('ledger.db'), rig.path('ledger.copy'));
  const second = await rig.start('sink');
  await rig.sources.append(HOST, STREAM, '2026112214', bytesOf('two', 20_000));
  await sealedHours(rig, 2);
  await stopSink(rig, second);
  await rename(rig.path('ledger.copy'), rig.path('ledger.db'));
  await rig.start('sink');
  // An ack of the sink tells the agent, which stays connected to the relay, that the sink was started again. What the relay's own
  // spool has acked while the sink was away tells it nothing: so another hour follows once the sink has one.
  await rig.sources.append(HOST, STREAM, '2026112215', bytesOf('three', 20_000));
  await rig.until('the sink has the hour', async () =>
    (await readdir(rig.path('received'))).some((name) => name.startsWith(`${HOST}_${STREAM}_2026112215_`)),
  );
  await rig.sources.append(HOST, STREAM, '2026112216', bytesOf('four', 20_000));
  assert.equal((await agent.event('send.sent-again')).hours, 1);
  await rig.sealed();
  await assertSealedEqual(rig);
});
