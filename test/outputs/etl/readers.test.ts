/** What others make of the files: pyarrow reads the Parquet; DuckDB over the raw text agrees in counts, sums, distincts and groups. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, after, describe, it } from 'node:test';
import { runSql } from '../../../src/outputs/etl/parquet.ts';
import { runHour } from '../../../src/outputs/etl/run-hour.ts';
import { notTested } from '../../house/needs.ts';

const LINES = 5_000;
const COLUMNS = ['unix', 'remote_addr', 'path', 'params', 'status', 'body_bytes_sent', 'http_user_agent'];

const log = Array.from({ length: LINES }, (_, n) => {
  const query = n % 3 === 0 ? '' : `?id=${n % 77}&q=caf%C3%A9+${n % 5}`;
  return `10.0.${n % 7}.${n % 250} - - [22/Nov/2026:${String(n % 24).padStart(2, '0')}:03:${String(n % 60).padStart(2, '0')} +0100] "GET /p/${n % 90}${query} HTTP/1.1" ${n % 50 === 0 ? 500 : 200} ${n * 13} "-" "agent ${n % 11}"\n`;
}).join('');

/** An independent way from raw text to columns. */
const RAW = (file: string): string => `
  SELECT regexp_extract(line, '^(\\S+) ', 1) AS ip, regexp_extract(line, '"GET ([^ ?]*)', 1) AS path,
    regexp_extract(line, '\\?id=(\\d+)', 1) AS id, regexp_extract(line, '" (\\d{3}) ', 1)::INT AS status,
    regexp_extract(line, '" \\d{3} (\\d+) ', 1)::BIGINT AS bytes, regexp_extract(line, '"([^"]*)"$', 1) AS agent,
    epoch(strptime(regexp_extract(line, '\\[([^\\]]*)\\]', 1), '%d/%b/%Y:%H:%M:%S %z'))::BIGINT AS unix
  FROM read_csv('${file}', auto_detect = false, header = false, columns = {'line': 'VARCHAR'}, delim = chr(1), quote = '', escape = '')`;

describe('other readers', () => {
  let dir = '';
  let parquet = '';
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'logd-readers-'));
    await writeFile(join(dir, 'access.log'), log);
    await writeFile(
      join(dir, 'columns.json'),
      JSON.stringify({ lines: { columns: COLUMNS, partitions: [] } }),
    );
    const lists = { spiders_file: undefined, hosts_file: undefined, addresses_file: undefined };
    const options = {
      format: 'combined',
      form: 'parquet',
      columns_file: join(dir, 'columns.json'),
      ...lists,
    } as const;
    const { files } = await runHour(
      options,
      { dir: join(dir, 'out'), part: 'part' },
      (async function* () {
        yield await Promise.resolve(Buffer.from(log));
      })(),
    );
    parquet = join(dir, 'out', files.find((file) => file.endsWith('.parquet')) ?? '');
  });
  after(() => rm(dir, { recursive: true, force: true }));

  it('DuckDB over the raw text agrees', async () => {
    const ours = `SELECT remote_addr AS ip, path, coalesce(params['id'], '') AS id, status, body_bytes_sent AS bytes, http_user_agent AS agent, unix
      FROM read_parquet('${parquet}')`;
    const sums = (from: string): string =>
      `SELECT count(*), sum(bytes), sum(unix), count(DISTINCT ip), count(DISTINCT path), count(DISTINCT id), count(DISTINCT agent) FROM (${from})`;
    const groups = (from: string): string =>
      `SELECT status, path, id, count(*), sum(bytes), min(unix), max(unix) FROM (${from}) GROUP BY ALL ORDER BY ALL`;
    for (const ask of [sums, groups]) {
      const [here, there] = [await runSql([ask(ours)]), await runSql([ask(RAW(join(dir, 'access.log')))])];
      assert.ok(here.rows.length > 0);
      assert.deepEqual(here.rows, there.rows);
    }
  });

  it('pyarrow reads the Parquet', (test) => {
    const python = process.env['LOGD_TEST_PYTHON'] ?? 'python3';
    const script = `import sys, json, pyarrow.parquet as pq
table = pq.read_table(sys.argv[1])
params = [dict(p) for p in table.column("params").to_pylist()[:3]]
print(json.dumps({"rows": table.num_rows, "bytes": sum(table.column("body_bytes_sent").to_pylist()), "params": params, "isMap": str(table.schema.field("params").type).startswith("map<string, string")}))`;
    const { status, stdout } = spawnSync(python, ['-c', script, parquet], { encoding: 'utf8' });
    if (status !== 0) return notTested(test, 'Python with pyarrow (LOGD_TEST_PYTHON names it)');
    assert.deepEqual(JSON.parse(stdout), {
      rows: LINES,
      bytes: (13 * LINES * (LINES - 1)) / 2,
      params: [{}, { id: '1', q: 'café 1' }, { id: '2', q: 'café 2' }],
      isMap: true,
    });
    return undefined;
  });
});
