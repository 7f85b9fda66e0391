/** A test that cannot be run says so, and fails where nobody would read it. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { notTested } from './needs.ts';

const root = join(import.meta.dirname, '..', '..');

const says = (env: NodeJS.ProcessEnv): string[] => {
  const said: string[] = [];
  const test = {
    diagnostic: (message: string) => said.push(`says ${message}`),
    skip: (message?: string) => said.push(`skips ${message}`),
  };
  notTested(test, 'a moon', env);
  return said;
};

describe('a test whose needs are missing', () => {
  it('is skipped, and says so, on the machine of a user', () => {
    for (const env of [{}, { CI: '' }, { CI: 'false' }, { CI: '0' }])
      assert.deepEqual(
        says(env),
        ['says', 'skips'].map((how) => `${how} NOT TESTED: this needs a moon`),
      );
  });

  it('fails in continuous integration', () => {
    for (const env of [{ CI: '1' }, { CI: 'true' }])
      assert.throws(() => says(env), /NOT TESTED: this needs a moon, and in CI/);
  });

  it('is told apart: .ci/run sets CI', () => {
    assert.match(readFileSync(join(root, '.ci', 'run'), 'utf8'), /^export CI=1$/m);
  });

  it('is skipped by notTested alone', () => {
    const skips =
      /\b(?:t|test|context|it|describe|suite)\.(?:skip|todo)\b|\b(?:skip|todo): (?:!|true|'|has|is|no)/;
    assert.match("if (!root) t.skip('no root');", skips);
    assert.match("{ skip: !hasSystemd && 'none' }", skips);
    const found = readdirSync(join(root, 'test'), { recursive: true })
      .map(String)
      .filter((path) => path.endsWith('.ts') && !path.startsWith(join('house', 'needs')))
      .filter((path) => skips.test(readFileSync(join(root, 'test', path), 'utf8')));
    assert.deepEqual(found, [], 'call notTested of test/house/needs.ts instead');
  });
});
