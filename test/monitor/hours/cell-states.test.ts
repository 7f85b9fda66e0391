/** What a cell shows, from what was reported and the clock. Hours are written as offsets from an hour of 26 November 2026. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ExpectedHours } from '../../../src/ledger/expectation.ts';
import {
  stateName,
  STATES,
  statesOf,
  type StateRules,
  worstOf,
} from '../../../src/monitor/hours/cell-states.ts';
import {
  createHourBook,
  type HourBook,
  type ReportedLetter,
  timeOf,
} from '../../../src/monitor/hours/hour-cells.ts';
import { openHourZone } from '../../../src/monitor/hours/hour-zone.ts';
import { hostsOf, matrixStates, rowStates, columnsOf } from '../../../src/monitor/hours/matrix.ts';
import { hourProblems } from '../../../src/monitor/hours/problems.ts';
import { hourIndex } from '../../../src/pack/hour-index.ts';

const START = hourIndex('2026112600');
const MINUTE = 60_000;
const zone = openHourZone('UTC');

/** It is so many hours and minutes after START. */
const at = (hours: number, minutes = 0, expectWithin = 24): StateRules => ({
  now: timeOf(START + hours) + minutes * MINUTE,
  ...{ lateAfterMs: 20 * MINUTE, expectWithin, zone },
});

const reported = (
  letters: string,
  source = 'sink',
  book: HourBook = createHourBook(),
  host = 'web1',
): HourBook => {
  for (const [n, letter] of letters.split('').entries())
    if (letter !== '.') book.set(source, 'access', host, START + n, letter as ReportedLetter);
  return book;
};

const states = (letters: string, rules: StateRules, expected?: ExpectedHours): string =>
  statesOf(reported(letters).row('access', 'web1'), START, START + letters.length, rules, expected).join('');

describe('states', () => {
  for (const [what, letters, rules, shown, expected] of [
    ['as reported', 'seirx', at(9), 'SEIRX'],
    ['open, and the hour goes on', 'so', at(1, 30), 'SO'],
    ['open, and the grace runs', 'so', at(2, 19), 'SO'],
    ['open, and late', 'so', at(2, 20), 'SL'],
    ['nothing, and the hour goes on', 's.', at(1, 30), 'S '],
    ['nothing, and the grace runs', 's.', at(2, 19), 'S '],
    ['nothing, and silent', 's.', at(2, 20), 'SN'],
    ['before the first hour nothing is expected', '..s', at(3), '..S'],
    ['hours to come', 's...', at(1), 'S   '],
    ['silent, then it sends again', 's..s', at(5), 'SNNS'],
    ['no longer expected after so long', `s${'.'.repeat(4)}`, at(6, 0, 2), 'SNN..'],
    ['retired', 's...', at(6), 'SN..', { retired: START + 2 }],
    ['retired, and it sends again', 's..s.', at(9), 'S..SN', { retired: START + 1 }],
    ['added, and nothing ever came', '...', at(9), '.NN', { since: START + 1 }],
    ['a day is not late before its end', 'O.', at(23), 'O.'],
    ['a day is late after its end', 'O.', at(24, 20), 'L.'],
    ['a sealed day', 'S.', at(24, 20), 'S.'],
  ] as const)
    it(what, () => assert.equal(states(letters, rules, expected), shown));

  it('of a stream of days: the day that is missing is silent, once it is over', () => {
    const book = createHourBook();
    book.set('sink', 'access', 'web1', START, 'S');
    const row = book.row('access', 'web1');
    const shown = (rules: StateRules) =>
      statesOf(row, START, START + 72, rules)
        .join('')
        .replaceAll('.', '');
    assert.equal(shown(at(48, 19, 168)), 'S  ');
    assert.equal(shown(at(48, 20, 168)), 'SN ');
  });

  it('have an order, and what is worst wins', () => {
    const letters = STATES.map(([letter]) => letter);
    for (const [rank, letter] of letters.entries()) {
      assert.equal(worstOf(letters.slice(rank)), letter);
      assert.equal(worstOf(letters.slice(rank).toReversed()), letter);
    }
    assert.equal(stateName('N'), 'silent');
  });
});

describe('two sinks', () => {
  it('make one row: what one has sealed is sealed, what one refuses is shown', () => {
    const book = reported('soirs', 'sink2', reported('ossr.', 'sink1'));
    assert.equal(statesOf(book.row('access', 'web1'), START, START + 5, at(9)).join(''), 'SSSRS');
  });

  it('keep their days apart in the store, and forget one by one', () => {
    const book = reported('ss', 'sink2', reported('oo', 'sink1'));
    assert.equal(book.dayCells('sink1', 'access', 'web1', '20261126'), 'oo'.padEnd(24, '.'));
    const again = createHourBook();
    again.load('sink1', 'access', 'web1', '20261126', book.dayCells('sink1', 'access', 'web1', '20261126'));
    assert.equal(again.row('access', 'web1')?.letter(START + 1), 'o');
    book.forget('sink2');
    assert.equal(book.row('access', 'web1')?.letter(START), 'o');
    assert.equal(book.lastOf('sink1'), START + 1);
    assert.equal(book.lastOf('sink2'), undefined);
  });
});

