import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasTerm, parseFilter, stateTerm, toggleTerm } from '../../web/host-filter.ts';

const named = (filter: string, ...names: string[]): string[] => names.filter(parseFilter(filter).isNamed);

test('text is a part of a name; with a star it is the whole name; of several one is enough', () => {
  const hosts = ['web1', 'web12', 'api1', 'old-web1', 'a.b'] as const;
  assert.deepEqual(named('', ...hosts), [...hosts]);
  assert.deepEqual(named('web1', ...hosts), ['web1', 'web12', 'old-web1']);
  assert.deepEqual(named('web*', ...hosts), ['web1', 'web12']);
  assert.deepEqual(named('*1', ...hosts), ['web1', 'api1', 'old-web1']);
  assert.deepEqual(named('WEB12 api', ...hosts), ['web12', 'api1']);
  assert.deepEqual(named('a.b', ...hosts, 'axb'), ['a.b']);
  assert.deepEqual(named('(', ...hosts), []);
});

test('states and roles are terms of their own', () => {
  const { states, roles, isNamed } = parseFilter('state:late role:sink web* state:Silent state:');
  assert.deepEqual([states, roles], [['late', 'silent'], ['sink']]);
  assert.ok(isNamed('web1') && !isNamed('api1'));
});

test('a legend entry adds its term, and takes only its own out again', () => {
  const term = stateTerm('not expected');
  assert.equal(term, 'state:not-expected');
  const both = toggleTerm(toggleTerm('web*', 'state:late'), term);
  assert.equal(both, 'web* state:late state:not-expected');
  assert.ok(hasTerm(both, 'state:late') && !hasTerm(both, 'state:lat'));
  assert.equal(toggleTerm(both, 'state:late'), 'web* state:not-expected');
});
