/**
 * agent → relay1 → relay2 → sink, with what can happen on such a road. Afterwards every hour is sealed and equal, byte for byte.
 * `LOGD_SEED` gives the seed of a run that failed.
 */
import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertSealedEqual } from './compare.ts';
import { type BadRoad, startBadRoad } from './bad-road.ts';
import { bytesOf, hoursFrom, linesOf, randomFrom, seedOf } from './lines.ts';
import type { NodeProcess } from './process.ts';
import { freePort, onRig, type Rig } from './rig.ts';

const configureRelay = (
  rig: Rig,
  name: string,
  port: number,
  to: number | string,
  more: object = {},
): Promise<string> =>
  rig.configure(name, {
    relay: {
      listen: `127.0.0.1:${port}`,
      send_to: typeof to === 'number' ? `127.0.0.1:${to}` : to,
      retry: { min: '10ms', max: '100ms' },
      patience: '50ms',
      ...more,
    },
  });

interface Chain {
  readonly roads: readonly BadRoad[];
  readonly relays: readonly number[];
}

const configureAgent = (rig: Rig, port: number, ends: 'by-clock' | 'by-successor'): Promise<string> =>
  rig.configureAgent({
    host: 'web1',
    streams: ['access', 'error'],
    settings: { send_to: `127.0.0.1:${port}` },
    ends,
  });

/** A road before each of the nodes behind the agent. */
const buildChain = async (
  t: TestContext,
  rig: Rig,
  random: () => number,
  relay: object = {},
): Promise<Chain> => {
  const relays = [await freePort(), await freePort()];
  const roads: BadRoad[] = [];
  for (const port of [...relays, rig.port]) {
    const road = await startBadRoad(port, random);
    t.after(() => road[Symbol.asyncDispose]());
    roads.push(road);
  }
  await rig.configureSink();
  await configureRelay(rig, 'relay1', relays[0]!, roads[1]!.port, relay);
  await configureRelay(rig, 'relay2', relays[1]!, roads[2]!.port, relay);
  await configureAgent(rig, roads[0]!.port, 'by-clock');
  return { roads, relays };
};

const said = (node: NodeProcess, event: string): number =>
  node.events.filter((one) => one.event === event).length;

const isEmptySpool = async (rig: Rig, relay: string): Promise<boolean> =>
  (await readdir(rig.path('state', relay, 'spool'))).every((name) => !name.endsWith('.spool'));

const NODES = ['web1', 'relay1', 'relay2', 'sink'] as const;

