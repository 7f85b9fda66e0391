/** Columns that need more than a line: proxies, lookups, referers, cookies, user agents. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { hourEtl } from '../../../src/outputs/etl/hour-etl.ts';
import { loadRules } from '../../../src/outputs/etl/load-rules.ts';

const FORMAT =
  '$remote_addr [$time_local] "$request" $status "$http_referer" "$http_user_agent" "$http_x_forwarded_for" "$http_cookie"';
const COLUMNS = [
  ...[
    'client',
    'lookup.shop',
    'lookup.country',
    'referer_host',
    'referer_path',
    'referer_params',
    'cookies',
    'cookie.b',
  ],
  ...['agent_browser', 'agent_os', 'agent_device'],
];
const CHROME =
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36';

const rowsOf = (text: string, files: Readonly<Record<string, string>>, more: object = {}) => {
  const dir = mkdtempSync(join(tmpdir(), 'logd-derive-'));
  try {
    for (const [name, content] of Object.entries(files)) writeFileSync(join(dir, name), content);
    const path = (name: string): string | undefined => (name in files ? join(dir, name) : undefined);
    const rules = loadRules({
      ...{
        format: FORMAT,
        form: 'jsonl',
        columns_file: path('columns.json'),
        spiders_file: undefined,
        hosts_file: undefined,
      },
      ...{
        addresses_file: undefined,
        proxies_file: path('proxies.txt'),
        lookup_file: path('lookup.csv'),
        ...more,
      },
    });
    const etl = hourEtl(rules, dir, 'part');
    etl.push(Buffer.from(text, 'latin1'));
    const { counts } = etl.end();
    const lines = counts.rows === 0 ? [] : readFileSync(join(dir, 't/part'), 'utf8').trim().split('\n');
    return { counts, rows: lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
};

const files = {
  'columns.json': JSON.stringify({ t: { columns: COLUMNS } }),
  'proxies.txt': '10.0.0.0/8\n2001:db8::/32\n',
  'lookup.csv': 'param.shop,shop,country\n7,"Shoes, Paris",FR\n8,Hats,DE\n',
};
const line = (address: string, forwarded: string): string =>
  `${address} [22/Nov/2026:16:03:11 +0000] "GET /?shop=7 HTTP/1.1" 200 "https://ex.org/a/b?q=1&q=2" "${CHROME}" "${forwarded}" "a=1; b=x=y; a=2"\n`;

it('finds the client through trusted proxies only', () => {
  const lines = [
    ['192.0.2.1', '198.51.100.7'],
    ['10.0.0.1', '198.51.100.7'],
    ['10.0.0.1', 'made-up, 198.51.100.8, 10.0.0.2'],
    ['10.0.0.1', '-'],
    ['2001:db8::1', '2001:db8:0::2, 10.1.1.1'],
  ].map(([address = '', forwarded = '']) => line(address, forwarded));
  const { rows } = rowsOf(lines.join(''), files);
  assert.deepEqual(
    rows.map(({ client }) => client),
    ['192.0.2.1', '198.51.100.7', '198.51.100.8', '10.0.0.1', '2001:db8:0::2'],
  );
});

it('looks up, and takes referer, cookies and user agent apart', () => {
  const { rows } = rowsOf(line('192.0.2.1', '-'), files);
  assert.deepEqual(rows, [
    {
      client: '192.0.2.1',
      ...{ 'lookup.shop': 'Shoes, Paris', 'lookup.country': 'FR' },
      ...{ referer_host: 'ex.org', referer_path: '/a/b', referer_params: { q: '1,2' } },
      ...{ cookies: { a: '1', b: 'x=y' }, 'cookie.b': 'x=y' },
      ...{ agent_browser: 'Chrome', agent_os: 'Windows', agent_device: 'desktop' },
    },
  ]);
});

it('computes columns, and leaves those empty that cannot be', () => {
  const map = {
    t: {
      columns: ['kib', 'kind', 'broken'],
      computed: { kib: 'double(status) / 8.0', kind: 'path == "/" ? "home" : path', broken: 'int(path)' },
    },
  };
  const { rows } = rowsOf(line('192.0.2.1', '-'), { ...files, 'columns.json': JSON.stringify(map) });
  assert.deepEqual(rows, [{ kib: '25', kind: 'home', broken: '' }]);
  const wrong = { t: { columns: ['a'], computed: { a: 'b +' } } };
  assert.throws(
    () => rowsOf('', { ...files, 'columns.json': JSON.stringify(wrong) }),
    /The expression of column a cannot be used: Unexpected token/,
  );
});

it('rejects lines that are not UTF-8 where that is wanted', () => {
  const bad = line('192.0.2.1', '-').replace('/?shop', '/\xff?shop');
  assert.equal(rowsOf(bad, files).counts.rows, 1);
  const { counts } = rowsOf(bad, files, { invalid_utf8: 'reject' });
  assert.deepEqual([counts.rows, counts.rejected], [0, 1]);
});

it('says what is wrong with a lookup file', () => {
  for (const [text, reason] of [
    ['a\n1\n', /must name the key and at least one column/],
    ['a,b\n1\n', /Line 2 of .* has 1 cells instead of 2/],
    ['a,b\n1,2\n1,3\n', /Line 3 of .* has the key "1" again/],
    ['a,b\n"1,2\n', /A quote is not closed in line 2/],
  ] as const)
    assert.throws(() => rowsOf('', { ...files, 'lookup.csv': text }), reason);
});
