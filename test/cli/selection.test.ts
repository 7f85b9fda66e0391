import assert from 'node:assert/strict';
import test from 'node:test';
import { Command } from 'commander';
import { selectionOf, selectionOptions } from '../../src/cli/selection.ts';

const parse = (...args: string[]) => {
  const command = selectionOptions(new Command())
    .exitOverride()
    .configureOutput({ writeErr: () => undefined });
  return selectionOf(command.parse(args, { from: 'user' }).opts());
};

test('hours are labels or prefixes of them, with the usual signs between their parts', () => {
  assert.deepEqual(parse('--hour', '2026-11-22T16'), { hour: '2026112216' });
  assert.deepEqual(parse('--since', '2026-11-22'), { since: '20261122' });
  assert.deepEqual(parse('--since', '2026102502b'), { since: '2026102502b' });
  for (const wrong of ['yesterday', '22.11.2026', '7', '7 d', '7w', '-7d'])
    assert.throws(() => parse('--since', wrong), /argument .* is invalid/s, wrong);
});

test('--since takes how long ago, too', () => {
  // The hour may change between the calls: what is told lies between them.
  const at = (ms: number): string => {
    const date = new Date(ms);
    const parts = [date.getMonth() + 1, date.getDate(), date.getHours()];
    return `${date.getFullYear()}${parts.map((part) => String(part).padStart(2, '0')).join('')}`;
  };
  const ago = 36 * 3_600_000;
  const before = at(Date.now() - ago);
  const { since } = parse('--since', '36h');
  const after = at(Date.now() - ago);
  assert.ok(since !== undefined && before <= since && since <= after, since);
});
