/**
 * `npm run bench -- etl`: a file of vhost-combined lines through the ETL with everything on, one worker, beside DuckDB doing all of it in
 * SQL on one thread, and beside `zstdcat | mawk '{n++}'`. Compared are lines per CPU second, so that other work on the machine matters less.
 *
 *   --runs 3 --mib 256 --more-mib 1024 --seed 1 --save NAME
 */
import { execFile, execFileSync } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { type Figures, median } from './figures.ts';
import { type Bar, reportBars, saveResults, say } from './report.ts';
import type { Bench } from './run.ts';

const AGENTS = 10_000;
const NEEDLES = 10_000;
const COLUMNS = [
  ...[
    'time',
    'unix',
    'hour',
    'host',
    'remote_addr',
    'address_int',
    'remote_user',
    'method',
    'path',
    'query',
    'params',
  ],
  ...['protocol', 'status', 'body_bytes_sent', 'http_referer', 'http_user_agent', 'spider'],
];

interface ChildFigures extends Figures {
  readonly rows: number;
  readonly peakMiB: number;
}

/** Numbers that depend on the seed alone. */
const randomFrom = (seed: number): ((below: number) => number) => {
  let state = seed >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
};

const agentOf = (n: number): string =>
  n % 50 === 0
    ? `Mozilla/5.0 (compatible; needle${n % NEEDLES}bot/2.${n % 10}; +http://bots.example.net/${n})`
    : `Mozilla/5.0 (X11; Linux x86_64; rv:${100 + (n % 40)}.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/${100 + (n % 33)}.0.${n}.${n % 97} Safari/537.36`;

/** About 275 bytes a line; 60 % have a query. Returns the number of lines. */
const generate = async (path: string, mib: number, seed: number): Promise<number> => {
  const random = randomFrom(seed);
  const agents = Array.from({ length: AGENTS }, (_, n) => agentOf(n));
  const out = createWriteStream(path, { highWaterMark: 1 << 22 });
  let [bytes, lines] = [0, 0];
  while (bytes < mib * 1024 * 1024) {
    let text = '';
    for (let n = 0; n < 2_000; n++) {
      const time = `22/Nov/2026:16:${String(Math.floor(lines / 60_000) % 60).padStart(2, '0')}:${String(Math.floor(lines / 1_000) % 60).padStart(2, '0')}`;
      const query =
        random(10) < 6 ? `?id=${random(100_000)}&q=caf%C3%A9+${random(500)}&ref=home&page=${random(20)}` : '';
      text += `www${random(20)}.example.com 172.16.${random(256)}.${random(256)} - - [${time} +0000] "GET /shop/item/${random(5_000)}${query} HTTP/1.1" ${random(50) === 0 ? 404 : 200} ${random(90_000)} "https://www.example.com/from/${random(300)}" "${agents[random(AGENTS)]}"\n`;
      lines++;
    }
    bytes += text.length;
    if (!out.write(text)) await once(out, 'drain');
  }
  out.end();
  await once(out, 'close');
  return lines;
};

const child = async (
  side: 'logd' | 'duckdb',
  form: 'hive' | 'parquet',
  file: string,
  dir: string,
): Promise<ChildFigures> => {
  const out = join(dir, `out-${side}-${form}`);
  const script = join(import.meta.dirname, 'etl-child.ts');
  const { stdout } = await promisify(execFile)(process.execPath, [script, side, form, file, out], {
    maxBuffer: 1 << 24,
  });
  await rm(out, { recursive: true, force: true });
  return JSON.parse(stdout) as ChildFigures;
};

/** CPU seconds of `zstdcat | mawk`, by the shell's own account of its children. */
const mawk = (file: string): number => {
  const script = `zstdcat ${file}.zst | mawk '{n++} END {print n}' > /dev/null; times`;
  const last = execFileSync('bash', ['-c', script], { encoding: 'utf8' }).trim().split('\n').at(-1) ?? '';
  return [...last.matchAll(/(\d+)m([\d.]+)s/g)].reduce(
    (sum, [, minutes, seconds]) => sum + Number(minutes) * 60 + Number(seconds),
    0,
  );
};

