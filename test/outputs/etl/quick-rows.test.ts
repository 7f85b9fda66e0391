/** The quick way and the slow way give the same bytes, whatever the lines. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import fc from 'fast-check';
import { formatOf } from '../../../src/formats/registry.ts';
import { hourEtl } from '../../../src/outputs/etl/hour-etl.ts';
import { loadRules } from '../../../src/outputs/etl/load-rules.ts';

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

/** The files of a run, by name. */
const runOn = (bytes: Buffer, isQuick: boolean): Record<string, string> => {
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
    });
    const table = { name: 'lines', columns: COLUMNS, partitions: ['day', 'status'], isWanted: () => true };
    const etl = hourEtl({ ...rules, tables: [table], ...(isQuick ? {} : { format: slow }) }, dir, 'part');
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
