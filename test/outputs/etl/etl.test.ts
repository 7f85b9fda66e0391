import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { tablesOf, toGoMap } from '../../../src/outputs/etl/columns.ts';
import { needleFinder } from '../../../src/outputs/etl/needles.ts';
import { addressFilter, condition, hostFilter } from '../../../src/outputs/etl/rules.ts';
import { type HourResult, runHour } from '../../../src/outputs/etl/run-hour.ts';
import type { RuleOptions } from '../../../src/outputs/etl/load-rules.ts';

const MAIN = join(import.meta.dirname, '../../../src/cli/main.ts');

const line = (
  n: number,
  more: { host?: string; address?: string; path?: string; agent?: string } = {},
): string =>
  `${more.host ?? 'br.example.com'} ${more.address ?? '10.0.0.1'} - - [22/Nov/2026:${String(n % 24).padStart(2, '0')}:03:11 +0000] ` +
  `"GET ${more.path ?? `/p/${n}?a=%C3%A9&b=1&a=2`} HTTP/1.1" 200 5 "-" "${more.agent ?? 'curl'}"\n`;

const inDirectory = async (job: (dir: string) => Promise<void>): Promise<void> => {
  const dir = await mkdtemp(join(tmpdir(), 'logd-etl-'));
  try {
    await job(dir);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
};

async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size)
    yield await Promise.resolve(Buffer.from(bytes.subarray(at, at + size)));
}

/** Every file below a directory that a reader sees, with its text. */
const filesIn = async (dir: string): Promise<Record<string, string>> => {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
  const shown = files.filter((path) => !path.slice(dir.length).includes('/.')).toSorted();
  return Object.fromEntries(
    await Promise.all(
      shown.map(async (path) => [path.slice(dir.length + 1), await readFile(path, 'latin1')]),
    ),
  ) as Record<string, string>;
};

const run = (
  dir: string,
  text: string,
  options: Partial<RuleOptions> = {},
  size = 1000,
): Promise<HourResult> =>
  runHour(
    { format: 'vhost_combined', form: 'hive', ...options },
    { dir: join(dir, 'out'), part: 'part-x' },
    inPieces(Buffer.from(text), size),
  );

