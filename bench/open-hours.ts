/**
 * `npm run bench -- open-hours`: what hours cost that are open and idle. So many hours get one small pack each; then the sink is stopped and
 * started again on them. Memory for each hour, and the time until the sink listens.
 *
 *   --hours 100000 --save NAME
 */
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { reportBars, saveResults, say } from './report.ts';
import type { Bench } from './run.ts';

const MOST_BYTES_EACH = 1_000;
const MOST_START_S = 3;

interface Filled {
  readonly seconds: number;
  readonly heapEach: number;
  readonly rssEach: number;
}

interface Started extends Filled {
  /** Seconds until nothing is done in the background any more. */
  readonly settled: number;
}

const OPTIONS = { hours: { type: 'string', default: '100000' }, save: { type: 'string' } } as const;

const run = async (args: readonly string[]): Promise<boolean> => {
  const { values } = parseArgs({ args: [...args], options: OPTIONS });
  const dir = await mkdtemp(join(tmpdir(), 'logd-bench-open-hours-'));
  const child = (what: string, compression: string): unknown =>
    JSON.parse(
      execFileSync(
        process.execPath,
        [
          '--expose-gc',
          join(import.meta.dirname, 'open-hours-child.ts'),
          dir,
          what,
          values.hours,
          compression,
        ],
        { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] },
      ),
    );
  try {
    await mkdir(join(dir, 'state'));
    const filled = child('fill', 'zstd') as Filled;
    say(
      `${values.hours} hours filled in ${filled.seconds.toFixed(1)} s; each takes ${filled.heapEach.toFixed(0)} bytes of heap, ${filled.rssEach.toFixed(0)} of RSS`,
    );
    const started = child('start', 'zstd') as Started;
    say(
      `started in ${started.seconds.toFixed(2)} s, all looked at after ${started.settled.toFixed(1)} s; then each takes ${started.heapEach.toFixed(0)} bytes of heap, ${started.rssEach.toFixed(0)} of RSS`,
    );
    if (values.save !== undefined)
      await saveResults(values.save, { hours: Number(values.hours), filled, started });
    return reportBars('open-hours', [
      { what: 'heap for each hour, bytes', is: filled.heapEach, atMost: MOST_BYTES_EACH },
      { what: 'heap for each after a start, bytes', is: started.heapEach, atMost: MOST_BYTES_EACH },
      { what: 'start, s', is: started.seconds, atMost: MOST_START_S },
    ]);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
};

export const bench: Bench = { summary: 'What open, idle hours cost: memory, and time at a start.', run };
