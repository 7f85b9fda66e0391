import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { LogdError } from '../../src/error.ts';
import { labelPrefix, parsePattern } from '../../src/tail/pattern.ts';

const fieldsOf = (pattern: string, path: string) => {
  const matched = parsePattern(pattern).match(path);
  if (matched === undefined) return undefined;
  const { year, month, day, hour } = matched.fields;
  return [year, month, day, hour, matched.minute];
};

describe('a pattern', () => {
  it('reads the hour from a name', () => {
    const text = '/var/log/nginx/access.log.<%Y%m%d%H>';
    assert.deepEqual(fieldsOf(text, '/var/log/nginx/access.log.2026112216'), [2026, 11, 22, 16, 0]);
    const pattern = parsePattern(text);
    assert.equal(pattern.unit, 'hour');
    assert.equal(pattern.minutes, false);
    assert.equal(pattern.root, '/var/log/nginx');
    assert.equal(pattern.parts.length, 1);
  });
  it('reads a day, minutes, and fields in directories', () => {
    assert.deepEqual(fieldsOf('/a/<%Y-%m-%d>.log', '/a/2026-11-22.log'), [2026, 11, 22, undefined, 0]);
    assert.equal(parsePattern('/a/<%Y-%m-%d>.log').unit, 'day');
    assert.deepEqual(fieldsOf('/a/<%Y%m%d%H%M>', '/a/202611221645'), [2026, 11, 22, 16, 45]);
    assert.ok(parsePattern('/a/<%Y%m%d%H%M>').minutes);
    const text = '/logs/<%Y-%m>/<%d>/x/access.<%H>.log';
    assert.deepEqual(fieldsOf(text, '/logs/2026-11/22/x/access.07.log'), [2026, 11, 22, 7, 0]);
    assert.equal(parsePattern(text).root, '/logs');
    assert.deepEqual(
      parsePattern(text).parts.map((part) => part.literal),
      [undefined, undefined, 'x', undefined],
    );
    assert.equal(parsePattern('/<%Y%m%d>').root, '/');
  });
  it('takes all else for itself', () => {
    const text = '/a/b+c.(d)%Y[1]-x.<%Y%m%d%H>.log';
    assert.deepEqual(fieldsOf(text, '/a/b+c.(d)%Y[1]-x.2026112216.log'), [2026, 11, 22, 16, 0]);
    for (const path of [
      '/a/b+c.(d)%Y[1]-x.2026112216.log.gz',
      '/a/b+c.(d)%Y[1]-x.2026112216xlog',
      '/a/bbc.(d)%Y[1]-x.2026112216.log',
      '/a/z/b+c.(d)%Y[1]-x.2026112216.log',
      'a/b+c.(d)%Y[1]-x.2026112216.log',
      '/a/b+c.(d)%Y[1]-x.202611221.log',
      '/a/b+c.(d)%Y[1]-x.2026112216.log\n',
    ])
      assert.equal(fieldsOf(text, path), undefined, path);
  });
  it('has wildcards within one part of the path', () => {
    const text = '/a/*/web?-<%Y%m%d%H>*';
    assert.deepEqual(fieldsOf(text, '/a/x/web1-2026112216'), [2026, 11, 22, 16, 0]);
    assert.deepEqual(fieldsOf(text, '/a/x/web1-2026112216.log'), [2026, 11, 22, 16, 0]);
    for (const path of [
      '/a/x/y/web1-2026112216',
      '/a/x/web-2026112216',
      '/a/.x/web1-2026112216',
      '/a/x/web12-2026112216',
    ])
      assert.equal(fieldsOf(text, path), undefined, path);
  });
  it('refuses times that do not exist', () => {
    const text = '/a/<%Y%m%d%H%M>';
    for (const time of [
      '202602290000',
      '202613010000',
      '202600010000',
      '202601000000',
      '202601322400',
      '202601012400',
      '202601010060',
      '196901010000',
    ])
      assert.equal(fieldsOf(text, `/a/${time}`), undefined, time);
    assert.deepEqual(fieldsOf(text, '/a/202402290000'), [2024, 2, 29, 0, 0]);
  });
  it('wants repeated fields to agree', () => {
    const text = '/a/<%Y>/<%Y%m%d>/<%d-%H-%d>';
    assert.deepEqual(fieldsOf(text, '/a/2026/20261122/22-16-22'), [2026, 11, 22, 16, 0]);
    for (const path of [
      '/a/2025/20261122/22-16-22',
      '/a/2026/20261122/23-16-23',
      '/a/2026/20261122/22-16-23',
    ])
      assert.equal(fieldsOf(text, path), undefined, path);
  });
  it('gives back the time it was written for', () => {
    const date = fc.date({ min: new Date('1970-01-01'), max: new Date('2999-12-31'), noInvalidDate: true });
    const pattern = parsePattern('/l/<%Y-%m-%d>/x.<%H.%M>');
    fc.assert(
      fc.property(date, (at) => {
        const iso = at.toISOString();
        const matched = pattern.match(`/l/${iso.slice(0, 10)}/x.${iso.slice(11, 13)}.${iso.slice(14, 16)}`)!;
        const { year, month, day, hour } = matched.fields;
        assert.equal(
          Date.UTC(year, month - 1, day, hour, matched.minute),
          Math.floor(at.getTime() / 60_000) * 60_000,
        );
      }),
    );
  });
});

describe('a wrong pattern', () => {
  const faults: [text: string, message: RegExp][] = [
    ['log.<%Y%m%d>', /character 1: .*absolute/],
    ['/a/<%Y%m%d%S>', /character 11: %S is not a field/],
    ['/a/<%Y%m%d%', /character 11: % is not a field/],
    ['/a/<%Y%m%d', /character 4: < without/],
    ['/a/%Y>', /character 6: > without/],
    ['/a/<<%Y>', /character 5: .*another </],
    ['/a/<>.<%Y%m%d>', /character 4: .*no time/],
    ['/a/<%Y/%m%d>', /character 7: .*cannot contain \//],
    ['/a/<%Y*%m%d>', /character 7: .*cannot contain \*/],
    ['/a/<%Y%m>', /%d missing/],
    ['/a/<%H>', /%Y, %m, %d missing/],
    ['/a/access.log', /%Y, %m, %d missing/],
    ['/a/%Y%m%d%H', /missing/],
    ['/a/<%Y%m%d%M>', /character 11: %M needs %H/],
    ['/a//<%Y%m%d>', /character 4: .*empty/],
    ['/a/<%Y%m%d>/', /character 13: .*empty/],
    ['/a/../<%Y%m%d>', /character 4: .*without \. and \.\./],
    ['/a\0/<%Y%m%d>', /character 3: .*NUL/],
  ];
  for (const [text, message] of faults)
    it(`${JSON.stringify(text)} is refused with its place`, () => {
      assert.throws(
        () => parsePattern(text),
        (error) => error instanceof LogdError && error.code === 'config' && message.test(error.message),
      );
    });
});

it('known digits of the label', () => {
  assert.equal(labelPrefix({}), '');
  assert.equal(labelPrefix({ month: 3 }), '');
  assert.equal(labelPrefix({ year: 2026, day: 3 }), '2026');
  assert.equal(labelPrefix({ year: 2026, month: 3 }), '202603');
  assert.equal(labelPrefix({ year: 2026, month: 3, day: 9, hour: 4 }), '20260309');
});