interface Round {
  readonly text: ChildFigures;
  readonly parquet: ChildFigures;
  readonly sqlText: ChildFigures;
  readonly sqlParquet: ChildFigures;
  readonly mawkCpuSeconds: number;
}

const barsOf = (rounds: readonly Round[], larger: ChildFigures): Bar[] => {
  const over = (of: (round: Round) => number): number => median(rounds.map(of));
  return [
    { what: 'text over SQL', is: over((r) => r.sqlText.cpuSeconds / r.text.cpuSeconds), atLeast: 3 },
    {
      what: 'Parquet over SQL',
      is: over((r) => r.sqlParquet.cpuSeconds / r.parquet.cpuSeconds),
      atLeast: 1.15,
    },
    { what: 'text over zstdcat | mawk', is: over((r) => r.mawkCpuSeconds / r.text.cpuSeconds), atLeast: 0.4 },
    { what: 'peak MiB', is: over((r) => Math.max(r.text.peakMiB, r.parquet.peakMiB)), atMost: 320 },
    { what: 'peak of more over peak', is: larger.peakMiB / over((r) => r.text.peakMiB), atMost: 1.15 },
  ];
};

const OPTIONS = {
  runs: { type: 'string', default: '3' },
  mib: { type: 'string', default: '256' },
  'more-mib': { type: 'string', default: '1024' },
  seed: { type: 'string', default: '1' },
  save: { type: 'string' },
} as const;

const run = async (args: readonly string[]): Promise<boolean> => {
  const { values } = parseArgs({ args: [...args], options: OPTIONS });
  const dir = await mkdtemp(join(tmpdir(), 'logd-bench-etl-'));
  try {
    await writeFile(
      join(dir, 'columns.json'),
      JSON.stringify({ access: { columns: COLUMNS, partitions: [] } }),
    );
    await writeFile(
      join(dir, 'spiders.txt'),
      Array.from({ length: NEEDLES }, (_, n) => `needle${n}bot\n`).join(''),
    );
    await writeFile(join(dir, 'hosts.txt'), '\\.example\\.com$\n');
    await writeFile(join(dir, 'addresses.txt'), '192.168.0.0/16\n10.99.0.0/16\n');
    const file = join(dir, 'access.log');
    const lines = await generate(file, Number(values.mib), Number(values.seed));
    execFileSync('zstd', ['-q', '-3', '-k', file]);
    const rounds: Round[] = [];
    for (let round = 1; round <= Number(values.runs); round++) {
      const one: Round = {
        text: await child('logd', 'hive', file, dir),
        sqlText: await child('duckdb', 'hive', file, dir),
        parquet: await child('logd', 'parquet', file, dir),
        sqlParquet: await child('duckdb', 'parquet', file, dir),
        mawkCpuSeconds: mawk(file),
      };
      rounds.push(one);
      const rate = (cpu: number): string => Math.round(lines / cpu / 1000).toLocaleString('en-US');
      say(
        `${round} thousand lines per CPU second: text ${rate(one.text.cpuSeconds)}, Parquet ${rate(one.parquet.cpuSeconds)}; SQL ${rate(one.sqlText.cpuSeconds)}, ${rate(one.sqlParquet.cpuSeconds)}; mawk ${rate(one.mawkCpuSeconds)}; peak ${one.text.peakMiB.toFixed(0)} and ${one.parquet.peakMiB.toFixed(0)} MiB`,
      );
    }
    await rm(`${file}.zst`);
    await generate(file, Number(values['more-mib']), Number(values.seed));
    const larger = await child('logd', 'hive', file, dir);
    if (values.save !== undefined) await saveResults(values.save, { lines, rounds, larger });
    return reportBars('etl', barsOf(rounds, larger));
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
};

export const bench: Bench = {
  summary: 'lines through the ETL beside DuckDB in SQL and zstdcat | mawk, per CPU second',
  run,
};
