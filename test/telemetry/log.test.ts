import assert from 'node:assert/strict';
import { test } from 'node:test';
import { textOfPath } from '../../src/disk/path-bytes.ts';
import { escapeBytes } from '../../src/telemetry/printable.ts';
import { renderText } from '../../src/telemetry/log.ts';

test('the text of an event has its fields filled in, and those that are not there left as they are', () => {
  assert.equal(renderText('{host} has {lines} of {all}', { host: 'web1', lines: 3 }), 'web1 has 3 of {all}');
  assert.equal(
    renderText('in {a_ms}, {b_ms}, {c_ms}', { a_ms: 412, b_ms: 3, c_ms: 29_900 }),
    'in 0.4 s, 0.1 s, 30 s',
  );
  assert.equal(renderText('{what}; {what} {none};', { what: 'It broke.' }), 'It broke; It broke. {none};');
});

test('a name cannot break a line or steer the terminal, by the controls of 7 bits nor by those of 8', () => {
  assert.equal(
    renderText('Cannot read {path}', { path: 'a\nb\x1b[2J\x9b2J\x7f' }),
    'Cannot read a\\x0ab\\x1b[2J\\x9b2J\\x7f',
  );
});

test('a byte of a name that is not UTF-8 is shown as an escape', () => {
  const name = textOfPath(Buffer.from([0x63, 0x61, 0x66, 0xe9]));
  assert.equal(escapeBytes(name), 'caf\\xe9');
});
