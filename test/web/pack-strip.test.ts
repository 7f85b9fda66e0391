import assert from 'node:assert/strict';
import { it } from 'node:test';
import { MOST_MARKS, packMarks } from '../../web/pack-strip.ts';

const cover = (marks: readonly { readonly from: number; readonly to: number }[]): number[] =>
  marks.flatMap(({ from, to }) => Array.from({ length: to - from + 1 }, (_, n) => from + n));

it('a few packs have a mark each', () => {
  const marks = packMarks({ total: 14, gaps: [{ from: 7, to: 7 }], isRefused: false });
  assert.equal(marks.length, 14);
  assert.deepEqual(
    marks.filter(({ state }) => state === 'missing'),
    [{ from: 7, to: 7, state: 'missing' }],
  );
});

it('many are merged with their neighbours, and never with what is missing', () => {
  const gaps = [
    { from: 120, to: 121 },
    { from: 300, to: 300 },
    { from: 999, to: 1_005 },
  ];
  const marks = packMarks({ total: 1_000, gaps, isRefused: false });
  assert.deepEqual(
    cover(marks),
    Array.from({ length: 1_000 }, (_, n) => n + 1),
  );
  assert.deepEqual(
    marks.filter(({ state }) => state === 'missing').map(({ from, to }) => [from, to]),
    [
      [120, 121],
      [300, 300],
      [999, 1_000],
    ],
  );
  assert.ok(marks.length <= MOST_MARKS + 2 * gaps.length, `${marks.length} marks`);
});

it('what was refused shows, and an hour without packs has no marks', () => {
  assert.deepEqual(packMarks({ total: 1, gaps: [], isRefused: true }), [
    { from: 1, to: 1, state: 'refused' },
  ]);
  assert.deepEqual(packMarks({ total: 0, gaps: [], isRefused: false }), []);
});
