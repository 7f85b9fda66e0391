/** The verdict of a ledger alone, as `logd status` says it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Expectation, Presence } from '../../../src/ledger/expectation.ts';
import type { SegmentState } from '../../../src/ledger/ledger.ts';
import { ledgerVerdict } from '../../../src/monitor/hours/ledger-verdict.ts';
import { hourLabel } from '../../../src/pack/hour-index.ts';

const NOW = Date.UTC(2026, 10, 26, 3, 40);
/** The labels that this machine's clock shows: the test runs in any zone. */
const HOUR = Math.floor((NOW - new Date(NOW).getTimezoneOffset() * 60_000) / 3_600_000);
const MINUTE = 60_000;

const WORDS: Readonly<Record<string, SegmentState>> = {
  s: 'sealed',
  o: 'open',
  i: 'incomplete',
  r: 'refused',
};

/** Letters of hours, the last one an hour ago; each arrived within a minute after its end. */
const verdictFor = async (rows: Readonly<Record<string, string>>, written: readonly Expectation[] = []) => {
  const presence: Presence[] = Object.entries(rows).map(([host, letters]) => ({
    ...{ stream: 'access', host },
    hours: letters.split('').flatMap((letter, n) => {
      const back = letters.length - n;
      const state = WORDS[letter];
      const lastArrival = NOW - 40 * MINUTE - (back - 1) * 60 * MINUTE + MINUTE;
      return state === undefined ? [] : [{ hour: hourLabel(HOUR - back), state, lastArrival }];
    }),
  }));
  const ledger = {
    presence: () => Promise.resolve(presence),
    expectations: () => Promise.resolve([...written]),
  };
  const { headline, sentences } = await ledgerVerdict(ledger, { within: 7 * 86_400_000 }, NOW);
  return [headline, ...sentences].join(' ');
};

test('all is sealed', async () => {
  assert.match(
    await verdictFor({ web1: 'sss', web2: 'sss' }),
    /^Everything up to \d\d:\d0( of yesterday)? is sealed\.$/,
  );
});

test('who is absent, late, incomplete or refused is named, the worst first', async () => {
  const text = await verdictFor({ web1: 'sss', web2: 'so.', web3: 'sis', web4: 'rss' });
  const order = ['refused: web4', 'incomplete: web3', 'silent: web2', 'late: web2'].map((each) =>
    text.indexOf(each),
  );
  assert.ok(
    order.every((at) => at >= 0),
    text,
  );
  assert.deepEqual(
    order,
    order.toSorted((a, b) => a - b),
  );
});

test('an hour of which nobody has the end is not due', async () => {
  assert.match(await verdictFor({ web1: 'sso', web2: 'sso' }), /^Everything up to/);
});

test('who is retired is not missed', async () => {
  const written = [{ stream: 'access', host: 'web2', retired: hourLabel(HOUR - 2) }];
  assert.match(await verdictFor({ web1: 'sss', web2: 's..' }, written), /^Everything up to/);
  assert.match(await verdictFor({ web1: 'sss', web2: 's..' }), /silent: web2/);
});

test('of an empty ledger there is nothing to say', async () => {
  assert.equal(await verdictFor({}), 'Nothing is expected yet.');
});
