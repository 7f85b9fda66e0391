/**
 * One side of the etl bench, in a process of its own: `logd` runs the ETL on a file, `duckdb` does all of it in SQL on one thread.
 * Prints what it took as JSON: seconds, CPU seconds of all threads, peak MiB.
 *
 *   node bench/etl-child.ts logd|duckdb hive|parquet FILE DIR
 */
import { createReadStream, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { runSql } from '../src/outputs/etl/parquet.ts';
import { runHour } from '../src/outputs/etl/run-hour.ts';

const [side = '', form = '', file = '', dir = ''] = process.argv.slice(2);
const lists = join(file, '..');

const runLogd = async (): Promise<number> => {
  const options = {
    ...{ format: 'vhost_combined', form: form === 'parquet' ? ('parquet' as const) : ('hive' as const) },
    columns_file: join(lists, 'columns.json'),
    spiders_file: join(lists, 'spiders.txt'),
    hosts_file: join(lists, 'hosts.txt'),
    addresses_file: join(lists, 'addresses.txt'),
  };
  const input = createReadStream(file, { highWaterMark: 1024 * 1024 });
  const { counts } = await runHour(options, { dir, part: 'part' }, input);
  return counts.rows;
};

const quote = (text: string): string => `'${text.replaceAll("'", "''")}'`;

const SQL = (spiders: readonly string[]): string[] => [
  `SET TimeZone = 'UTC'`,
  `CREATE TEMP TABLE needle AS SELECT unnest([${spiders.map(quote).join(',')}]) AS word`,
  `CREATE TEMP TABLE raw AS SELECT * FROM read_csv(${quote(file)}, auto_detect = false, header = false, delim = ' ', quote = '"',
     escape = '"', parallel = false, ignore_errors = true, columns = {'host': 'VARCHAR', 'ip': 'VARCHAR', 'ident': 'VARCHAR', 'user': 'VARCHAR',
     't': 'VARCHAR', 'z': 'VARCHAR', 'request': 'VARCHAR', 'status': 'VARCHAR', 'bytes': 'VARCHAR', 'referer': 'VARCHAR', 'agent': 'VARCHAR'})`,
  `CREATE TEMP TABLE agent AS SELECT agent, (SELECT min(word) FROM needle WHERE contains(lower(a.agent), word)) AS spider
     FROM (SELECT DISTINCT agent FROM raw) AS a`,
  `CREATE TEMP MACRO pairs(q) AS list_transform(list_filter(string_split(q, '&'), lambda x: x <> ''),
     lambda x: {'k': url_decode(replace(string_split(x, '=')[1], '+', ' ')), 'v': url_decode(replace(coalesce(string_split(x, '=')[2], ''), '+', ' '))})`,
  `CREATE TEMP VIEW parsed AS
     SELECT strptime(t || ' ' || z, '[%d/%b/%Y:%H:%M:%S %z]') AS ts, r.*, string_split(request, ' ') AS req,
       list_transform(string_split(ip, '.'), lambda x: TRY_CAST(x AS BIGINT)) AS octets, a.spider
     FROM raw AS r JOIN agent AS a USING (agent)`,
  `CREATE TEMP VIEW done AS
     SELECT strftime(ts, '%Y-%m-%dT%H:%M:%S.000Z') AS time, epoch(ts)::BIGINT AS unix, strftime(ts, '%Y-%m-%d') AS day, hour(ts) AS hour, host, ip,
       octets[1] * 16777216 + octets[2] * 65536 + octets[3] * 256 + octets[4] AS address_int, user, req[1] AS method,
       string_split(req[2], '?')[1] AS path, string_split(req[2], '?')[2] AS query, ${form === 'parquet' ? `map_from_entries(pairs(string_split(req[2], '?')[2]))` : `array_to_string(list_transform(pairs(string_split(req[2], '?')[2]), lambda e: e.k || chr(3) || e.v), chr(2))`} AS params,
       req[3] AS protocol, TRY_CAST(status AS INTEGER) AS status, TRY_CAST(bytes AS BIGINT) AS bytes, referer, agent, spider
     FROM parsed WHERE regexp_matches(host, '\\.example\\.com$') AND NOT (ip LIKE '192.168.%' OR ip LIKE '10.99.%')`,
  form === 'parquet'
    ? `COPY done TO ${quote(join(dir, 'out.parquet'))} (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 3)`
    : `COPY done TO ${quote(join(dir, 'out.txt'))} (FORMAT csv, DELIMITER '\x01', QUOTE '', ESCAPE '', HEADER false)`,
];

const runDuckDb = async (): Promise<number> => {
  const spiders = readFileSync(join(lists, 'spiders.txt'), 'utf8').trim().split('\n');
  const { rows } = await runSql([...SQL(spiders), 'SELECT count(*) FROM done']);
  return Number(rows[0]?.[0]);
};

await mkdir(dir, { recursive: true });
const began = performance.now();
const rows = await (side === 'logd' ? runLogd() : runDuckDb());
const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
process.stdout.write(
  JSON.stringify({
    rows,
    seconds: (performance.now() - began) / 1000,
    cpuSeconds: (userCPUTime + systemCPUTime) / 1e6,
    peakMiB: maxRSS / 1024,
  }),
);
