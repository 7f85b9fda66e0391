import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { isName } from '../../../src/pack/name.ts';
import { checkLayout, DEFAULT_LAYOUT, layoutPath, layoutsCollide } from '../../../src/stores/file/layout.ts';

const key = { host: 'web1', stream: 'access', hour: '2026112216' };

describe('layout', () => {
  it('names hours, repeated hours and days', () => {
    assert.equal(layoutPath(DEFAULT_LAYOUT, key), 'stream=access/dt=2026-11-22/hour=16/host=web1/access.log');
    assert.equal(
      layoutPath('{year}/{month}/{day}/{hour}/{stream}_{host}.log', { ...key, hour: '2026102502b' }),
      '2026/10/25/02b/access_web1.log',
    );
    assert.equal(
      layoutPath(DEFAULT_LAYOUT, { ...key, host: 'db_1' }),
      'stream=access/dt=2026-11-22/hour=16/host=db_1/access.log',
    );
    assert.equal(
      layoutPath('{date}/{hour}/{stream}_{host}.log', { ...key, host: 'db_1' }),
      '2026-11-22/16/access_db%5F1.log',
      'where a "_" stands between two names',
    );
    assert.equal(
      layoutPath(DEFAULT_LAYOUT, { ...key, hour: '20261122' }),
      'stream=access/dt=2026-11-22/hour=all/host=web1/access.log',
    );
  });

  for (const good of [
    DEFAULT_LAYOUT,
    '{stream}/{date}/{hour}/{host}.log',
    'a b/{host}/{year}{month}{day}-{hour}_{stream}.txt',
    '{date}-{hour}-{host}_{stream}.log',
  ])
    it(`takes ${good}`, () => assert.equal(checkLayout(good), good));

  for (const [bad, why] of [
    ['{stream}/{date}/{hour}.log', /several segments into one file/],
    ['{stream}/{host}/{year}/{hour}.log', /several segments into one file/],
    ['{stream}/{host}/{date}.log', /several segments into one file/],
    ['{stream}/{host}/{date}/{hour}/{minute}.log', /unknown placeholder \{minute\}/],
    ['/{stream}/{host}/{date}/{hour}.log', /relative path/],
    ['../{stream}/{host}/{date}/{hour}.log', /relative path/],
    ['{stream}//{host}/{date}/{hour}.log', /relative path/],
    ['{stream}/./{host}/{date}/{hour}.log', /relative path/],
    ['.logd-lock/{stream}/{host}/{date}/{hour}.log', /kept for the lock/],
    ['{stream}/{host}/{date}/{hour}.log~', /stray/],
    ['{stream}/{host}/{date}/{hour}.log}', /stray/],
    ['{date}/{hour}/{stream}{host}.log', /lets \{stream\} run into \{host\}/],
    ['{date}/{hour}/{stream}-{host}.log', /lets \{stream\} run into \{host\}/],
    ['{date}/{stream}/{hour}{host}.log', /lets \{hour\} run into \{host\}/],
    ['{date}/{hour}/%5F{stream}_{host}.log', /could be taken for it/],
    ['{stream}/{date}/{hour}/{host}', /must end in/],
    ['{stream}/{date}/{hour}/{host}.zst', /must end in/],
    ['{stream}/{date}/{hour}/{host}t', /must end in/],
  ] as const)
    it(`refuses ${bad}`, () => assert.throws(() => checkLayout(bad), { code: 'config', message: why }));

  it('never gives two segments one path, whatever the template', () => {
    const names = fc.stringMatching(/^[a-b0-1](?:[ab01._-]{0,4}[ab01])?$/).filter(isName);
    const keys = fc.record({
      host: names,
      stream: names,
      hour: fc.constantFrom('20261122', '2026112216', '2026112216b', '2026112211'),
    });
    const templates = fc
      .tuple(
        fc.shuffledSubarray(['{stream}', '{host}', '{date}', '{hour}'], { minLength: 4 }),
        fc.array(fc.constantFrom('', '/', '-', '_', '.', '%', '-_', '__', 'b', '1'), {
          minLength: 3,
          maxLength: 3,
        }),
      )
      .map(([parts, between]) => `${parts.map((part, n) => part + (between[n] ?? '')).join('')}.log`)
      .filter((template) => {
        try {
          return checkLayout(template) !== '';
        } catch {
          return false;
        }
      });
    fc.assert(
      fc.property(templates, keys, keys, (template, a, b) => {
        fc.pre(a.host !== b.host || a.stream !== b.stream || a.hour !== b.hour);
        const [one, other] = [layoutPath(template, a), layoutPath(template, b)];
        assert.notEqual(one, other);
        assert.notEqual(one, `${other}.zst`);
        assert.ok(!one.startsWith(`${other}/`));
      }),
      { numRuns: 2000 },
    );
  });

  for (const [one, other] of [
    ['{stream}/{date}/{hour}/{host}.log', '{stream}/{date}/{hour}/x-{host}.log'],
    ['{stream}/{date}/{hour}/{host}.log', '{stream}/{date}/{hour}/x_{host}.log'],
    ['{stream}/{date}/{hour}/{host}.log', '{host}/{date}/{hour}/{stream}.log'],
  ] as const)
    it(`knows that ${one} and ${other} can meet`, () => {
      assert.ok(layoutsCollide(one, other));
      assert.ok(!layoutsCollide(one, `v2/new/${other}`));
    });
});
