/**
 * Agents, the sink, or all of them, killed at 50 random moments while a writer appends to hours of two streams on two hosts:
 * afterwards every hour is sealed and equal. `LOGD_SEED` gives the seed of a run that failed.
 */
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertAudit, assertSealedEqual } from './compare.ts';
import { hoursFrom, linesOf, randomFrom, seedOf } from './lines.ts';
import type { NodeProcess } from './process.ts';
import { onRig, type Rig } from './rig.ts';

const HOSTS = ['web1', 'web2'] as const;
const STREAMS = ['access', 'error'] as const;
const KILLS = 50;
const KILLS_AN_HOUR = 10;
/** One kill in so many may come while the node still starts; the others come up to so many milliseconds after it has. */
const KILLS_A_START = 4;
const LONGEST_LIFE_MS = 400;
const WRITE_EVERY_MS = 15;

const hours = hoursFrom('2026112216', KILLS / KILLS_AN_HOUR);

/** Appends a few lines to one file after another until told to stop; the hour changes as the kills go on. */
const writeHours = async (rig: Rig, random: () => number, hour: () => string | undefined): Promise<void> => {
  for (let lines = 0; ;) {
    const label = hour();
    if (label === undefined) return;
    for (const host of HOSTS)
      for (const stream of STREAMS) {
        const count = 1 + Math.floor(random() * (stream === 'access' ? 40 : 10));
        await rig.sources.append(host, stream, label, linesOf(`${host} ${stream}`, lines, count, random));
        lines += count;
      }
    await sleep(WRITE_EVERY_MS);
  }
};

const killAtRandom = async (
  t: TestContext,
  rig: Rig,
  victims: readonly string[],
  compression: string,
): Promise<void> => {
  const seed = seedOf();
  t.diagnostic(`LOGD_SEED=${seed}`);
  const random = randomFrom(seed);
  await rig.configureSink({ compression });
  for (const host of HOSTS)
    await rig.configureAgent({ host, streams: STREAMS, ends: 'by-successor', settings: { window: '1MiB' } });
  await rig.warmUp(['sink', HOSTS[0]]);
  const nodes = new Map<string, NodeProcess>();
  for (const name of ['sink', ...HOSTS]) nodes.set(name, rig.spawn(name));

  let kills = 0;
  const writing = writeHours(rig, randomFrom(seed + 1), () => hours[Math.floor(kills / KILLS_AN_HOUR)]);
  for (; kills < KILLS; kills++) {
    const name = victims[Math.floor(random() * victims.length)]!;
    const node = nodes.get(name)!;
    if (random() > 1 / KILLS_A_START) await node.event('node.started');
    await sleep(Math.floor(random() * LONGEST_LIFE_MS));
    const { signal } = await node.end('SIGKILL');
    if (signal !== 'SIGKILL') throw new Error(`${name} ended by itself before it could be killed.`);
    nodes.set(name, rig.spawn(name));
  }
  await writing;

  // No file follows the last hour: it ends by the clock.
  for (const host of HOSTS) {
    await nodes.get(host)!.end('SIGKILL');
    await rig.configureAgent({ host, streams: STREAMS, ends: 'by-clock' });
    rig.spawn(host);
  }
  await rig.sealed();
  await assertSealedEqual(rig, { compression: compression === 'zstd' ? 'zstd' : 'none' });
  for (const host of HOSTS) await rig.released(host);
  await assertAudit(rig, HOSTS);
};

describe('kill-random', { concurrency: 2 }, () => {
  const run = (name: string, victims: readonly string[], compression: string): void =>
    void it(name, (t) => onRig(t, (rig) => killAtRandom(t, rig, victims, compression), 180_000));
  run('kill-random-agent', HOSTS, 'none');
  run('kill-random-sink', ['sink'], 'zstd');
  run('kill-random-both', ['sink', 'sink', ...HOSTS], 'none');
});
