import assert from 'node:assert/strict';
import { it } from 'node:test';
import { printable } from '../../src/telemetry/printable.ts';

it('shows what would steer a terminal, or turn text round, as escapes', () => {
  assert.equal(printable('a\x1b[2Jb\x9bc\n'), 'a\\x1b[2Jb\\x9bc\\x0a');
  assert.equal(
    printable('gnp.\u202eexe\u2066x\u200b\u2028\ufeff'),
    'gnp.\\u202eexe\\u2066x\\u200b\\u2028\\ufeff',
  );
  assert.equal(printable('café — 日本 😀'), 'café — 日本 😀');
});
