/**
 * Each single pack of an hour removed or damaged at a relay, and damaged on the way: it comes again, and the hour is what its agent read. What a
 * relay lost it says.
 */
import assert from 'node:assert/strict';
import { open, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { readLengths, RECORD_PREFIX, type RecordHeader } from '../../src/spool/record.ts';
import { assertSealedEqual } from './compare.ts';
import { startBadRoad } from './bad-road.ts';
import { bytesOf, hoursFrom, randomFrom, seedOf } from './lines.ts';
import { startProxy } from './proxy.ts';
import { freePort, onRig, type Rig } from './rig.ts';

const [HOST, STREAM] = ['web1', 'access'];
const PACKS = 6;
const BYTES = PACKS * 4096 - 100;

interface Spooled {
  readonly path: string;
  readonly at: number;
  readonly headBytes: number;
  readonly bytes: number;
  readonly hour: string;
  readonly id: number;
  readonly isLast: boolean;
}

const recordsOf = async (path: string): Promise<Spooled[]> => {
  const bytes = await readFile(path);
  const found: Spooled[] = [];
  for (let at = 0; at < bytes.length;) {
    const lengths = readLengths(bytes.subarray(at, at + RECORD_PREFIX), bytes.length - at);
    assert.ok(lengths, `${path} is whole`);
    const headBytes = RECORD_PREFIX + lengths.header;
    const json = bytes.subarray(at + RECORD_PREFIX, at + headBytes).toString();
    const { hour, id, done } = (JSON.parse(json) as RecordHeader).pack;
    const isLast = done !== undefined;
    found.push({ path, at, headBytes, bytes: headBytes + lengths.body, hour, id, isLast });
    at += headBytes + lengths.body;
  }
  return found;
};

const spooledPacks = async (dir: string): Promise<Spooled[]> => {
  const names = (await readdir(dir)).filter((name) => name.endsWith('.spool'));
  return (await Promise.all(names.map((name) => recordsOf(join(dir, name))))).flat();
};

const change = async ({ path }: Spooled, at: number): Promise<void> => {
  const file = await open(path, 'r+');
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, at);
  await file.write(Buffer.from([buffer[0]! ^ 0x20]), 0, 1, at);
  await file.close();
};

/** What happens to a record. */
const HARM: Readonly<Record<string, (record: Spooled) => Promise<void>>> = {
  'its body is damaged': (record) => change(record, record.at + record.bytes - 3),
  'its header is damaged': (record) => change(record, record.at + RECORD_PREFIX + 5),
  'its lengths are damaged': (record) => change(record, record.at + 9),
  'it is removed': async ({ path, at, bytes }) => {
    const file = await readFile(path);
    await writeFile(path, Buffer.concat([file.subarray(0, at), file.subarray(at + bytes)]));
  },
};

const configureRelay = (rig: Rig, port: number, to: number): Promise<string> =>
  rig.configure('relay1', {
    relay: {
      listen: `127.0.0.1:${port}`,
      send_to: `127.0.0.1:${to}`,
      retry: { min: '10ms', max: '100ms' },
      patience: '50ms',
    },
  });

const configureAgent = (rig: Rig, port: number): Promise<string> =>
  rig.configureAgent({ host: HOST, streams: [STREAM], settings: { send_to: `127.0.0.1:${port}` } });

