import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderText } from '../../src/telemetry/log.ts';

test('the text of an event has its fields filled in, and those that are not there left as they are', () => {
  assert.equal(renderText('{host} has {lines} of {all}', { host: 'web1', lines: 3 }), 'web1 has 3 of {all}');
  assert.equal(renderText('{what}; {what} {none};', { what: 'It broke.' }), 'It broke; It broke. {none};');
});

test('a name cannot break a line or steer the terminal, by the controls of 7 bits nor by those of 8', () => {
  assert.equal(
    renderText('Cannot read {path}', { path: 'a\nb\x1b[2J\x9b2J\x7f' }),
    'Cannot read a\\x0ab\\x1b[2J\\x9b2J\\x7f',
  );
});
