/** The quick way and the slow way give the same bytes, whatever the lines. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import fc from 'fast-check';
import { formatOf } from '../../../src/formats/registry.ts';
import { type EtlRules, hourEtl } from '../../../src/outputs/etl/hour-etl.ts';
import { loadRules, type RuleOptions } from '../../../src/outputs/etl/load-rules.ts';

const COLUMNS = [
  ...[
    'time',
    'unix',
    'hour',
    'host',
    'remote_addr',
    'address_int',
    'method',
    'path',
    'query',
    'params',
    'protocol',
  ],
  ...[
    'status',
    'body_bytes_sent',
    'http_referer',
    'http_user_agent',
    'spider',
    'param.a',
    'client',
    'cookies',
    'referer_host',
    'agent_browser',
    'agent_os',
    'unknown',
    '',
  ],
];

type Columns = (column: string) => string;

interface Setting {
  readonly tables?: EtlRules['tables'];
  readonly options?: Partial<RuleOptions>;
}

/** The files of a run, by name. */
const runOn = (
  bytes: Buffer,
  isQuick: boolean,
  { tables, options }: Setting = {},
): Record<string, string> => {
  const dir = mkdtempSync(join(tmpdir(), 'logd-quick-'));
  try {
    const { locate: _, ...slow } = formatOf('vhost_combined');
    const rules = loadRules({
      format: 'vhost_combined',
      form: 'hive',
      columns_file: undefined,
      spiders_file: undefined,
      hosts_file: undefined,
      addresses_file: undefined,
      ...options,
    });
    const table = { name: 'lines', columns: COLUMNS, partitions: ['day', 'status'], isWanted: () => true };
    const etl = hourEtl(
      { ...rules, tables: tables ?? [table], ...(isQuick ? {} : { format: slow }) },
      dir,
      'part',
    );
    etl.push(bytes);
    const { files, counts } = etl.end();
    const read = files.map((file): [string, string] => [file, readFileSync(join(dir, file), 'latin1')]);
    return { ...Object.fromEntries(read), counts: JSON.stringify(counts) };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
};

const word = fc.string({
  unit: fc.constantFrom(
    'a',
    'Z',
    '0',
    '/',
    '%',
    '=',
    '&',
    '+',
    'é',
    '\\',
    '"',
    '\x01',
    '\x03',
    '\t',
    ' ',
    '%C3%A9',
    '%FF',
    '%0A',
    '1=',
    '2=',
  ),
  maxLength: 24,
});
const agent = fc.oneof(fc.constantFrom('curl/8', 'Mozilla/5.0 (bot)', '-'), word);
const line = fc
  .tuple(
    word,
    fc.constantFrom('192.0.2.1', '::1', 'x'),
    fc.integer({ min: 10, max: 28 }),
    word,
    word,
    fc.constantFrom('200', '404', ''),
    agent,
  )
  .map(
    ([host, ip, day, path, query, status, ua]) =>
      `${host} ${ip} - - [${day}/Nov/2026:16:03:11 +0100] "GET /${path}?${query} HTTP/1.1" ${status} 12 "-" "${ua}"`,
  );
const odd = fc.oneof(
  word,
  fc.constant(''),
  fc.constant('h 1.2.3.4 - - [22/Nov/2026:16:03:11 +0000] "GET /" 200'),
  fc.constant('h 1.2.3.4 - - [22/Nov/2026:16:03:11 +0000] "GET / HTTP/1.1" 200'),
);

it('gives the same bytes as the slow way', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof({ weight: 4, arbitrary: line }, odd), { maxLength: 30 }),
      fc.uint8Array({ maxLength: 8 }),
      (lines, bytes) => {
        const text = Buffer.concat([
          Buffer.from(`${lines.join('\n')}\n`),
          Buffer.from(bytes),
          Buffer.from('\n'),
        ]);
        assert.deepEqual(runOn(text, true), runOn(text, false));
      },
    ),
    { numRuns: 300 },
  );
});

