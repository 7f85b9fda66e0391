/** What `logd etl test` shows of a line. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { it } from 'node:test';
import { shownLine } from '../../src/cli/etl-sample.ts';
import { formatOf } from '../../src/formats/registry.ts';

const MAIN = join(import.meta.dirname, '../../src/cli/main.ts');
const GOLDEN = join(import.meta.dirname, '../outputs/etl/golden');

it('shows each part of a line in a colour, and its name in the same', () => {
  const line = '203.0.113.7 - bob [22/Nov/2026:16:03:11 +0100] "GET / HTTP/1.1" 200 5';
  const shown = shownLine(Buffer.from(line), formatOf('common'), (colour, text) => `<${colour}:${text}>`);
  assert.equal(
    shown,
    '<cyan:203.0.113.7><dim: ><green:-><dim: ><yellow:bob><dim: [><magenta:22/Nov/2026:16:03:11 +0100><dim:] "><blue:GET / HTTP/1.1><dim:" ><cyan:200><dim: ><green:5>\n' +
      '  <bold:fields> <cyan:remote_addr> <green:remote_ident> <yellow:remote_user> <magenta:time_local> <blue:request> <cyan:status> <green:body_bytes_sent>',
  );
});

it('shows a line as it is where its parts are not known', () => {
  const paint = (): string => assert.fail('nothing is coloured');
  assert.equal(shownLine(Buffer.from('{"a":1}'), formatOf('json'), paint), '{"a":1}');
  assert.equal(shownLine(Buffer.from('no line'), formatOf('common'), paint), 'no line');
});

it('says for each line to which table it goes, by which rule it is dropped, or why it is rejected', () => {
  const list = (name: string): string[] => [`--${name}`, join(GOLDEN, `${name}.txt`)];
  const { stdout, status } = spawnSync(
    process.execPath,
    [
      ...[MAIN, 'etl', 'test', '--sample', join(GOLDEN, 'access.log'), '--format', 'vhost_combined'],
      ...['--columns', join(GOLDEN, 'colsmap.json'), '--lines', '12', '--zone', 'line'],
      ...[...list('hosts'), ...list('addresses'), ...list('spiders')],
    ],
    { encoding: 'utf8' },
  );
  const results = stdout.split('\n').filter((text) => /^ {2}(?:table|dropped|rejected)/.test(text));
  assert.deepEqual(results, [
    '  table click',
    '  table open',
    '  table other',
    '  dropped by rule: host',
    '  dropped by rule: address',
    '  dropped by rule: no table',
    ...Array.from({ length: 4 }, () => '  table other'),
    '  rejected: remote_user at byte 12 has no end.',
    '  rejected: host at byte 1 has no end.',
  ]);
  assert.equal(status, 1);
});
