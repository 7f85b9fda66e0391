/** Parquet through DuckDB, and `logd query` over it: as a user would run them. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';

const MAIN = join(import.meta.dirname, '../../../src/cli/main.ts');

const logd = (...args: string[]): string => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  return stdout;
};

const STATUSES = [200, 200, 404, 500];

it('the same hour as Parquet, text and by hand agree in counts, sums and groups; a rerun gives the same bytes', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'logd-parquet-'));
  try {
    const input = join(dir, 'access.log');
    const lines = Array.from(
      { length: 2_000 },
      (_, n) =>
        `10.0.0.${n % 9} - - [22/Nov/2026:16:03:11 +0000] "GET /p/${n % 5}?q=${n} HTTP/1.1" ${STATUSES[n % 4]} ${n} "-" "curl"\n`,
    );
    await writeFile(input, `${lines.join('')}no line\n`);
    const out = (form: string): string => join(dir, form);
    for (const form of ['parquet', 'jsonl'])
      logd('etl', 'run', '--input', input, '--form', form, '--out', out(form));
    const sql =
      'select status::integer s, count(*)::integer n, sum(body_bytes_sent::bigint)::integer b, count(distinct path)::integer p from lines group by 1 order by 1';
    const wanted = [200, 404, 500].map((status) => {
      const of = Array.from({ length: 2_000 }, (_, n) => n).filter((n) => STATUSES[n % 4] === status);
      return {
        s: status,
        n: of.length,
        b: of.reduce((sum, n) => sum + n, 0),
        p: new Set(of.map((n) => n % 5)).size,
      };
    });
    for (const form of ['parquet', 'jsonl'])
      assert.deepEqual(JSON.parse(logd('query', '--etl', out(form), '--format', 'json', sql)), wanted, form);
    const types = logd(
      'query',
      '--etl',
      out('parquet'),
      '--format',
      'csv',
      'select typeof(time), typeof(params), typeof(status) from lines limit 1',
    );
    assert.match(types, /TIMESTAMP WITH TIME ZONE,"MAP\(VARCHAR, VARCHAR\)",INTEGER/);
    const file = join(out('parquet'), 'lines/day=2026-11-22/part-access.log.parquet');
    const before = await readFile(file);
    logd('etl', 'run', '--input', input, '--form', 'parquet', '--out', out('parquet'));
    assert.ok((await readFile(file)).equals(before));
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
});

it('has memory enough for rows of several KiB', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'logd-parquet-'));
  try {
    const input = join(dir, 'access.log');
    const noise = randomBytes(1 << 20).toString('hex');
    const lines = Array.from({ length: 14_000 }, (_, n) => {
      const path = noise.slice(n * 16, n * 16 + 12_000);
      return `10.0.0.1 - - [22/Nov/2026:16:03:11 +0000] "GET /${path} HTTP/1.1" 200 ${n} "-" "curl"\n`;
    });
    await writeFile(input, lines);
    const out = join(dir, 'out');
    logd('etl', 'run', '--input', input, '--format', 'combined', '--form', 'parquet', '--out', out);
    const sql = 'select count(*)::integer n, sum(length(path))::bigint::varchar l from lines';
    assert.deepEqual(JSON.parse(logd('query', '--etl', out, '--format', 'json', sql)), [
      { n: 14_000, l: String(14_000 * 12_001) },
    ]);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
});
