/**
 * A sink that is killed again and again while hostile clients keep at it, each in its own way: what the agents beside them send is
 * sealed and equal all the same.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { encodeFrame } from '../../src/transport/tcp/frame.ts';
import { cutInto } from '../commit/packs.ts';
import { changed, keyOf } from './hostile-rig.ts';
import { openRaw, OPENING, packFrame, type RawClient } from '../transport/tcp/rig.ts';
import { assertSealedEqual } from './compare.ts';
import { hoursFrom, linesOf, randomFrom, seedOf } from './lines.ts';
import { flow } from './rig.ts';

const KILLS = 8;
const LIFE_MS = 700;
const HOSTS = ['web1', 'web2'] as const;
const MIB = 1 << 20;

/** What a hostile client does on each of its connections. */
type Malice = (client: RawClient) => void;

const malices = async (): Promise<readonly (readonly [clients: number, malice: Malice])[]> => {
  const line = Buffer.from('x\n');
  const [large] = await cutInto([Buffer.alloc(16 * MIB, line)], {
    key: keyOf('large'),
    codec: 'zstd',
    ends: [],
  });
  const [small] = await cutInto([line], { key: keyOf('bad'), ends: [] });
  const claim = encodeFrame('PACK', { seq: 1, ...changed(large!, { codec: 'none' }).header }, 16 * MIB);
  return [
    // Says nothing.
    [80, () => undefined],
    // Claims much and stalls.
    [4, (client) => client.send(OPENING, claim, Buffer.alloc(10))],
    // Large packs, as many as the window takes, and never reads an answer.
    [
      3,
      (client) => {
        client.socket.pause();
        client.send(OPENING);
        for (let seq = 1; seq <= 8; seq++) client.send(packFrame(seq, large!));
      },
    ],
    [2, (client) => client.send(OPENING, ...Array.from({ length: 2000 }, () => encodeFrame('PING', {})))],
    [
      2,
      (client) => {
        client.send(OPENING);
        for (let seq = 1; seq <= 500; seq++) client.send(packFrame(seq, changed(small!, { checksum: seq })));
      },
    ],
    [2, (client) => client.send(Buffer.alloc(MIB, 'LOGD?'))],
  ];
};

flow(
  'hostile-kills-correctness',
  async (rig, t) => {
    const seed = seedOf();
    t.diagnostic(`LOGD_SEED=${seed}`);
    const random = randomFrom(seed);
    await rig.configureSink({}, { limits: { strangers: 64, connections: 64 } });
    for (const host of HOSTS) await rig.configureAgent({ host, streams: ['access'], ends: 'by-successor' });
    await rig.warmUp(['sink', HOSTS[0]]);

    let isOver = false;
    const attack = async (malice: Malice): Promise<void> => {
      while (!isOver) {
        await sleep(20);
        // While the sink is down nobody listens.
        using client = await openRaw({ host: '127.0.0.1', port: rig.port }).catch(() => undefined);
        if (client === undefined) continue;
        malice(client);
        const ended = new Promise<void>((resolve) => client.socket.once('close', () => resolve()));
        await Promise.race([ended, sleep(1000)]);
      }
    };
    let sink = rig.spawn('sink');
    const swarm = (await malices()).flatMap(([clients, malice]) =>
      Array.from({ length: clients }, () => attack(malice)),
    );
    try {
      const agents = new Map(HOSTS.map((host) => [host, rig.spawn(host)]));
      const hours = hoursFrom('2026112216', KILLS / 2);
      let lines = 0;
      for (let kills = 0; kills < KILLS; kills++) {
        await sink.event('node.started');
        for (const until = Date.now() + LIFE_MS * random(); Date.now() < until; await sleep(20))
          for (const host of HOSTS) {
            const count = 1 + Math.floor(random() * 40);
            await rig.sources.append(host, 'access', hours[kills >> 1]!, linesOf(host, lines, count, random));
            lines += count;
          }
        await sink.end('SIGKILL');
        sink = rig.spawn('sink');
      }
      // No file follows the last hour: it ends by the clock.
      for (const host of HOSTS) {
        await agents.get(host)!.end('SIGKILL');
        await rig.configureAgent({ host, streams: ['access'], ends: 'by-clock' });
        rig.spawn(host);
      }
      await rig.sealed();
      await sink.event('receive.crowded');
    } finally {
      isOver = true;
      await Promise.all(swarm);
    }
    await assertSealedEqual(rig, { open: [rig.sources.name(keyOf('large'))] });
  },
  180_000,
);
