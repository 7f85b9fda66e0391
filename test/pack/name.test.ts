/** Names, and names joined to the name of one file. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { isName, joinNames, splitNames } from '../../src/pack/name.ts';

const anyName = fc.stringMatching(/^[a-c0-2](?:[a-c0-2._-]{0,8}[a-c0-2])?$/).filter(isName);

describe('names', () => {
  it('are letters, digits and ".", "-" or "_" between them', () => {
    for (const good of ['web1', 'db_1', 'a', 'a.b-c_d', 'x'.repeat(64)]) assert.ok(isName(good), good);
    for (const bad of ['', '_', '_a', 'a_', 'a__b', 'a..b', 'a b', 'a/b', 'a%b', 'ä', 'x'.repeat(65)])
      assert.ok(!isName(bad), bad);
  });

  it('are joined in a way that gives them back, and never two lists the same', () => {
    const parts = fc.array(anyName, { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(parts, parts, (one, other) => {
        assert.deepEqual(splitNames(joinNames(...one)), one);
        assert.equal(
          joinNames(...one) === joinNames(...other),
          JSON.stringify(one) === JSON.stringify(other),
        );
      }),
      { numRuns: 2000 },
    );
  });

  it('with two of 64 characters, an hour and a count still make the name of a file', () => {
    const longest = `${'a_'.repeat(31)}aa`;
    assert.ok(isName(longest) && longest.length === 64);
    assert.ok(joinNames(longest, longest, '2026112216b', Number.MAX_SAFE_INTEGER).length <= 255);
  });
});
