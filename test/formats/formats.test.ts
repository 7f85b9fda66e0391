import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { apacheFormat } from '../../src/formats/apache.ts';
import { formatOf, guessFormat } from '../../src/formats/registry.ts';
import { addressToInteger, decodePercent, instantOf, queryMap, requestOf } from '../../src/formats/values.ts';

const LINE =
  '10.0.0.1 - bob [22/Nov/2026:16:03:11 +0100] "GET /a?b=c HTTP/1.1" 200 512 "https://x/\\x22y" "curl \\"8\\""';
const read = (format: string, line: string | Buffer): unknown => {
  const parsed = formatOf(format).read(Buffer.from(line));
  return 'fields' in parsed ? { ...parsed.fields } : parsed.reason;
};

describe('formats', () => {
  it('reads combined lines, with escapes in quoted fields', () => {
    assert.deepEqual(read('combined', LINE), {
      remote_addr: '10.0.0.1',
      remote_user: 'bob',
      time_local: '22/Nov/2026:16:03:11 +0100',
      request: 'GET /a?b=c HTTP/1.1',
      status: '200',
      body_bytes_sent: '512',
      http_referer: 'https://x/"y',
      http_user_agent: 'curl "8"',
    });
  });

  it('takes a line whose last fields are missing, and refuses one that lacks what it needs', () => {
    const short = LINE.slice(0, LINE.indexOf(' "https'));
    assert.deepEqual(Object.keys(read('combined', short) as object).length, 6);
    assert.match(String(read('combined', 'nothing like it')), /remote_addr at byte 1 has no end/);
    assert.match(String(read('combined', LINE.slice(0, 60))), /has no end/);
    assert.match(String(read('combined', '')), /remote_addr|remote_user|no end/);
  });

  it('reads an Apache format as it stands in a configuration file', () => {
    const format = apacheFormat(
      'LogFormat "%v %h %l %u %t \\"%r\\" %>s %O \\"%{Referer}i\\" \\"%{User-Agent}i\\"" vhost_combined',
    );
    const parsed = format.read(Buffer.from(`www.example.com ${LINE}`));
    assert.ok('fields' in parsed);
    assert.equal(parsed.fields['host'], 'www.example.com');
    assert.equal(parsed.fields['http_user_agent'], 'curl "8"');
  });

  it('reads json, logfmt, csv, tsv, cri and regular expressions', () => {
    assert.deepEqual(read('json', '{"a":1,"__proto__":2}'), { a: 1, ['__proto__']: 2 });
    assert.equal(read('json', '[1]'), 'The line is JSON, but not an object.');
    assert.deepEqual(read('logfmt', 'level=info msg="a \\"b\\"" ok'), {
      level: 'info',
      msg: 'a "b"',
      ok: true,
    });
    assert.deepEqual(read('csv(a,b,c)', '1,"x,""y",'), { a: '1', b: 'x,"y', c: '' });
    assert.match(String(read('csv(a)', '"open')), /not closed/);
    assert.deepEqual(read('tsv(a,b)', '1\t2'), { a: '1', b: '2' });
    assert.deepEqual(read('cri', '2026-11-22T16:03:11Z stdout F hello you'), {
      ...{ time: '2026-11-22T16:03:11Z', stream: 'stdout', tag: 'F', message: 'hello you' },
    });
    assert.deepEqual(read('/(?P<n>\\d+) (?P<w>\\w+)/', 'x 12 ab'), { n: '12', w: 'ab' });
  });

  it('says what can be written where a format is not known, or cannot be read', () => {
    assert.throws(() => formatOf('combind'), /not a known format. Use combined/);
    assert.throws(() => formatOf('$a$b'), /nothing between a and b/);
    assert.throws(() => formatOf('/(a/'), /cannot be used/);
    assert.throws(() => formatOf('%Z x'), /%Z is not known/);
  });

  it('guesses the format of a file', () => {
    const guess = (...lines: string[]): string =>
      guessFormat(lines.map((line) => Buffer.from(line))).format.name;
    assert.equal(guess(LINE, LINE), 'combined');
    assert.equal(guess(`www.example.com ${LINE}`), 'vhost_combined');
    assert.equal(guess('{"a":1}', '{"b":2}', 'x'), 'json');
    assert.equal(guess('level=info msg=x'), 'logfmt');
    assert.equal(guess('just words', 'and more'), 'line');
  });

  it('throws for no bytes at all, whatever the format', () => {
    const formats = [
      'combined',
      'vhost_combined',
      'json',
      'logfmt',
      'csv(a,b)',
      'cri',
      '/(?P<a>a*)b/',
      '$a "$b" $c',
    ];
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        for (const format of formats) formatOf(format).read(Buffer.from(bytes));
      }),
    );
  });

  it('reads back whatever nginx would write', () => {
    const escape = (text: string): string =>
      [...Buffer.from(text)]
        .map((byte) =>
          byte < 0x20 || byte === 0x22 || byte === 0x5c || byte > 0x7e
            ? `\\x${byte.toString(16).padStart(2, '0').toUpperCase()}`
            : String.fromCharCode(byte),
        )
        .join('');
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (agent, referer) => {
        const line = `h - u [t] "GET / HTTP/1.1" 200 1 "${escape(referer)}" "${escape(agent)}"`;
        const parsed = formatOf('combined').read(Buffer.from(line));
        assert.ok('fields' in parsed);
        assert.deepEqual([parsed.fields['http_referer'], parsed.fields['http_user_agent']], [referer, agent]);
      }),
    );
  });
});

describe('values', () => {
  it('times, requests, parameters, addresses', () => {
    assert.equal(instantOf('22/Nov/2026:16:03:11 +0100'), Date.UTC(2026, 10, 22, 15, 3, 11));
    assert.equal(instantOf('2026-11-22T16:03:11Z'), Date.UTC(2026, 10, 22, 16, 3, 11));
    assert.equal(instantOf('1795363391.5'), 1795363391500);
    assert.equal(instantOf('yesterday'), undefined);
    assert.deepEqual(requestOf('GET /a?b=c HTTP/1.1'), {
      method: 'GET',
      path: '/a',
      query: 'b=c',
      protocol: 'HTTP/1.1',
    });
    assert.equal(requestOf('GET /a b HTTP/1.1'), undefined);
    assert.deepEqual(Object.fromEntries(queryMap('a=1&b=x+y&a=%C3%A9&c')), { a: '1,é', b: 'x y', c: '' });
    assert.equal(decodePercent('caf%E9 %zz'), 'caf\uFFFD %zz');
    assert.equal(addressToInteger('10.0.0.1'), 167772161);
    assert.equal(addressToInteger('::1'), undefined);
  });
});