describe('relay-chain', { concurrency: 2 }, () => {
  it('forwards packs over two relays', (t) =>
    onRig(t, async (rig) => {
      await buildChain(t, rig, randomFrom(1));
      for (const name of NODES.toReversed()) await rig.start(name);
      for (const hour of hoursFrom('2026112200', 3))
        for (const stream of ['access', 'error'])
          await rig.sources.write('web1', stream, hour, bytesOf(`${stream} ${hour}`, 60_000));
      await rig.sealed();
      await assertSealedEqual(rig, { compression: 'none' });
    }));

  it('survives random kills of every node, cuts, delays and silences of every connection', (t) =>
    onRig(
      t,
      async (rig) => {
        const seed = seedOf();
        t.diagnostic(`LOGD_SEED=${seed}`);
        const random = randomFrom(seed);
        const { roads } = await buildChain(t, rig, random);
        await configureAgent(rig, roads[0]!.port, 'by-successor');
        await rig.warmUp([...NODES].toReversed());
        for (const road of roads) road.weather = { delay: 3, resetAfter: 60_000, silent: 5 };
        const nodes = new Map<string, NodeProcess>();
        for (const name of NODES) nodes.set(name, rig.spawn(name));
        const hours = hoursFrom('2026112200', 4);
        for (let kill = 0; kill < 24; kill++) {
          const hour = hours[Math.floor(kill / 6)]!;
          for (const stream of ['access', 'error'])
            await rig.sources.append('web1', stream, hour, linesOf(stream, kill * 400, 300, random));
          const name = NODES[Math.floor(random() * NODES.length)]!;
          const node = nodes.get(name)!;
          if (random() < 0.8) await node.event('node.started');
          await sleep(random() * 300);
          const { signal } = await node.end('SIGKILL');
          assert.equal(signal, 'SIGKILL');
          nodes.set(name, rig.spawn(name));
        }
        for (const road of roads) road.weather = { delay: 0, resetAfter: 200_000, silent: 0 };
        // No file follows the last hour: it ends by the clock.
        await nodes.get('web1')!.end('SIGKILL');
        await configureAgent(rig, roads[0]!.port, 'by-clock');
        rig.spawn('web1');
        await rig.sealed();
        await assertSealedEqual(rig, { compression: 'none' });
        for (const relay of ['relay1', 'relay2'])
          await rig.until(`the spool of ${relay} is empty`, () => isEmptySpool(rig, relay));
      },
      90_000,
    ));

  it('makes progress over links that reset every connection after a few KB', (t) =>
    onRig(t, async (rig) => {
      const { roads } = await buildChain(t, rig, randomFrom(3));
      for (const road of roads) road.weather = { delay: 0, resetAfter: 40_000, silent: 0 };
      for (const name of NODES.toReversed()) await rig.start(name);
      await rig.sources.write('web1', 'access', '2026112200', bytesOf('access', 400_000));
      await rig.sealed();
      await assertSealedEqual(rig, { compression: 'none' });
      assert.ok(roads.every(({ connections }) => connections > 3));
    }));

  it('makes progress over links that reset every connection after a few KB, each pack far larger than that', (t) =>
    onRig(t, async (rig) => {
      const random = randomFrom(8);
      const { roads } = await buildChain(t, rig, random);
      await rig.configureAgent({
        ...{ host: 'web1', streams: ['access'], ends: 'by-clock' },
        settings: { send_to: `127.0.0.1:${roads[0]!.port}`, pack: { size: '256KiB', max_delay: '50ms' } },
      });
      for (const road of roads) road.weather = { delay: 0, resetAfter: 8_000, silent: 0 };
      for (const name of NODES.toReversed()) await rig.start(name);
      await rig.sources.write('web1', 'access', '2026112200', bytesOf('access', 600_000, random));
      await rig.sealed();
      await assertSealedEqual(rig, { compression: 'none' });
      t.diagnostic(`connections: ${roads.map(({ connections }) => connections).join(', ')}`);
      assert.ok(roads.every(({ connections }) => connections > 5));
    }));

  it('keeps packs while the sink is away, longer than the spool can take, and says so', (t) =>
    onRig(t, async (rig) => {
      await buildChain(t, rig, randomFrom(4), { spool: { size: '1MiB' }, memory: '64KiB' });
      const relay2 = await rig.start('relay2');
      const relay1 = await rig.start('relay1');
      await rig.start('web1');
      const random = randomFrom(5);
      for (const hour of hoursFrom('2026112200', 4))
        await rig.sources.write('web1', 'access', hour, bytesOf(hour, 3_000_000, random));
      await relay2.event('spool.full');
      await relay1.event('spool.full');
      await relay1.end('SIGKILL');
      await rig.start('relay1');
      await rig.start('sink');
      await rig.sealed();
      await assertSealedEqual(rig, { compression: 'none' });
      assert.ok(said(relay2, 'spool.taking-over') > 0);
      for (const relay of ['relay1', 'relay2'])
        await rig.until(`the spool of ${relay} is empty`, () => isEmptySpool(rig, relay));
    }));

  for (const point of ['spool.before-write', 'spool.before-sync', 'spool.after-sync'])
    it(`loses nothing when a relay is killed at ${point}, or its disk fails there`, (t) =>
      onRig(t, async (rig) => {
        await buildChain(t, rig, randomFrom(6));
        await rig.start('web1');
        let node = rig.spawn('relay1', `${point}:3`);
        // Nobody is behind relay1, so that packs go to its spool.
        await rig.sources.write('web1', 'access', '2026112200', bytesOf('one', 3_000_000));
        assert.equal((await node.ended).signal, 'SIGKILL');
        node = rig.spawn('relay1', `${point}:2:ENOSPC`);
        await rig.sources.write('web1', 'access', '2026112201', bytesOf('two', 3_000_000));
        // The disk has no room: senders wait, and it is tried again.
        assert.equal((await node.event('spool.full')).reason, 'disk');
        await node.event('spool.taking-again');
        await rig.start('relay2');
        await rig.start('sink');
        await rig.sealed();
        await assertSealedEqual(rig, { compression: 'none' });
      }));

  it('moves streams to the other relay when one goes, and back', (t) =>
    onRig(t, async (rig) => {
      const { relays } = await buildChain(t, rig, randomFrom(7));
      for (const [index, name] of ['relay1', 'relay2'].entries())
        await configureRelay(rig, name, relays[index]!, rig.port);
      const streams = ['access', 'error', 'audit', 'debug'];
      await rig.configureAgent({
        ...{ host: 'web1', streams, ends: 'by-clock' },
        settings: { send_to: relays.map((port) => `127.0.0.1:${port}`).join(', '), slow_start: '100ms' },
      });
      await rig.start('sink');
      const relay1 = await rig.start('relay1');
      await rig.start('relay2');
      const web1 = await rig.start('web1');
      const write = async (hour: string): Promise<void> => {
        for (const stream of streams)
          await rig.sources.write('web1', stream, hour, bytesOf(`${stream} ${hour}`, 50_000));
      };
      await write('2026112200');
      await rig.sealed();
      await relay1.end('SIGKILL');
      await write('2026112201');
      await rig.sealed();
      await rig.start('relay1');
      await rig.until('the agent is connected again', () => said(web1, 'send.connected') >= 3);
      await write('2026112202');
      await rig.sealed();
      await assertSealedEqual(rig, { compression: 'none' });
    }));
});
