/**
 * `npm run bench -- ship`: ships an access log of 1 GiB through agent and sink on loopback, raw and stored as zstd, each beside
 * the pipe `zstd -1 | zstd -d > file` and the floor (floor.ts) run in the same minute.
 *
 *   --runs 5 --mib 1024 --seed 1 --input FILE --save NAME --pin
 *
 * --pin gives agent and sink a processor each: what is saved is the price of handing data from one processor to another.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Figures, median, type ShipFigures } from './figures.ts';
import { runFloor } from './floor.ts';
import { generate, measureInput } from './input.ts';
import { runPipe } from './pipe.ts';
import { type Bar, reportBars, saveResults, say } from './report.ts';
import type { Bench } from './run.ts';
import { type Compression, ship } from './shipment.ts';

/** Throughput over that of the pipe; CPU over that of the floor, which does the same work and records nothing. */
const LEAST_THROUGHPUT = 0.75;
const MOST_CPU = 1.25;
const MOST_PEAK_MIB = 200;
const WARM_UP_MIB = 512;
export const NAMES = { none: 'raw', zstd: 'zstd' } as const;

interface Pair {
  readonly compression: Compression;
  readonly pipe: Figures;
  readonly floor: Figures;
  readonly ship: ShipFigures;
}

const throughput = ({ pipe, ship: shipped }: Pair): number => pipe.seconds / shipped.seconds;
const cpu = ({ floor, ship: shipped }: Pair): number => shipped.cpuSeconds / floor.cpuSeconds;
const peak = ({ ship: shipped }: Pair): number => Math.max(shipped.agentPeakMiB, shipped.sinkPeakMiB);

const table = (pairs: readonly Pair[], bytes: number, lines: number): void => {
  const gib = bytes / 2 ** 30;
  say(
    '| stored | MiB/s | lines/s | CPU s/GiB agent | sink | peak MiB | pipe MiB/s | pipe CPU s/GiB | floor CPU s/GiB |',
  );
  say('| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |');
  for (const compression of ['none', 'zstd'] as const) {
    const over = (figure: (pair: Pair) => number): number =>
      median(pairs.filter((pair) => pair.compression === compression).map(figure));
    const seconds = over((pair) => pair.ship.seconds);
    const cells = [
      NAMES[compression],
      (bytes / 2 ** 20 / seconds).toFixed(0),
      Math.round(lines / seconds).toLocaleString('en-US'),
      (over((pair) => pair.ship.agentCpuSeconds) / gib).toFixed(2),
      (over((pair) => pair.ship.sinkCpuSeconds) / gib).toFixed(2),
      over(peak).toFixed(0),
      (bytes / 2 ** 20 / over((pair) => pair.pipe.seconds)).toFixed(0),
      (over((pair) => pair.pipe.cpuSeconds) / gib).toFixed(2),
      (over((pair) => pair.floor.cpuSeconds) / gib).toFixed(2),
    ];
    say(`| ${cells.join(' | ')} |`);
  }
};

const barsOf = (pairs: readonly Pair[]): Bar[] =>
  (['none', 'zstd'] as const).flatMap((compression) => {
    const of = pairs.filter((pair) => pair.compression === compression);
    const name = NAMES[compression];
    return [
      { what: `${name} throughput/pipe`, is: median(of.map(throughput)), atLeast: LEAST_THROUGHPUT },
      { what: `${name} CPU/floor`, is: median(of.map(cpu)), atMost: MOST_CPU },
      { what: `${name} peak MiB`, is: median(of.map(peak)), atMost: MOST_PEAK_MIB },
    ];
  });

const OPTIONS = {
  runs: { type: 'string', default: '5' },
  mib: { type: 'string', default: '1024' },
  seed: { type: 'string', default: '1' },
  input: { type: 'string' },
  save: { type: 'string' },
  pin: { type: 'boolean', default: false },
} as const;

const run = async (args: readonly string[]): Promise<boolean> => {
  const { values } = parseArgs({ args: [...args], options: OPTIONS });
  const dir = await mkdtemp(join(tmpdir(), 'logd-bench-'));
  try {
    const input = values.input ?? join(dir, 'access.log');
    if (values.input === undefined) await generate(input, Number(values.mib), Number(values.seed));
    const warmUp = join(dir, 'warm-up.log');
    await generate(warmUp, WARM_UP_MIB, Number(values.seed));
    const { bytes, lines, sha256 } = await measureInput(input);
    say(`${bytes} bytes, ${lines} lines of ${(bytes / lines).toFixed(0)} bytes, SHA-256 ${sha256}`);
    const pairs: Pair[] = [];
    for (let round = 1; round <= Number(values.runs); round++)
      for (const compression of ['none', 'zstd'] as const) {
        const pipe = await runPipe(input, dir);
        const options = { compression, input, warmUp, dir, expectSha256: sha256, pin: values.pin };
        const pair = { compression, pipe, floor: await runFloor(options), ship: await ship(options) };
        pairs.push(pair);
        say(
          `${round} ${NAMES[compression].padEnd(4)} throughput/pipe ${throughput(pair).toFixed(2)}, CPU/floor ${cpu(pair).toFixed(2)}`,
        );
      }
    table(pairs, bytes, lines);
    if (values.save !== undefined)
      await saveResults(values.save, { input: { bytes, lines, sha256 }, pinned: values.pin, pairs });
    return reportBars('ship', barsOf(pairs));
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
};

export const bench: Bench = {
  summary: '1 GiB through a warm agent and sink, beside a pipe of zstd and a floor',
  run,
};
