/**
 * `npm run bench -- cold`: what a user waits for after a restart. Fresh processes with default options (no warm-up, default
 * `poll_interval`), from the agent's start to the seal, beside the pipe `zstd -1 | zstd -d > file` run in the same minute.
 *
 *   --runs 5 --mib 1024 --seed 1 --save NAME
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { median } from './figures.ts';
import { generate, measureInput } from './input.ts';
import { runPipe } from './pipe.ts';
import { reportBars, saveResults, say } from './report.ts';
import type { Bench } from './run.ts';
import { shipCold } from './shipment.ts';

const LEAST_THROUGHPUT = 0.6;

const OPTIONS = {
  runs: { type: 'string', default: '5' },
  mib: { type: 'string', default: '1024' },
  seed: { type: 'string', default: '1' },
  save: { type: 'string' },
} as const;

const run = async (args: readonly string[]): Promise<boolean> => {
  const { values } = parseArgs({ args: [...args], options: OPTIONS });
  const dir = await mkdtemp(join(tmpdir(), 'logd-bench-'));
  try {
    const input = join(dir, 'access.log');
    await generate(input, Number(values.mib), Number(values.seed));
    const { bytes, lines, sha256 } = await measureInput(input);
    const pairs: { readonly pipe: number; readonly cold: number }[] = [];
    for (let round = 1; round <= Number(values.runs); round++) {
      const pipe = (await runPipe(input, dir)).seconds;
      const cold = await shipCold({ input, dir, expectSha256: sha256 });
      pairs.push({ pipe, cold });
      say(`${round} pipe ${pipe.toFixed(2)} s, cold ${cold.toFixed(2)} s, ratio ${(pipe / cold).toFixed(2)}`);
    }
    if (values.save !== undefined) await saveResults(values.save, { input: { bytes, lines, sha256 }, pairs });
    const ratio = median(pairs.map(({ pipe, cold }) => pipe / cold));
    return reportBars('cold', [{ what: 'throughput/pipe', is: ratio, atLeast: LEAST_THROUGHPUT }]);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
};

export const bench: Bench = { summary: 'fresh processes with default options, from start to seal', run };
