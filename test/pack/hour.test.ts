import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { LogdError } from '../../src/error.ts';
import { dayOf, isZone, openHours, plainLabel, resolveZone, splitLabel } from '../../src/pack/hour.ts';
import { isHourLabel } from '../../src/pack/name.ts';

const HOUR = 3_600_000;

/** What the zone's wall clock shows, from Intl alone: `20261025` and `02`, independently of the code under test. */
const wallClock = (zone: string) => {
  const format = new Intl.DateTimeFormat('en-CA', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
  });
  return (ms: number): string => {
    const parts = new Map(format.formatToParts(ms).map((part) => [part.type, part.value]));
    return `${parts.get('year')}${parts.get('month')}${parts.get('day')}${parts.get('hour')}`;
  };
};

describe('hour labels over whole years', () => {
  const years = [
    ['UTC', 2026],
    ['Europe/Berlin', 2025],
    ['Europe/Berlin', 2026],
    ['Europe/London', 2024],
    ['America/New_York', 2026],
    ['Australia/Lord_Howe', 2026],
    ['Asia/Kathmandu', 1986],
    ['Asia/Kathmandu', 2026],
    ['America/Havana', 2026],
    ['America/Santiago', 2026],
    ['Africa/Casablanca', 2026],
    ['Pacific/Apia', 2011],
    ['America/St_Johns', 2010],
    ['Asia/Pyongyang', 2018],
  ] as const;
  for (const [zone, year] of years)
    it(`${zone} ${year}: unique, contiguous, as the wall clock shows`, () => {
      const hours = openHours(zone);
      const wall = wallClock(zone);
      const seen = new Set<string>();
      const end = Date.UTC(year + 1, 0, 2);
      let at = hours.startOf(hours.labelAt(Date.UTC(year, 0, 1)))!;
      while (at < end) {
        const label = hours.labelAt(at);
        const next = hours.endOf(label)!;
        assert.ok(isHourLabel(label), label);
        assert.ok(!seen.has(label), `${label} came twice`);
        seen.add(label);
        assert.equal(hours.startOf(label), at, label);
        assert.ok(next > at && next <= at + HOUR, label);
        for (const ms of [at, Math.floor((at + next) / 2), next - 1]) {
          assert.equal(hours.labelAt(ms), label);
          assert.equal(wall(ms), label.slice(0, 10));
        }
        assert.equal(hours.nextLabel(label), hours.labelAt(next));
        assert.notEqual(hours.labelAt(next), label);
        at = next;
      }
      for (const label of seen)
        if (label.endsWith('b')) assert.ok(seen.has(label.slice(0, -1)), `${label} without a first one`);
    });
});

describe('days', () => {
  const lengths = (zone: string, year: number) => {
    const hours = openHours(zone);
    const found = new Map<string, string[]>();
    let total = 0;
    for (let at = Date.UTC(year, 0, 1); at < Date.UTC(year + 1, 0, 1); at += 24 * HOUR) {
      const day = new Date(at).toISOString().slice(0, 10).replaceAll('-', '');
      const labels = hours.hoursInDay(day);
      total += labels.length;
      if (labels.length !== 24) found.set(day, labels);
    }
    return { odd: [...found].map(([day, labels]) => `${day}:${labels.length}`), total, found };
  };
  it('have 23, 24 or 25 hours', () => {
    assert.deepEqual(lengths('Europe/Berlin', 2026).odd, ['20260329:23', '20261025:25']);
    assert.deepEqual(lengths('America/New_York', 2026).odd, ['20260308:23', '20261101:25']);
    // The half hour that Lord Howe repeats is a segment of its own; the one it skips shortens an hour.
    assert.deepEqual(lengths('Australia/Lord_Howe', 2026).odd, ['20260405:25']);
    assert.deepEqual(lengths('America/Havana', 2026).odd, ['20260308:23', '20261101:25']);
    assert.deepEqual(lengths('Pacific/Apia', 2011).odd, ['20110402:25', '20110924:23', '20111230:0']);
    assert.deepEqual(lengths('UTC', 2026).odd, []);
    assert.deepEqual(lengths('Asia/Kathmandu', 2026).odd, []);
  });
  it('name the repeated hour in its place', () => {
    const berlin = openHours('Europe/Berlin').hoursInDay('20261025');
    assert.deepEqual(berlin.slice(1, 5), ['2026102501', '2026102502', '2026102502b', '2026102503']);
    assert.deepEqual(berlin, berlin.toSorted());
    assert.deepEqual(openHours('America/Havana').hoursInDay('20261101').slice(0, 3), [
      '2026110100',
      '2026110100b',
      '2026110101',
    ]);
    assert.equal(openHours('America/Havana').hoursInDay('20260308')[0], '2026030801');
  });
  it('follow each other, over a skipped one too', () => {
    const apia = openHours('Pacific/Apia');
    assert.equal(apia.startOf('20111230'), undefined);
    assert.equal(apia.endOf('20111229'), apia.startOf('20111231'));
    assert.equal(apia.nextLabel('20111229'), '20111231');
    assert.equal(apia.nextLabel('20111230'), '20111231');
    assert.deepEqual(apia.labelsBetween('20111228', '20120102'), ['20111229', '20111231', '20120101']);
    const berlin = openHours('Europe/Berlin');
    assert.equal(berlin.endOf('20261025')! - berlin.startOf('20261025')!, 25 * HOUR);
    assert.equal(berlin.dayLabelAt(Date.UTC(2026, 10, 22, 23)), '20261123');
  });
});

