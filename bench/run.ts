/**
 * `npm run bench`: ships an access log of 1 GiB through agent and sink on loopback, raw and stored as zstd, each beside the
 * pipe `zstd -1 | zstd -d > file` and the floor (floor.ts) run in the same minute, and holds the ratios against the bars of docs/benchmarks.md; then ships
 * hours of several sizes, and compares the memory that they took.
 *
 *   npm run bench -- --runs 5 --mib 1024 --seed 1 --sizes 256,1024,4096 --input FILE --save NAME --pin
 *
 * --pin gives agent and sink a processor each: what is saved is the price of handing data from one processor to another.
 */
import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Figures, median, type ShipFigures } from './figures.ts';
import { runFloor } from './floor.ts';
import { type Growth, measureGrowth } from './growth.ts';
import { generate, measureInput } from './input.ts';
import { runPipe } from './pipe.ts';
import { type Compression, ship } from './ship.ts';

const BARS = {
  none: { throughput: 0.75, cpu: 1.5 },
  zstd: { throughput: 0.95, cpu: 1.2 },
} as const;
const PEAK_MIB = 200;
/** Room for the garbage of a heap that was not yet collected once: see docs/benchmarks.md. */
const GROWTH = 1.15;
const MOST_GROWTH_RUNS = 3;
const WARM_UP_MIB = 512;
const NAMES = { none: 'raw', zstd: 'zstd' } as const;

interface Pair {
  readonly compression: Compression;
  readonly pipe: Figures;
  readonly floor: Figures;
  readonly ship: ShipFigures;
}

const say = (line: string): void => void process.stdout.write(`${line}\n`);

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '5' },
    mib: { type: 'string', default: '1024' },
    seed: { type: 'string', default: '1' },
    sizes: { type: 'string', default: '256,1024,4096' },
    input: { type: 'string' },
    save: { type: 'string' },
    pin: { type: 'boolean', default: false },
  },
});
const runs = Number(values.runs);
const seed = Number(values.seed);
const sizes = values.sizes.split(',').filter(Boolean).map(Number);

const over = (pairs: readonly Pair[], figure: (pair: Pair) => number): number => median(pairs.map(figure));

const throughputRatio = ({ pipe, ship: shipped }: Pair): number => pipe.seconds / shipped.seconds;
const cpuRatio = ({ pipe, ship: shipped }: Pair): number => shipped.cpuSeconds / pipe.cpuSeconds;
const floorRatio = ({ pipe, floor }: Pair): number => floor.cpuSeconds / pipe.cpuSeconds;
const peak = ({ ship: shipped }: Pair): number => Math.max(shipped.agentPeakMiB, shipped.sinkPeakMiB);

const report = (pairs: readonly Pair[], bytes: number, lines: number): boolean => {
  const gib = bytes / 2 ** 30;
  const row = (...cells: string[]): void => say(`| ${cells.join(' | ')} |`);
  row(
    'stored',
    'MiB/s',
    'lines/s',
    'CPU s/GiB agent',
    'sink',
    'peak MiB agent',
    'sink',
    'pipe MiB/s',
    'pipe CPU s/GiB',
    'floor MiB/s',
    'floor CPU s/GiB',
  );
  row(...Array.from({ length: 11 }, (_, n) => (n === 0 ? '---' : '---:')));
  const kinds = (['none', 'zstd'] as const).map((compression) => ({
    compression,
    of: pairs.filter((pair) => pair.compression === compression),
  }));
  for (const { compression, of } of kinds) {
    const seconds = over(of, (pair) => pair.ship.seconds);
    row(
      NAMES[compression],
      (bytes / 2 ** 20 / seconds).toFixed(0),
      Math.round(lines / seconds).toLocaleString('en-US'),
      (over(of, (pair) => pair.ship.agentCpuSeconds) / gib).toFixed(2),
      (over(of, (pair) => pair.ship.sinkCpuSeconds) / gib).toFixed(2),
      over(of, (pair) => pair.ship.agentPeakMiB).toFixed(0),
      over(of, (pair) => pair.ship.sinkPeakMiB).toFixed(0),
      (bytes / 2 ** 20 / over(of, (pair) => pair.pipe.seconds)).toFixed(0),
      (over(of, (pair) => pair.pipe.cpuSeconds) / gib).toFixed(2),
      (bytes / 2 ** 20 / over(of, (pair) => pair.floor.seconds)).toFixed(0),
      (over(of, (pair) => pair.floor.cpuSeconds) / gib).toFixed(2),
    );
  }
  say('');
  let met = true;
  for (const { compression, of } of kinds) {
    const bar = BARS[compression];
    const checks = [
      {
        what: 'throughput / pipe',
        is: over(of, throughputRatio),
        text: `at least ${bar.throughput}`,
        ok: (x: number) => x >= bar.throughput,
      },
      {
        what: 'CPU / pipe',
        is: over(of, cpuRatio),
        text: `at most ${bar.cpu}`,
        ok: (x: number) => x <= bar.cpu,
      },
      { what: 'peak MiB', is: over(of, peak), text: `below ${PEAK_MIB}`, ok: (x: number) => x < PEAK_MIB },
    ];
    const floor = over(of, floorRatio).toFixed(2);
    say(
      `        ${NAMES[compression].padEnd(4)}  CPU of the floor / pipe ${floor}: the same work, nothing recorded`,
    );
    for (const { what, is, text, ok } of checks) {
      met &&= ok(is);
      say(
        `${ok(is) ? 'met   ' : 'MISSED'}  ${NAMES[compression].padEnd(4)}  ${what.padEnd(17)}  ${is.toFixed(2)} (${text})`,
      );
    }
  }
  return met;
};

