/**
 * `npm run bench -- seals`: how long it takes until hours of many hosts that end together are all sealed, from their first end until the
 * last seal is durable; on the disk as it is, and where each fsync takes 5 ms longer.
 *
 *   --times 1 --save NAME
 *
 * A slow fsync is a fault point: it takes one of the four calls to the system that Node makes at a time, and all of the ledger's thread.
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { median } from './figures.ts';
import { reportBars, saveResults, say } from './report.ts';
import type { Bench } from './run.ts';

const SLOW_MS = 5;
const SLOW = `disk.sync:1:${SLOW_MS}ms+,ledger.before-commit:1:${SLOW_MS}ms+`;
const CASES = [
  { hours: 1_000, slow: false, atMost: 2 },
  { hours: 1_000, slow: true, atMost: 2 },
  { hours: 10_000, slow: true, atMost: 15 },
] as const;

interface Measured {
  readonly seconds: number;
  readonly marked: number;
  readonly transactions: number;
  readonly said: readonly string[];
}

const measure = (hours: number, slow: boolean): Measured => {
  const child = join(import.meta.dirname, 'seals-child.ts');
  const env = { ...process.env, ...(slow && { LOGD_FAULT: SLOW }) };
  const measured = JSON.parse(
    execFileSync(process.execPath, [child, String(hours)], { env, encoding: 'utf8' }),
  ) as Measured;
  const wrong = measured.said.filter((name) => name !== 'seal.day-complete');
  if (wrong.length > 0) throw new Error(`The sink said ${wrong.join(', ')}.`);
  return measured;
};

const OPTIONS = { times: { type: 'string', default: '1' }, save: { type: 'string' } } as const;

const run = async (args: readonly string[]): Promise<boolean> => {
  const { values } = parseArgs({ args: [...args], options: OPTIONS });
  const results = CASES.map(({ hours, slow, atMost }) => {
    const runs = Array.from({ length: Number(values.times) }, () => measure(hours, slow));
    const seconds = median(runs.map((one) => one.seconds));
    const marked = median(runs.map((one) => one.marked));
    const transactions = median(runs.map((one) => one.transactions));
    const what = `${hours} hours${slow ? `, fsync ${SLOW_MS} ms slower` : ''}`;
    say(
      `${what.padEnd(32)} ${seconds.toFixed(2)} s (${(hours / seconds).toFixed(0)} seals/s), ` +
        `${transactions} transactions, markers after ${marked.toFixed(2)} s`,
    );
    return { what, hours, slow, atMost, seconds, marked, transactions };
  });
  if (values.save !== undefined) await saveResults(values.save, { seals: results });
  return reportBars(
    'seals',
    results.map(({ what, seconds, atMost }) => ({ what: `${what}, s`, is: seconds, atMost })),
  );
};

export const bench: Bench = { summary: 'How fast hours that end together are sealed.', run };