describe('a change of the clock', () => {
  const berlin = openHours('Europe/Berlin');
  const howe = openHours('Australia/Lord_Howe');
  it('makes a local hour none, one or two segments', () => {
    assert.deepEqual(berlin.labelsFor({ year: 2026, month: 3, day: 29, hour: 2 }), []);
    assert.deepEqual(berlin.labelsFor({ year: 2026, month: 3, day: 29, hour: 3 }), ['2026032903']);
    assert.deepEqual(berlin.labelsFor({ year: 2026, month: 10, day: 25, hour: 2 }), [
      '2026102502',
      '2026102502b',
    ]);
    assert.deepEqual(berlin.labelsFor({ year: 2026, month: 10, day: 25 }), ['20261025']);
    assert.deepEqual(openHours('Pacific/Apia').labelsFor({ year: 2011, month: 12, day: 30 }), []);
  });
  it('gives the missing and the never-repeated hour no time, but a place', () => {
    assert.equal(berlin.startOf('2026032902'), undefined);
    assert.equal(berlin.endOf('2026032902'), undefined);
    assert.equal(berlin.startOf('2026112205b'), undefined);
    assert.equal(berlin.nextLabel('2026032902'), '2026032903');
    assert.equal(berlin.nextLabel('2026112205b'), '2026112206');
    assert.deepEqual(berlin.labelsBetween('2026032901', '2026032902'), []);
    assert.deepEqual(berlin.labelsBetween('2026032902', '2026032905'), ['2026032903', '2026032904']);
    assert.deepEqual(berlin.labelsBetween('2026102502', '2026102504'), ['2026102502b', '2026102503']);
    assert.deepEqual(berlin.labelsBetween('2026102504', '2026102502'), []);
  });
  it('may be half an hour', () => {
    const [first, second] = ['2026040501', '2026040501b'];
    assert.equal(howe.endOf(first)! - howe.startOf(first)!, HOUR);
    assert.equal(howe.endOf(second)! - howe.startOf(second)!, HOUR / 2);
    assert.equal(howe.nextLabel(first), second);
    assert.equal(howe.nextLabel(second), '2026040502');
    // 02:00 jumps to 02:30
    assert.equal(howe.endOf('2026100402')! - howe.startOf('2026100402')!, HOUR / 2);
  });
});

it('labelAt and startOf agree everywhere', () => {
  const zones = [
    'Europe/Berlin',
    'America/Havana',
    'Australia/Lord_Howe',
    'Asia/Kathmandu',
    'Pacific/Apia',
    'Asia/Gaza',
  ];
  const opened = zones.map(openHours);
  fc.assert(
    fc.property(
      fc.constantFrom(...opened),
      fc.integer({ min: Date.UTC(1971, 0), max: Date.UTC(2060, 0) }),
      (hours, ms) => {
        const label = hours.labelAt(ms);
        const start = hours.startOf(label)!;
        assert.ok(start <= ms && ms < hours.endOf(label)!);
        assert.equal(hours.labelAt(start), label);
        assert.equal(hours.labelAt(start - 1) === label, false);
        assert.equal(hours.dayLabelAt(ms), dayOf(label));
        // A fresh one, that has remembered nothing, agrees.
        assert.equal(openHours(hours.zone).labelAt(ms), label);
      },
    ),
    { numRuns: 150 },
  );
});

it('labels between two are bounded', () => {
  const utc = openHours('UTC');
  assert.equal(utc.labelsBetween('2000010100', '2026010100').length, 10_000);
  assert.deepEqual(utc.labelsBetween('2026010100', '2026010200', 2), ['2026010101', '2026010102']);
});

it('labels come apart', () => {
  assert.deepEqual(splitLabel('2026102502b'), { date: '2026-10-25', hour: '02b' });
  assert.deepEqual(splitLabel('20261025'), { date: '2026-10-25', hour: undefined });
  assert.equal(dayOf('2026102502b'), '20261025');
  assert.equal(plainLabel({ year: 2026, month: 1, day: 2, hour: 3 }), '2026010203');
});

it('zones are known or refused', () => {
  for (const zone of ['UTC', 'Europe/Berlin', 'America/Argentina/Buenos_Aires', 'Etc/GMT+5'])
    assert.ok(isZone(zone), zone);
  for (const zone of ['', 'Z', '+02:00', 'Europe/Berlim', '2026-01-01T00:00Z', '../etc', 'x'.repeat(100)])
    assert.ok(!isZone(zone), zone);
  assert.equal(resolveZone('Europe/Berlin'), 'Europe/Berlin');
  assert.ok(isZone(resolveZone('local')));
  assert.throws(
    () => resolveZone('Europe/Berlim'),
    (error) => error instanceof LogdError && error.code === 'config',
  );
  assert.throws(
    () => openHours('UTC').startOf('2026'),
    (error) => error instanceof LogdError && error.code === 'name',
  );
});
