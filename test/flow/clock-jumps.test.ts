/** The clocks of all nodes go back and forward while lines are written and the sink is away for a while: everything is sealed and equal. */
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertAudit, assertSealedEqual } from './compare.ts';
import { hoursFrom, linesOf, randomFrom } from './lines.ts';
import { freePort, flow } from './rig.ts';

const CLOCK = fileURLToPath(new URL('jumping-clock.ts', import.meta.url));

/** Of log lines: the largest step back of the node's clock in milliseconds. */
const stepBack = (times: readonly number[]): number =>
  times.reduce((most, time, n) => (n === 0 ? most : Math.max(most, times[n - 1]! - time)), 0);

for (const ends of ['by-clock', 'by-successor'] as const)
  flow(`clock-jumps: hours end ${ends}`, async (rig) => {
    const port = await freePort();
    await rig.configureSink();
    await rig.configure('relay1', {
      relay: {
        listen: `127.0.0.1:${port}`,
        send_to: `127.0.0.1:${rig.port}`,
        retry: { min: '10ms', max: '100ms' },
        patience: '50ms',
      },
    });
    const agent = { host: 'web1', streams: ['access'], settings: { send_to: `127.0.0.1:${port}` } };
    await rig.configureAgent({ ...agent, ends });
    process.env['NODE_OPTIONS'] = `--import=${CLOCK}`;
    const sink = await rig.start('sink');
    const nodes = [await rig.start('relay1'), await rig.start('web1')];
    delete process.env['NODE_OPTIONS'];
    const random = randomFrom(21);
    const hours = hoursFrom('2026112200', 4);
    for (let round = 0; round < 32; round++) {
      const hour = hours[Math.floor(round / 8)]!;
      await rig.sources.append('web1', 'access', hour, linesOf('access', round * 400, 300, random));
      if (round === 10) await sink.end('SIGKILL');
      if (round === 20) {
        process.env['NODE_OPTIONS'] = `--import=${CLOCK}`;
        nodes.push(await rig.start('sink'));
        delete process.env['NODE_OPTIONS'];
      }
      await sleep(120);
    }
    if (ends === 'by-successor') {
      // No file follows the last hour: it ends by the clock.
      await nodes[1]!.end('SIGTERM');
      await rig.configureAgent({ ...agent, ends: 'by-clock' });
      await rig.start('web1');
    }
    await rig.sealed();
    // A jump ends hours early: lines that come after that are a further generation.
    const generations = (await rig.segments()).map((record) => [rig.sources.name(record), record.generation]);
    await assertSealedEqual(rig, { generations: Object.fromEntries(generations) as Record<string, number> });
    await assertAudit(rig, ['web1']);
    const times = nodes.map(({ events }) => events.map(({ time }) => Number(new Date(time ?? 0))));
    assert.ok(
      times.some((of) => stepBack(of) > 1_000_000),
      'the clocks did jump',
    );
  });
