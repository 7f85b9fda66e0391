import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { emptyTally, showProblem, showVerdict } from '../../src/cli/audit-output.ts';
import { describeTerm, fitError, proseWidth, wrap, wrapHelp } from '../../src/text/prose.ts';

test('prose is broken between words, and the lines after the first are indented', () => {
  assert.deepEqual(wrap('one two three four', 12, '  '), ['  one two', '  three four']);
  assert.deepEqual(wrap('one  two', 12), ['one  two'], 'what fits stays as it is');
  assert.deepEqual(wrap('a /very/long/path', 8), ['a', '/very/long/path'], 'a word stays whole');
  assert.deepEqual(wrap('\x1b[31mred\x1b[39m words', 9), ['\x1b[31mred\x1b[39m words']);
});

test('no line is longer than the width, but for a single word, and no word is lost', () => {
  const words = fc.array(fc.stringMatching(/^[a-z]{1,12}$/), { minLength: 1 });
  fc.assert(
    fc.property(words, fc.integer({ min: 10, max: 50 }), (text, width) => {
      const lines = wrap(text.join(' '), width, '✗ ');
      for (const line of lines)
        assert.ok(line.length <= width || !line.slice(2).includes(' '), `${width}: ${line}`);
      assert.deepEqual(lines.join(' ').slice(2).split(/ +/), text);
    }),
  );
});

test('a description goes below its term where there is too little room beside it', () => {
  assert.deepEqual(describeTerm('  --all', 10, 'every segment there is', 34), [
    '  --all   every segment there is',
  ]);
  assert.deepEqual(describeTerm('  --all', 10, 'every segment there is', 24), [
    '  --all',
    '      every segment',
    '      there is',
  ]);
});

test('commands are broken between arguments, as a shell takes them', () => {
  const help = "Examples:\n  logd status --json | jq '.segments[] | .host'\n  logd init   print one";
  assert.equal(
    wrapHelp(help, 30),
    "Examples:\n  logd status --json | jq \\\n      '.segments[] | .host'\n  logd init   print one",
  );
  assert.equal(wrapHelp(help, 60), help);
});

test('paragraphs are filled anew', () => {
  assert.equal(wrapHelp('one two\nthree\n\nfour', 13), 'one two three\n\nfour');
});

test('the width is that of the terminal, else of COLUMNS, else 80, within what can be read', () => {
  assert.equal(proseWidth({ isTTY: true, columns: 40 }, { COLUMNS: '90' }), 40);
  assert.equal(proseWidth({ isTTY: true, columns: 200 }, {}), 100);
  assert.equal(proseWidth({}, { COLUMNS: '90' }), 90);
  assert.equal(proseWidth({}, { COLUMNS: 'wide' }), 80);
  assert.equal(proseWidth({ columns: 3 }, {}), 80);
});

test('the verdict of an audit and its problems fit the terminal', () => {
  const tally = { ...emptyTally(), segments: 12, sealed: 12, proven: 12, identical: 12, lines: 3_412_889 };
  const paint = (_: string, text: string): string => text;
  for (const width of [40, 80]) {
    const shown = `${showVerdict(tally, width, paint)}\n${showProblem('✗', `web1/access/2026112216: ${'differs '.repeat(20)}`, width)}`;
    for (const line of shown.split('\n')) assert.ok(line.length <= width, `${width}: ${line}`);
  }
  assert.equal(showVerdict(tally, Infinity, paint).split('\n').length, 1, 'one line in a pipe');
});

test('an error is fitted to a terminal, and left as it is for programs', () => {
  const faults = 'a.yaml:1:2: one two three\nshort\nb.yaml:3:4: four five six';
  assert.equal(fitError('logd: ', faults, { isTTY: false }), `logd: ${faults}`);
  assert.equal(
    fitError('logd: ', faults, { isTTY: true, columns: 24 }),
    ['logd: a.yaml:1:2: one', '  two three', 'short', 'b.yaml:3:4: four five', '  six'].join('\n'),
  );
});