/** Compares the peaks of the largest file with those of the smallest, medians of each. */
const reportGrowth = (growth: readonly Growth[]): boolean => {
  if (sizes.length < 2) return true;
  const [smallest, largest] = [Math.min(...sizes), Math.max(...sizes)];
  const held = (['none', 'zstd'] as const).map((compression) => {
    const grown = (['agentPeakMiB', 'sinkPeakMiB'] as const).map((figure) => {
      const peakOf = (mib: number): number =>
        median(
          growth
            .filter((one) => one.mib === mib && one.compression === compression)
            .map((one) => one[figure]),
        );
      return peakOf(largest) / peakOf(smallest);
    });
    const most = Math.max(...grown);
    const ok = most <= GROWTH;
    say(
      `${ok ? 'met   ' : 'MISSED'}  ${NAMES[compression].padEnd(4)}  peak of ${largest} MiB / ${smallest} MiB  ${most.toFixed(2)} (at most ${GROWTH})`,
    );
    return ok;
  });
  return held.every(Boolean);
};

const main = async (): Promise<void> => {
  const dir = await mkdtemp(join(tmpdir(), 'logd-bench-'));
  try {
    const input = values.input ?? join(dir, 'access.log');
    if (values.input === undefined) {
      say(`Generating ${values.mib} MiB of access logs (seed ${values.seed}) …`);
      await generate(input, Number(values.mib), seed);
    }
    const warmUp = join(dir, 'warm-up.log');
    await generate(warmUp, WARM_UP_MIB, seed);
    const { bytes, lines, sha256 } = await measureInput(input);
    say(`${bytes} bytes, ${lines} lines of ${(bytes / lines).toFixed(0)} bytes, SHA-256 ${sha256}`);
    say(
      `${cpus().length} × ${cpus()[0]?.model.trim()}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, Node.js ${process.version}\n`,
    );
    const pairs: Pair[] = [];
    for (let run = 0; run < runs; run++)
      for (const compression of ['none', 'zstd'] as const) {
        const pipe = await runPipe(input, dir);
        const options = { compression, input, warmUp, dir, expectSha256: sha256, pin: values.pin };
        const floor = await runFloor(options);
        const shipped = await ship(options);
        const pair = { compression, pipe, floor, ship: shipped };
        pairs.push(pair);
        say(
          `${run + 1}/${runs} ${NAMES[compression].padEnd(4)} ${shipped.seconds.toFixed(2)} s, pipe ${pipe.seconds.toFixed(2)} s: throughput ${throughputRatio(pair).toFixed(2)}, CPU ${cpuRatio(pair).toFixed(2)} (floor ${floorRatio(pair).toFixed(2)})`,
        );
      }
    say('');
    const met = report(pairs, bytes, lines);
    const growth = await measureGrowth({
      ...{ sizes, times: Math.min(runs, MOST_GROWTH_RUNS), seed, warmUp, dir },
      onShipped: ({ compression, mib, mibPerSecond, agentPeakMiB, sinkPeakMiB }) =>
        say(
          `${String(mib).padStart(6)} MiB  ${NAMES[compression].padEnd(4)}  ${mibPerSecond.toFixed(0)} MiB/s, peak MiB: agent ${agentPeakMiB.toFixed(0)}, sink ${sinkPeakMiB.toFixed(0)}`,
        ),
    });
    const bounded = reportGrowth(growth);
    if (values.save !== undefined) {
      const results = join(import.meta.dirname, 'results');
      await mkdir(results, { recursive: true });
      const raw = {
        input: { bytes, lines, sha256 },
        node: process.version,
        cpu: cpus()[0]?.model,
        processors: cpus().length,
        pinned: values.pin,
        pairs,
        growth,
      };
      await writeFile(join(results, `${values.save}.json`), `${JSON.stringify(raw, null, 2)}\n`);
    }
    if ((await stat(input)).size !== bytes) throw new Error('The input changed while it was shipped.');
    process.exitCode = met && bounded ? 0 : 1;
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
};

await main();
