/**
 * Memory follows the configuration, whatever the backlog: an agent whose sink hangs stops reading, a sink that a hundred
 * agents write to at once stops reading them.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PackHeader } from '../../src/pack/pack.ts';
import { checksumOf } from '../../src/pack/survey.ts';
import { systemClock } from '../../src/telemetry/clock.ts';
import { connect } from '../../src/transport/tcp/client.ts';
import type { Answer } from '../../src/pack/answer.ts';
import { assertSealedEqual, linesIn } from './compare.ts';
import { bytesOf, hoursFrom } from './lines.ts';
import { residentBytes, watchMemory } from './memory.ts';
import { flow } from './rig.ts';

const MiB = 1 << 20;
/** What a process takes besides that which is configured: compiled code, young garbage, buffers that are kept. */
const SLACK = 72 * MiB;

const HOST = 'web1';
const STREAMS = ['a', 'b', 'c', 'd', 'e'];
const WINDOW = 4 * MiB;
/** Five times this is more than window and slack together. */
const STREAM_BYTES = 28 * MiB;

flow(
  'many-streams-bounded-memory: an agent whose sink hangs stops reading, and goes on later',
  async (rig) => {
    await rig.configureSink();
    await rig.configureAgent({
      host: HOST,
      streams: STREAMS,
      // Not compressed: what is read is what is held.
      settings: { window: '4MiB', pack: { size: '256KiB', max_line: '256KiB', codec: 'none' } },
    });
    const hours = hoursFrom('2026112214', 2);
    const part = bytesOf('web1', STREAM_BYTES / 16);
    const whole = Buffer.concat(Array.from({ length: 8 }, () => part));
    const sink = await rig.start('sink');
    const agent = await rig.start(HOST);
    await agent.event('send.connected');
    sink.signal('SIGSTOP');
    const before = await residentBytes(agent.pid);
    await using memory = watchMemory(agent.pid);
    for (const stream of STREAMS)
      for (const hour of hours) await rig.sources.write(HOST, stream, hour, whole);
    await rig.until(
      'all files are found',
      () => agent.events.filter(({ event }) => event === 'tail.found').length === 10,
    );
    // Long enough to read everything many times over.
    await sleep(3000);
    const growth = memory.peak - before;
    assert.ok(growth < WINDOW + SLACK, `It grew by ${growth / MiB} MiB while the sink hung.`);
    sink.signal('SIGCONT');
    await rig.sealed();
    const all = memory.peak - before;
    assert.ok(all < WINDOW + SLACK, `It grew by ${all / MiB} MiB while it caught up.`);
    await assertSealedEqual(rig);
  },
);

const CONNECTIONS = 100;
const PACKS = 3;
const PACK_BYTES = MiB;
/** Bodies on their way, packs that are decoded, and what the kernel hands over at once for each connection. */
const SINK_BOUND = 8 * MiB + 8 * MiB + CONNECTIONS * (MiB / 4);

flow(
  'many-connections-bounded-memory: a sink that a hundred agents write to at once stops reading',
  async (rig) => {
    await rig.configureSink({}, { limits: { in_flight: '8MiB', body_bytes: '2MiB', pack_bytes: '2MiB' } });
    const sink = await rig.start('sink');
    const before = await residentBytes(sink.pid);
    await using memory = watchMemory(sink.pid);
    const body = bytesOf('any', PACK_BYTES);
    const packs = packsFrom(body);
    const answers = await Promise.all(
      Array.from({ length: CONNECTIONS }, async (_, n): Promise<Answer[]> => {
        await using upstream = await connect({
          address: { host: '127.0.0.1', port: rig.port },
          ...{ node: `web${n}`, clock: systemClock, signal: rig.signal },
          timeouts: { connect: 60_000, answer: 60_000, ping: 15_000 },
        });
        return await Promise.all(
          packs.map((header) => upstream.send({ header: { ...header, host: `web${n}` }, body })),
        );
      }),
    );
    assert.deepEqual(new Set(answers.flat().map(({ kind }) => kind)), new Set(['ack']));
    assert.equal(answers.flat().length, CONNECTIONS * PACKS);
    const growth = memory.peak - before;
    assert.ok(growth < SINK_BOUND + SLACK, `It grew by ${growth / MiB} MiB.`);
  },
);

/** Headers of packs that all have this body. */
const packsFrom = (body: Buffer): PackHeader[] => {
  const digest = createHash('sha256');
  return Array.from({ length: PACKS }, (_, n) => {
    digest.update(body);
    return {
      ...{ host: '', stream: 'access', hour: '2026112216', id: n + 1, generation: 1 },
      ...{ offset: n * body.length, bytes: body.length, lines: linesIn(body), checksum: checksumOf(body) },
      ...{ sha256: digest.copy().digest('hex'), codec: 'none', time: 1_795_363_391_000 },
    };
  });
};