describe('repull-relay', { concurrency: 2 }, () => {
  for (const [what, harm] of Object.entries(HARM))
    it(`each pack of an hour in the spool of a relay, each in an hour of its own: ${what}`, (t) =>
      onRig(t, async (rig) => {
        const port = await freePort();
        await rig.configureSink({}, { repull_after: '300ms' });
        await configureRelay(rig, port, rig.port);
        await configureAgent(rig, port);
        const first = await rig.start('relay1');
        await rig.start(HOST);
        const hours = hoursFrom('2026112200', PACKS);
        for (const hour of hours) await rig.sources.write(HOST, STREAM, hour, bytesOf(hour, BYTES));
        const dir = rig.path('state', 'relay1', 'spool');
        await rig.until('everything is in the spool', async () => {
          const held = await readdir(rig.path('state', HOST, 'held'));
          // While a file is being written its end is not whole.
          const spooled = await spooledPacks(dir).catch(() => []);
          return held.length === 0 && spooled.filter(({ isLast }) => isLast).length === hours.length;
        });
        await first.end('SIGKILL');
        // Later ones first: those before them stay where they are.
        const victims = (await spooledPacks(dir))
          .filter(({ hour, id }) => hours[id - 1] === hour)
          .sort((a, b) => b.at - a.at);
        assert.equal(victims.length, PACKS);
        for (const victim of victims) await harm(victim);
        const relay = await rig.start('relay1');
        await rig.start('sink');
        await rig.sealed('despite-errors');
        await assertSealedEqual(rig);
        const told = relay.events.filter(({ event }) => /^spool\.(pack-)?damaged$|^spool\.torn$/.test(event));
        assert.equal(told.length, what === 'it is removed' ? 0 : PACKS, 'each is told, and no more');
      }));

  it('each pack of an hour is damaged on its way to a relay, which has no look into bodies', (t) =>
    onRig(t, async (rig) => {
      const port = await freePort();
      await rig.configureSink({}, { repull_after: '300ms' });
      await configureRelay(rig, port, rig.port);
      const damaged = new Set<string>();
      const proxy = await startProxy(
        port,
        ({ seq, header, body }, road) => {
          const name = `${header.hour}/${header.id}`;
          const bytes = Buffer.from(body);
          if (!damaged.has(name) && bytes.length > 0) bytes[bytes.length >> 1]! ^= 1;
          damaged.add(name);
          road.pass({ seq, header, body: bytes });
        },
        true,
      );
      t.after(() => proxy[Symbol.asyncDispose]());
      await configureAgent(rig, proxy.port);
      for (const name of ['relay1', HOST]) await rig.start(name);
      await rig.sources.write(HOST, STREAM, '2026112200', bytesOf('spooled', BYTES));
      await rig.until('it is acknowledged', () => damaged.size >= PACKS);
      await rig.released(HOST);
      await rig.start('sink');
      await rig.sealed('despite-errors');
      await rig.sources.write(HOST, STREAM, '2026112201', bytesOf('passed on', BYTES));
      await rig.sealed('despite-errors');
      await assertSealedEqual(rig);
      assert.ok(damaged.size >= 2 * PACKS);
    }));

  it('bytes of frames change on every part of the way', (t) =>
    onRig(t, async (rig) => {
      const seed = seedOf();
      t.diagnostic(`LOGD_SEED=${seed}`);
      const random = randomFrom(seed);
      const port = await freePort();
      const roads = [await startBadRoad(port, random), await startBadRoad(rig.port, random)];
      for (const road of roads) t.after(() => road[Symbol.asyncDispose]());
      await rig.configureSink({}, { repull_after: '300ms' });
      await configureRelay(rig, port, roads[1]!.port);
      await configureAgent(rig, roads[0]!.port);
      for (const road of roads) road.weather = { delay: 0, resetAfter: 0, silent: 0, flipAfter: 20_000 };
      for (const name of ['sink', 'relay1', HOST]) await rig.start(name);
      const isEnough = (): boolean => roads.every(({ flips }) => flips > 5);
      for (const [n, hour] of hoursFrom('2026112200', 60).entries()) {
        if (n >= 4 && isEnough()) break;
        await rig.sources.write(HOST, STREAM, hour, bytesOf(hour, 5 * BYTES, random));
        await sleep(n < 4 ? 0 : 200);
      }
      await rig.until('enough has changed', isEnough);
      for (const road of roads) road.weather = { delay: 0, resetAfter: 0, silent: 0, flipAfter: 0 };
      await rig.sealed('despite-errors');
      await assertSealedEqual(rig);
    }));
});
