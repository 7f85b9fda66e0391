import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatBytes, formatCount, painter, table, truncate, widthOf } from '../../src/text/terminal.ts';

const rows = [
  { host: 'web1', note: 'a rather long remark', lines: '12' },
  { host: 'web-with-a-long-name', note: 'short', lines: '3412889' },
];
const columns = [
  { title: 'HOST', cell: (row: (typeof rows)[number]) => row.host, importance: 3 },
  { title: 'NOTE', cell: (row: (typeof rows)[number]) => row.note, importance: 1 },
  { title: 'LINES', cell: (row: (typeof rows)[number]) => row.lines, importance: 2, align: 'right' as const },
];

test('a table with room shows everything', () => {
  assert.deepEqual(table(rows, columns, Infinity), [
    'HOST                  NOTE                    LINES',
    'web1                  a rather long remark       12',
    'web-with-a-long-name  short                 3412889',
  ]);
});

test('the least important column gives way first, then goes', () => {
  assert.deepEqual(table(rows, columns, 40), [
    'HOST                  NOTE         LINES',
    'web1                  a rather…       12',
    'web-with-a-long-name  short      3412889',
  ]);
  assert.deepEqual(table(rows, columns, 12), ['HOST    LIN…', 'web1      12', 'web-w…  341…']);
});

test('no line is wider than the terminal, down to one narrow column', () => {
  fc.assert(
    fc.property(fc.integer({ min: 4, max: 70 }), fc.array(fc.string(), { maxLength: 5 }), (width, names) => {
      const some = names.map((name) => ({ host: name, note: name.repeat(3), lines: '1' }));
      for (const line of table(some, columns, width))
        assert.ok(Array.from(line).length <= width, JSON.stringify(line));
    }),
  );
});

test('control characters of a hostile name are shown, not sent', () => {
  const [, line = ''] = table([{ host: '\x1b[2J\n', note: '', lines: '' }], columns, Infinity);
  assert.equal(line, '\\x1b[2J\\x0a');
});

test('text is cut between characters', () => {
  assert.equal(truncate('👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧', 2), '👩‍👩‍👧…');
  assert.equal(truncate('abc', 3), 'abc');
});

test('colours and a width are for terminals only', () => {
  const write = () => true;
  const terminal = { write, isTTY: true, columns: 99 };
  assert.equal(painter(terminal, {})('red', 'x'), '\x1b[31mx\x1b[0m');
  assert.equal(painter(terminal, { NO_COLOR: '1' })('red', 'x'), 'x');
  assert.equal(painter({ write }, {})('red', 'x'), 'x');
  assert.equal(widthOf(terminal), 99);
  assert.equal(widthOf({}), Infinity);
});

test('numbers are shown for reading', () => {
  assert.equal(formatCount(3_412_889), '3,412,889');
  assert.equal(formatBytes(0), '0 B');
  assert.equal(formatBytes(1_468_006), '1.4 MiB');
  assert.equal(formatBytes(1_048_575), '1.0 MiB');
  assert.equal(formatBytes(2.8383420040897094), '3 B');
  assert.equal(formatBytes(1023.7), '1.0 KiB');
});
