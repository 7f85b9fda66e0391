/** What every bench does at its end: holds figures against bars, prints one line of ratios, keeps the raw results. */
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';

export const say = (line: string): void => void process.stdout.write(`${line}\n`);

export interface Bar {
  readonly what: string;
  readonly is: number;
  readonly atLeast?: number;
  readonly atMost?: number;
}

const holds = ({ is, atLeast = -Infinity, atMost = Infinity }: Bar): boolean => is >= atLeast && is <= atMost;

/** Prints each bar, then one line of ratios; true when all are met. */
export const reportBars = (name: string, bars: readonly Bar[]): boolean => {
  for (const bar of bars) {
    const wanted = bar.atLeast === undefined ? `at most ${bar.atMost}` : `at least ${bar.atLeast}`;
    say(`${holds(bar) ? 'met   ' : 'MISSED'}  ${bar.what.padEnd(34)}  ${bar.is.toFixed(2)} (${wanted})`);
  }
  const ratios = bars.map((bar) => `${bar.what} ${bar.is.toFixed(2)}${holds(bar) ? '' : ' MISSED'}`);
  say(`${name}: ${ratios.join(', ')}`);
  return bars.every(holds);
};

/** The machine, for results. */
export const machine = () => ({
  node: process.version,
  cpu: cpus()[0]?.model.trim(),
  processors: cpus().length,
  memoryGiB: Math.round(totalmem() / 2 ** 30),
});

/** Writes bench/results/NAME.json. */
export const saveResults = async (name: string, results: object): Promise<void> => {
  const dir = join(import.meta.dirname, 'results');
  await mkdir(dir, { recursive: true });
  await writeFile(join(dir, `${name}.json`), `${JSON.stringify({ ...machine(), ...results }, null, 2)}\n`);
};
