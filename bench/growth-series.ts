/** Whether memory grows with the file: the same hour in several sizes, each shipped a few times by fresh processes. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { generate, measureInput } from './input.ts';
import { type Compression, ship } from './shipment.ts';

export interface Growth {
  readonly compression: Compression;
  readonly mib: number;
  readonly mibPerSecond: number;
  readonly agentPeakMiB: number;
  readonly sinkPeakMiB: number;
}

export interface GrowthOptions {
  readonly sizes: readonly number[];
  /** A peak is a matter of chance: so many times each. */
  readonly times: number;
  readonly seed: number;
  readonly warmUp: string;
  readonly dir: string;
  readonly onShipped: (growth: Growth) => void;
}

export const measureGrowth = async (options: GrowthOptions): Promise<Growth[]> => {
  const { sizes, times, seed, warmUp, dir, onShipped } = options;
  const all: Growth[] = [];
  for (const mib of sizes) {
    const path = join(dir, `growth-${mib}.log`);
    await generate(path, mib, seed);
    const { sha256 } = await measureInput(path);
    const order = Array.from({ length: times }, () => ['none', 'zstd'] as const).flat();
    for (const compression of order) {
      const shipped = await ship({ compression, input: path, warmUp, dir, expectSha256: sha256 });
      const { agentPeakMiB, sinkPeakMiB } = shipped;
      const growth = {
        ...{ compression, mib, mibPerSecond: mib / shipped.seconds },
        ...{ agentPeakMiB, sinkPeakMiB },
      };
      all.push(growth);
      onShipped(growth);
    }
    await rm(path);
  }
  return all;
};
