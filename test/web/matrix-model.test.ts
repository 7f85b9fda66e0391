import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  heightOf,
  layoutOf,
  type MatrixRow,
  moved,
  nextProblem,
  placeOf,
  rowAt,
  topOf,
  troubledHosts,
  windowStart,
} from '../../web/matrix-model.ts';

const row = (host: string, letters: string): MatrixRow => ({
  ...{ host, coded: letters, letters: letters.split(''), weights: [], isUnknown: false },
});
const NOW = Date.UTC(2026, 10, 26, 3, 17);
const DAYS = ['20261123', '20261124', '20261125', '20261126'];

const rows = [
  row('a', 'SSSS'),
  row('b', 'RSSS'),
  row('c', 'SNSS'),
  row('d', 'SSSL'),
  row('e', 'SSIL'),
  row('f', 'SRSS'),
];

test('problems of today and yesterday come first, the worst of them first; then older ones', () => {
  const window = windowStart(DAYS, NOW);
  assert.equal(window, 2);
  assert.deepEqual(troubledHosts(rows, window), ['e', 'd', 'f', 'b', 'c']);
  const walked: string[] = [];
  let place = { row: 0, column: 0 };
  for (let n = 0; n < 7; n++) {
    place = nextProblem(place, rows, window, 1) ?? place;
    walked.push(`${rows[place.row]?.host}${place.column}`);
  }
  assert.deepEqual(walked, ['e2', 'd3', 'e3', 'f1', 'b0', 'c1', 'e2'], 'and round again');
  const back = nextProblem({ row: 4, column: 2 }, rows, window, -1);
  assert.deepEqual(back, { row: 2, column: 1 });
  assert.deepEqual(nextProblem({ row: 0, column: 0 }, rows, window, -1), { row: 2, column: 1 });
  assert.equal(nextProblem(place, [rows[0]!], window, 1), undefined);
});

test('months have a window, too, and a time without yesterday has none', () => {
  assert.equal(windowStart(['202609', '202610', '202611'], NOW), 2);
  assert.equal(windowStart(['20261001', '20261002'], NOW), 2);
});

test('many hosts without a problem are thin rows below the others; a pinned one is full', () => {
  const many = Array.from({ length: 200 }, (_, n) => row(`web${n + 1}`, 'SSSS'));
  const layout = layoutOf([...rows, ...many], {
    ...{ top: ['f', 'b'], pinned: ['web7', 'gone'], isThin: true, pitch: 20 },
  });
  assert.deepEqual(
    layout.rows.slice(0, 4).map(({ host }) => host),
    ['f', 'b', 'web7', 'a'],
  );
  assert.deepEqual([layout.full, layout.rows.length], [3, 206]);
  assert.deepEqual(
    [0, 2, 3, 4].map((n) => topOf(layout, n)),
    [0, 40, 108, 114],
  );
  for (const n of [0, 1, 2, 3, 4, 205]) assert.equal(rowAt(layout, topOf(layout, n) + 1), n);
  assert.ok(heightOf(layout) < 1_400, '200 hosts stay one picture');
  const few = layoutOf(rows, { top: ['f'], pinned: [], isThin: true, pitch: 20 });
  assert.deepEqual([few.full, few.rows[0]?.host], [6, 'f'], 'a few hosts are all full');
});

test('keys lead where they say, and stop at the edges', () => {
  const at = (key: string, ctrlKey = false) => moved({ key, ctrlKey }, { row: 5, column: 3 }, [40, 48]);
  assert.deepEqual(at('ArrowUp'), { row: 4, column: 3 });
  assert.deepEqual(at('PageDown'), { row: 15, column: 3 });
  assert.deepEqual(at('PageUp'), { row: 0, column: 3 });
  assert.deepEqual(at('End'), { row: 5, column: 47 });
  assert.deepEqual(at('Home', true), { row: 0, column: 0 });
  assert.deepEqual(at('End', true), { row: 39, column: 47 });
  assert.equal(at('x'), undefined);
});

test('the focus stays with its host and its time when the zoom changes', () => {
  const focused = { host: 'c', label: '20261124' };
  assert.deepEqual(placeOf(focused, rows, DAYS), { row: 2, column: 1 });
  assert.deepEqual(placeOf(focused, rows, ['2026112322', '2026112400', '2026112423', '2026112500']), {
    ...{ row: 2, column: 2 },
  });
  assert.deepEqual(placeOf(focused, rows, ['202610', '202611']), { row: 2, column: 1 });
  assert.deepEqual(placeOf(undefined, rows, DAYS), { row: 0, column: 3 });
});