describe('a sink that is away', () => {
  const source = (book: HourBook, away: Record<string, number>) => ({
    ...{ book, expectations: new Map(), away: new Map(Object.entries(away)) },
  });
  const shown = (book: HourBook, away: Record<string, number>): string =>
    rowStates(
      source(book, away),
      ['access', 'web1', book.row('access', 'web1')],
      [START, START + 5],
      at(9),
    ).join('');

  it('leaves its hours as they were last known: neither late nor silent', () => {
    const book = reported('sso');
    assert.equal(shown(book, {}), 'SSLNN');
    assert.equal(shown(book, { sink: timeOf(START + 2) + 30 * MINUTE }), 'SSO  ');
    assert.equal(shown(book, { other: 0 }), 'SSLNN');
  });

  it('is of no account for a host that sends to another one', () => {
    const book = reported('..sss', 'sink2', reported('ss', 'sink1'));
    assert.equal(shown(book, { sink1: timeOf(START + 2) }), 'SSSSS');
  });

  it('raises no alert of its hours, and names the hosts', () => {
    const book = reported('sss', 'sink2', reported('s', 'sink1'), 'web2');
    const of = (away: Record<string, number>) => hourProblems(source(book, away), at(3, 30)).hours;
    assert.deepEqual(
      of({}).map(({ state, hours, hosts }) => [state, hours, hosts]),
      [['N', 2, ['web1']]],
    );
    assert.deepEqual(of({ sink1: timeOf(START + 1) }), []);
    const matrix = matrixStates(
      source(book, { sink1: 0 }),
      'access',
      columnsOf('hours', START, START + 3),
      at(3, 30),
    );
    assert.deepEqual(matrix.unknown, ['web1']);
  });
});

describe('the matrix', () => {
  const book = reported('ssss', 'sink', reported('s.is', 'sink'), 'web2');
  const source = { book, expectations: new Map([['access/web3', { since: START + 2 }]]), away: new Map() };

  it('has run lengths, counts and the worst of all hosts', () => {
    const matrix = matrixStates(source, 'access', columnsOf('hours', START, START + 4), at(4, 20));
    assert.deepEqual(matrix.hosts, [
      ['web1', 'S1N1I1S1'],
      ['web2', 'S4'],
      ['web3', '.2N2'],
    ]);
    assert.equal(matrix.worst, 'S1N1I1N1');
    assert.deepEqual(matrix.counts, { S: 6, N: 3, I: 1, '.': 2 });
  });

  it('of days has the worst state, and how many hours have it', () => {
    const columns = columnsOf('days', START, START + 48);
    assert.deepEqual(
      columns.map(({ label }) => label),
      ['20261126', '20261127'],
    );
    const matrix = matrixStates(source, 'access', columns, at(4, 20));
    assert.deepEqual(matrix.hosts, [
      ['web1', 'I1 1'],
      ['web2', 'S1 1'],
      ['web3', 'N1 1'],
    ]);
    assert.deepEqual(
      matrix.weights?.map(([, counts]) => counts[0]),
      [1, 4, 2],
    );
  });

  it('says from when to when a host is expected', () => {
    const gone = { ...source, expectations: new Map([['access/web1', { retired: START + 4 }]]) };
    assert.deepEqual(hostsOf(gone, 'access', at(9)), [
      { host: 'web1', from: START, to: START + 4 },
      { host: 'web2', from: START, to: undefined },
    ]);
    assert.deepEqual(hostsOf(source, 'access', at(40))[1], { host: 'web2', from: START, to: START + 28 });
  });
});

describe('zones', () => {
  for (const [name, label, utc] of [
    ['UTC', '2026112616', '2026112616'],
    ['Europe/Berlin', '2026112616', '2026112615'],
    ['America/New_York', '2026112611', '2026112616'],
    ['Asia/Kolkata', '2026112622', '2026112616'],
    ['Europe/Berlin', '2026102502', '2026102500'],
    ['Europe/Berlin', '2026102502b', '2026102501'],
  ] as const)
    it(`${label} of ${name} is ${utc} UTC, and back`, () => {
      const of = openHourZone(name);
      assert.equal(of.indexOf(label), hourIndex(utc));
      assert.equal(of.labelAt(hourIndex(utc)), label);
    });

  it('know where days begin', () => {
    const berlin = openHourZone('Europe/Berlin');
    const starts = Array.from({ length: 24 }, (_, n) => START + n).filter(berlin.isDayStart);
    assert.deepEqual(starts, [START + 23]);
    assert.equal(berlin.dayLabelAt(START + 23), '20261127');
  });
});