describe('the ETL of an hour', () => {
  it('writes the Go system’s tables as Hive text, and accounts for every line', () =>
    inDirectory(async (dir) => {
      const files = {
        columns: join(dir, 'colsmap.json'),
        hosts: join(dir, 'hosts'),
        addresses: join(dir, 'addresses'),
      };
      await writeFile(
        files.columns,
        JSON.stringify({
          click: {
            columns: ['event_time', 'event_ip', 'click_position'],
            partitions: ['event_day', 'host'],
            where: 'path~^/click',
          },
          access: {
            columns: ['event_time', 'event_ip', '', 'event_url', 'event_urlparams'],
            partitions: ['event_day', 'host'],
          },
        }),
      );
      await writeFile(files.hosts, '# ours\n^br\\.example\\.com$\n');
      await writeFile(files.addresses, '192.168.0.0/16 \n2001:db8::/32\n');
      const text =
        line(1) +
        line(2, { path: '/click?click_position=7' }) +
        line(3, { host: 'evil.example.com' }) +
        line(4, { address: '192.168.3.4' }) +
        line(5, { address: '2001:db8::1' }) +
        'no line at all\n' +
        line(6).trimEnd();
      const { counts } = await run(dir, text, {
        ...{ columns_file: files.columns, hosts_file: files.hosts, addresses_file: files.addresses },
      });
      assert.deepEqual(counts, { lines: 7, rows: 3, rejected: 1, dropped: { host: 1, address: 2 } });
      const found = await filesIn(join(dir, 'out'));
      const at = (hour: number): number => Date.UTC(2026, 10, 22, hour, 3, 11) / 1000;
      const parameters = Buffer.from('a\x03é,2\x02b\x031').toString('latin1');
      assert.deepEqual(Object.keys(found), [
        'access/event_day=2026-11-22/host=br.example.com/part-x.txt',
        'click/event_day=2026-11-22/host=br.example.com/part-x.txt',
        'etl_done/part-x',
        'etl_reject/part-x.jsonl',
      ]);
      assert.equal(
        found['access/event_day=2026-11-22/host=br.example.com/part-x.txt'],
        [1, 6].map((n) => `${at(n)}\x0110.0.0.1\x01\x01/p/${n}\x01${parameters}\n`).join(''),
      );
      assert.equal(
        found['click/event_day=2026-11-22/host=br.example.com/part-x.txt'],
        `${at(2)}\x0110.0.0.1\x017\n`,
      );
      assert.match(
        found['etl_reject/part-x.jsonl'] ?? '',
        /^\{"line":6,"reason":".+","text":"no line at all"\}\n$/,
      );
    }));

  it('gives the same bytes however the hour is cut into pieces, and replaces exactly its own files', () =>
    inDirectory(async (dir) => {
      const text = Array.from({ length: 300 }, (_, n) => line(n)).join('');
      await run(dir, text, {}, 1_000_000);
      const first = await filesIn(join(dir, 'out'));
      await writeFile(join(dir, 'out', 'lines', 'another-part.txt'), 'kept');
      await run(dir, text, {}, 7);
      const kept = { ...first, 'lines/another-part.txt': 'kept' };
      assert.deepEqual(await filesIn(join(dir, 'out')), kept);
      // Late lines: the hour comes whole again, with another day in it; a partition that is gone leaves no file.
      await run(dir, text.replaceAll('22/Nov/2026', '23/Nov/2026'));
      const names = Object.keys(await filesIn(join(dir, 'out')));
      assert.deepEqual(names, [
        'etl_done/part-x',
        'lines/another-part.txt',
        'lines/day=2026-11-23/part-x.txt',
      ]);
    }));

  it('survives hostile lines, and no value leads out of its table', () =>
    inDirectory(async (dir) => {
      const hostile = [
        line(1, { path: `/${'x'.repeat(1024 * 1024)}` }),
        line(2, { path: `/?${Array.from({ length: 100_000 }, (_, n) => `k${n}=%`).join('&')}` }),
        line(3, { agent: 'a\\"b' }),
        line(4, { host: '../../etc' }),
        line(5, { host: '..' }),
        '"unbalanced\n',
        '\n',
        '\0\0\0\n',
        '\xff\xfe\n',
      ].join('');
      const columns = join(dir, 'c.json');
      await writeFile(columns, JSON.stringify({ t: { columns: ['path', 'params'], partitions: ['host'] } }));
      const { counts, files } = await run(dir, hostile, { columns_file: columns });
      assert.deepEqual([counts.lines, counts.rows, counts.rejected], [9, 5, 4]);
      assert.ok(
        files.every((file) => !file.split('/').includes('..')),
        files.join(),
      );
      assert.ok((await readdir(join(dir, 'out', 't'))).every((name) => name.startsWith('host=')));
    }));

  it('killed in the middle, gives the same bytes when it is run again', { timeout: 120_000 }, () =>
    inDirectory(async (dir) => {
      const input = join(dir, 'access.log');
      await writeFile(input, Array.from({ length: 60_000 }, (_, n) => line(n)).join(''));
      const args = (out: string): string[] => [MAIN, 'etl', 'run', '--input', input, '--out', join(dir, out)];
      assert.equal(spawnSync(process.execPath, args('whole')).status, 0);
      for (const ms of [300, 700, 1000, 1300]) {
        const child = spawn(process.execPath, args('killed'), { stdio: 'ignore' });
        const ended = once(child, 'exit');
        await Promise.race([sleep(ms), ended]);
        child.kill('SIGKILL');
        await ended;
      }
      assert.equal(spawnSync(process.execPath, args('killed')).status, 0);
      assert.deepEqual(await filesIn(join(dir, 'killed')), await filesIn(join(dir, 'whole')));
    }),
  );
});

describe('the parts of the ETL', () => {
  it('finds what a plain search finds', () => {
    const words = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 4 }));
    fc.assert(
      fc.property(
        words,
        fc.string({ unit: fc.constantFrom('a', 'b', 'c', 'd'), maxLength: 20 }),
        (needles, text) => {
          const found = needleFinder(needles)(text);
          assert.equal(
            found !== '',
            needles.some((needle) => text.includes(needle)),
          );
          assert.ok(found === '' || text.includes(found));
        },
      ),
    );
    assert.equal(needleFinder(['Googlebot'])('Mozilla GOOGLEBOT/2'), 'Googlebot');
  });

  it('reads column maps both ways, and says what is wrong with one', () => {
    const go = { access: { columns: ['event_time', ''], partitions: ['event_day'] } };
    assert.deepEqual(toGoMap(tablesOf(go)), go);
    assert.throws(() => tablesOf({ '../x': go.access }), /cannot be a table's name/);
    assert.throws(() => tablesOf({ a: { columns: 'x' } }), /needs columns/);
    assert.throws(() => tablesOf({}), /no table/);
  });

  it('filters hosts and addresses, and tests conditions', () => {
    assert.equal(hostFilter(['\\.example\\.com$'])('a.example.com'), true);
    assert.equal(hostFilter(['\\.example\\.com$'])('a.example.org'), false);
    assert.throws(() => hostFilter(['(']), /cannot be used/);
    const isListed = addressFilter(['10.0.0.0/8', '2001:db8::1']);
    assert.deepEqual(['10.1.2.3', '11.0.0.1', '2001:db8::1', '-'].map(isListed), [true, false, true, false]);
    assert.throws(() => addressFilter(['10.0.0']), /no address/);
    const row = (column: string): string => ({ status: '200', path: '/click/1' })[column] ?? '';
    assert.equal(condition('status=200 and path~^/click')(row), true);
    assert.equal(condition('status!=200')(row), false);
    assert.throws(() => condition('what'), /no condition/);
  });
});
