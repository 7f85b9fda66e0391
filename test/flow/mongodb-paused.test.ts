/**
 * A MongoDB output is paused for a day of hours while everything comes in: memory stays flat, agents notice nothing, and afterwards
 * every line is there. Then the server hangs instead of being away.
 */
import assert from 'node:assert/strict';
import { mongoServerFor } from '../servers/mongo-server.ts';
import { hoursFrom } from './lines.ts';
import { residentBytes, watchMemory } from './memory.ts';
import { caughtUp, documentsIn, mongoSettings, outputsOf } from './mongodb-rig.ts';
import { runLogd } from './process.ts';
import { flow, type Rig } from './rig.ts';

const MiB = 1 << 20;
const HOURS = hoursFrom('2026112200', 24);
/** Much text in few lines: the day is larger than the memory that may be used, and the server has few documents to store. */
const LINES = 64;
const LINE_BYTES = 64 << 10;
/** Compiled code, young garbage, buffers that are kept: what a sink without an output takes as well. */
const MOST_GROWTH = 96 * MiB;

const hourBytes = (hour: string): Buffer =>
  Buffer.from(
    Array.from(
      { length: LINES },
      (_, n) => `${JSON.stringify({ hour, n, text: String(n).repeat(LINE_BYTES).slice(0, LINE_BYTES) })}\n`,
    ).join(''),
  );

const outputs = async (rig: Rig, ...args: readonly string[]): Promise<void> => {
  const { code, stderr } = await runLogd(['outputs', ...args, '-c', rig.path('sink.yaml')]);
  assert.equal(code, 0, stderr);
};

flow(
  'an output that is paused for a day takes no memory and loses nothing',
  async (rig, test) => {
    await using server = await mongoServerFor(test);
    if (server === undefined) return;
    const mongo = mongoSettings(server.uri, { start: 'beginning', timeout: '5s' });
    await rig.configureSink({ compression: 'zstd' }, { outputs: { mongo } });
    await rig.configureAgent({
      host: 'web1',
      streams: ['access'],
      settings: { pack: { size: '1MiB', max_delay: '20ms' } },
    });
    const sink = await rig.start('sink');
    await outputs(rig, 'pause', 'mongo');
    await rig.until('it is paused', async () => (await outputsOf(rig)).get('mongo')?.state === 'paused');
    rig.spawn('web1');
    await rig.sources.write('web1', 'access', HOURS[0]!, hourBytes(HOURS[0]!));
    await rig.sealed();
    const before = await residentBytes(sink.pid);
    await using memory = watchMemory(sink.pid);
    for (const hour of HOURS.slice(1)) await rig.sources.write('web1', 'access', hour, hourBytes(hour));
    await rig.sealed();
    const growth = memory.peak - before;
    assert.ok(growth < MOST_GROWTH, `It grew by ${growth / MiB} MiB while the output was paused.`);
    assert.equal((await documentsIn(server)).length, 0);

    server.freeze();
    await outputs(rig, 'resume', 'mongo');
    await rig.until(
      'a delivery has failed',
      async () => (await outputsOf(rig)).get('mongo')?.state === 'failing',
    );
    server.thaw();
    await caughtUp(rig, 'mongo', HOURS.length * LINES);
    const stored = (await documentsIn(server)).map(({ hour, n }) => `${hour} ${n}`);
    assert.deepEqual(
      stored.sort(),
      HOURS.flatMap((hour) => Array.from({ length: LINES }, (_, n) => `${hour} ${n}`)).sort(),
    );
    const all = memory.peak - before;
    assert.ok(all < 2 * MOST_GROWTH, `It grew by ${all / MiB} MiB while it caught up.`);
  },
  240_000,
);
