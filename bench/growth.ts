/**
 * `npm run bench -- growth`: whether memory grows with the hour. Hours of several sizes, each shipped by fresh processes; the
 * median peak of the largest over that of the smallest.
 *
 *   --sizes 256,1024,4096 --times 3 --seed 1 --save NAME
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { median } from './figures.ts';
import { type Growth, measureGrowth } from './growth-series.ts';
import { generate } from './input.ts';
import { type Bar, reportBars, saveResults, say } from './report.ts';
import type { Bench } from './run.ts';
import { NAMES } from './ship.ts';

/** Room for the garbage of a heap that was not yet collected once: see docs/benchmarks.md. */
const MOST_GROWTH = 1.15;
const WARM_UP_MIB = 512;

const barsOf = (growth: readonly Growth[], smallest: number, largest: number): Bar[] =>
  (['none', 'zstd'] as const).map((compression) => {
    const grown = (['agentPeakMiB', 'sinkPeakMiB'] as const).map((figure) => {
      const peakOf = (mib: number): number =>
        median(
          growth
            .filter((one) => one.mib === mib && one.compression === compression)
            .map((one) => one[figure]),
        );
      return peakOf(largest) / peakOf(smallest);
    });
    const what = `${NAMES[compression]} peak ${largest}/${smallest} MiB`;
    return { what, is: Math.max(...grown), atMost: MOST_GROWTH };
  });

const OPTIONS = {
  sizes: { type: 'string', default: '256,1024,4096' },
  times: { type: 'string', default: '3' },
  seed: { type: 'string', default: '1' },
  save: { type: 'string' },
} as const;

const run = async (args: readonly string[]): Promise<boolean> => {
  const { values } = parseArgs({ args: [...args], options: OPTIONS });
  const sizes = values.sizes.split(',').map(Number);
  const dir = await mkdtemp(join(tmpdir(), 'logd-bench-'));
  try {
    const warmUp = join(dir, 'warm-up.log');
    await generate(warmUp, WARM_UP_MIB, Number(values.seed));
    const growth = await measureGrowth({
      ...{ sizes, times: Number(values.times), seed: Number(values.seed), warmUp, dir },
      onShipped: ({ compression, mib, mibPerSecond, agentPeakMiB, sinkPeakMiB }) =>
        say(
          `${String(mib).padStart(6)} MiB  ${NAMES[compression].padEnd(4)}  ${mibPerSecond.toFixed(0)} MiB/s, peak MiB: agent ${agentPeakMiB.toFixed(0)}, sink ${sinkPeakMiB.toFixed(0)}`,
        ),
    });
    if (values.save !== undefined) await saveResults(values.save, { growth });
    return reportBars('growth', barsOf(growth, Math.min(...sizes), Math.max(...sizes)));
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
};

export const bench: Bench = { summary: 'memory of hours of 256 MiB to 4 GiB', run };