const request = (path: string, day = 22): string =>
  `h.example 192.0.2.1 - - [${day}/Nov/2026:16:03:11 +0100] "GET ${path} HTTP/1.1" 200 12 "-" "curl"\n`;

/** Both ways on these lines; returns what they agree on. */
const bothWays = (text: string, setting: Setting): Record<string, string> => {
  const quick = runOn(Buffer.from(text), true, setting);
  assert.deepEqual(quick, runOn(Buffer.from(text), false, setting));
  return quick;
};

it('counts a line once that needs care in a condition', () => {
  // A key that comes again needs care; the line is found to be dropped before that is known.
  const tables = [
    { name: 'none', columns: ['path'], partitions: [], isWanted: (of: Columns) => of('params') === 'no' },
  ];
  const { counts = '' } = bothWays(request('/?a=1&a=2').repeat(3) + request('/?a=1'), { tables });
  assert.deepEqual(JSON.parse(counts), { lines: 4, rows: 0, rejected: 0, dropped: { 'no table': 4 } });
});

it('makes room for columns that are longer than their line', () => {
  const dir = mkdtempSync(join(tmpdir(), 'logd-lookup-'));
  try {
    const lookup = join(dir, 'lookup.csv');
    writeFileSync(lookup, `param.a,long\n1,${'x'.repeat(300_000)}\n`);
    const columns = ['lookup.long', 'path', 'status'];
    const tables = [{ name: 'lines', columns, partitions: [], isWanted: () => true }];
    const { 'lines/part': rows = '' } = bothWays(request('/p?a=1').repeat(20), {
      tables,
      options: { lookup_file: lookup },
    });
    const row = `${'x'.repeat(300_000)}\x01/p\x01200\n`;
    assert.ok(rows === row.repeat(20));
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

it('takes little memory for very many partitions', () => {
  const tables = [{ name: 'lines', columns: ['status'], partitions: ['param.a'], isWanted: () => true }];
  const text = Array.from({ length: 4_000 }, (_, n) => request(`/?a=${n}`)).join('');
  const before = process.memoryUsage().arrayBuffers;
  let most = 0;
  const etl = runOn(Buffer.from(text), true, {
    tables: tables.map((table) => ({
      ...table,
      isWanted: () => {
        most = Math.max(most, process.memoryUsage().arrayBuffers - before);
        return true;
      },
    })),
  });
  assert.equal(Object.keys(etl).length, 4_000 + 1);
  assert.ok(most < 64 * 1024 * 1024, `${most} bytes for 4,000 partitions`);
});

for (const zone of ['line', 'Europe/Berlin', 'America/New_York'])
  it(`gives days and hours of the zone ${zone} both ways`, () => {
    const tables = [{ name: 'lines', columns: ['hour', 'time'], partitions: ['day'], isWanted: () => true }];
    const late = request('/').replace('16:03:11 +0100', '00:30:00 +0530');
    const rows = bothWays(late + request('/'), { tables, options: { zone } });
    const expected: Readonly<Record<string, Readonly<Record<string, string>>>> = {
      line: { '22': '0,16' },
      'Europe/Berlin': { '21': '20', '22': '16' },
      'America/New_York': { '21': '14', '22': '10' },
    };
    const found = Object.entries(rows).filter(([name]) => name !== 'counts');
    assert.deepEqual(
      Object.fromEntries(
        found.map(([name, text]) => [
          name.slice('lines/day=2026-11-'.length, -'/part'.length),
          text
            .trim()
            .split('\n')
            .map((row) => row.split('\x01')[0])
            .join(),
        ]),
      ),
      expected[zone],
    );
  });

it('says that a zone is not known', () => {
  assert.throws(() => runOn(Buffer.alloc(0), true, { options: { zone: 'Mars/Olympus' } }), {
    code: 'config',
    message: /"Mars\/Olympus" is not known: use an IANA name .* or line for that of each line/,
  });
});
