import assert from 'node:assert/strict';
import test from 'node:test';
import { daysComplete, showJson, showText } from '../../src/cli/status-output.ts';
import { allSealed } from '../../src/report/summary.ts';
import { key, storedHours } from './stored-hours.ts';

const text = async (hours: Awaited<ReturnType<typeof storedHours>>, options = {}) => {
  const out: string[] = [];
  const plain = {
    selection: {},
    absent: [],
    all: false,
    width: Infinity,
    paint: (_: string, part: string) => part,
  };
  const summary = await showText(hours.ledger, { ...plain, ...options }, (line) => void out.push(line));
  return { summary, lines: out.join('\n').split('\n') };
};

test('an empty ledger says that nothing has arrived, and does not count as sealed', async () => {
  await using hours = await storedHours();
  const { summary, lines } = await text(hours);
  assert.deepEqual(lines, ['No segment has arrived yet.']);
  assert.equal(allSealed(summary), false);
});

test('each segment has a row, gaps are named, and the summary counts what is sealed', async () => {
  await using hours = await storedHours();
  await hours.store(key('web1', '2026112216'), ['a\nb\n', 'c\n']);
  await hours.store(key('web1', '2026112217'), ['a\n', 'b\n', 'c\n', 'd\n'], { skip: [2, 3] });
  const { summary, lines } = await text(hours);
  assert.match(lines[1]!, /^web1 +access +2026-11-22 16 +sealed +2\/2 +3 +6 B +0 .* 2\.5 s$/);
  assert.match(lines[2]!, /^web1 +access +2026-11-22 17 +open +2\/4 +2 +4 B +2 /);
  assert.ok(lines.includes('web1/access/2026112217: packs 2–3 missing'), lines.join('\n'));
  assert.match(lines.join('\n'), /web1 +access +2026-11-22 +1\/24/);
  assert.equal(lines.at(-1), '1 of 2 segments sealed, 1 open: 5 lines, 10 B in 4 packs; 2 packs missing');
  assert.equal(allSealed(summary), false);
});

test('every line fits the terminal, and nothing is cut off where there is none', async () => {
  await using hours = await storedHours();
  await hours.store(key('web1', '2026112216'), ['a\nb\n', 'c\n']);
  await hours.store(key('web1', '2026112217'), ['a\n', 'b\n', 'c\n', 'd\n'], { skip: [2, 3] });
  await hours.store(key('web1', '2026112218'), ['a\n'], { ended: false });
  await hours.ledger.expire(Number.MAX_SAFE_INTEGER, 'No pack came for 4d.');
  const whole = (await text(hours)).lines;
  for (const width of [40, 80]) {
    const { lines } = await text(hours, { width });
    for (const line of lines) assert.ok(line.length <= width, `${width}: ${line}`);
    const words = lines.join(' ').split(/\s+/);
    for (const word of whole.slice(4).join(' ').trim().split(/\s+/)) assert.ok(words.includes(word), word);
  }
});

test('a selection is what is counted', async () => {
  await using hours = await storedHours();
  await hours.store(key('web1', '2026112216'), ['a\n']);
  await hours.store(key('web2', '2026112317'), ['a\n'], { ended: false });
  const only = await text(hours, { selection: { hour: '20261122' } });
  assert.equal(only.lines.at(-1), '1 of 1 segment sealed: 1 line, 2 B in 1 pack');
  assert.equal(allSealed(only.summary), true);
  assert.deepEqual((await text(hours, { selection: { host: 'web9' } })).lines, ['No segment is selected.']);
  assert.deepEqual((await text(hours, { selection: { since: '2027' } })).lines, ['No segment is selected.']);
});

test('a day that is asked for is complete when all of its hours are, also those that have not arrived', async () => {
  await using hours = await storedHours();
  await hours.store(key('web1', '2026112216'), ['a\n']);
  assert.equal(await daysComplete(hours.ledger, { hour: '20261122' }), false);
  assert.equal(await daysComplete(hours.ledger, { hour: '2026112216' }), true);
  assert.equal(await daysComplete(hours.ledger, {}), true);
  for (let hour = 0; hour < 24; hour++)
    await hours.store(key('web2', `20261121${String(hour).padStart(2, '0')}`), ['a\n']);
  assert.equal(await daysComplete(hours.ledger, { hour: '20261121' }), true);
  assert.equal(await daysComplete(hours.ledger, { hour: '20261121', host: 'web2' }), true);
});

test('hours and days before --since are left out', async () => {
  await using hours = await storedHours();
  await hours.store(key('web1', '2026112216'), ['a\n']);
  await hours.store(key('web1', '2026112317'), ['a\n', 'b\n']);
  await hours.store(key('web2', '2026112318'), ['a\n'], { ended: false });
  const since = await text(hours, { selection: { since: '20261123', host: 'web1' } });
  assert.equal(since.lines.at(-1), '1 of 1 segment sealed: 2 lines, 4 B in 2 packs');
  assert.doesNotMatch(since.lines.join('\n'), /2026-11-22/);
});

test('of many segments the newest 50 are shown, and all of them on request', async () => {
  await using hours = await storedHours();
  for (let day = 1; day <= 28; day++)
    for (const host of ['web1', 'web2'])
      await hours.store(key(host, `202611${String(day).padStart(2, '0')}00`), ['x\n'], { ended: false });
  const newest = await text(hours);
  const rows = (lines: string[]) => lines.filter((line) => /^web\d +access .* open /.test(line));
  assert.equal(rows(newest.lines).length, 50);
  assert.ok(!newest.lines.some((line) => line.includes('2026-11-03 00')));
  assert.ok(newest.lines.some((line) => line.includes('2026-11-04 00')));
  assert.ok(newest.lines.includes('The newest 50 of 56 segments; --all shows all.'));
  assert.equal(rows((await text(hours, { all: true })).lines).length, 56);
});

test('no line is wider than the terminal', async () => {
  await using hours = await storedHours();
  await hours.store(key('a-rather-long-host-name.example.com', '2026112216'), ['a\n']);
  for (const width of [40, 60, 80, 110]) {
    const { lines } = await text(hours, { width });
    for (const line of lines.slice(0, 2)) assert.ok(line.length <= width, `${width}: ${line}`);
  }
});

test('--json is one document with stable names and ISO times', async () => {
  await using hours = await storedHours();
  await hours.store(key('web1', '2026112216'), ['a\nb\n', 'c\n']);
  await hours.store(key('web1', '2026112217'), ['a\n', 'b\n', 'c\n'], { skip: [2] });
  let out = '';
  await showJson(hours.ledger, { selection: {}, absent: [] }, 0, (part) => void (out += part));
  const document = JSON.parse(out) as {
    generated_at: string;
    segments: Record<string, unknown>[];
    days: unknown;
    summary: Record<string, unknown>;
  };
  assert.equal(document.generated_at, '1970-01-01T00:00:00.000Z');
  const [sealed, open] = document.segments;
  assert.deepEqual(sealed, {
    ...{ host: 'web1', stream: 'access', hour: '2026112216', state: 'sealed', generation: 1, late: false },
    ...{ packs: 2, lines: 3, bytes: 6 },
    expected: {
      ...{ packs: 2, lines: 3, bytes: 6 },
      sha256: '880553fca8fcea94e325ee2cfb48e5a985cc797f39a14cc6d3cedecfeb2ae4d2',
    },
    ...{ missing_packs: 0, lost_packs: 0, lost_bytes: 0, gaps: [] },
    first_arrival: '2026-11-22T17:00:01.500Z',
    last_arrival: '2026-11-22T17:00:01.500Z',
    last_lines_arrival: '2026-11-22T17:00:01.500Z',
    last_line: '2026-11-22T16:59:59.000Z',
    ...{
      lag_ms: 2500,
      source: 'unchecked',
      source_place: null,
      reason: null,
      removed: null,
      archived: false,
    },
  });
  assert.deepEqual(open!['gaps'], [{ from: 2, to: 2, reason: 'missing', bytes: null, why: null }]);
  assert.deepEqual(document.days, [
    { host: 'web1', stream: 'access', day: '20261122', sealed: 1, hours: 24, complete: false },
  ]);
  assert.equal(document.summary['all_sealed'], false);
  assert.equal(document.summary['missing_packs'], 1);
});

test('LAG and LAST are of the lines, not of the end that comes after them', async () => {
  await using hours = await storedHours();
  await hours.store(key('web1', '2026112216'), ['a\n', 'b\n', ''], { apart: 4000 });
  await hours.store(key('web2', '2026112216'), [''], { apart: 4000 });
  const { lines } = await text(hours);
  const [, last] = /(\d\d:\d\d) +(?:same|unchecked)? *6\.5 s$/.exec(lines[1]!) ?? [];
  assert.notEqual(last, undefined, lines[1]);
  assert.match(lines[2]!, /^web2 .* 0 ms$|^web2 .* 0(?:\.0)? s$/);
  let out = '';
  await showJson(hours.ledger, { selection: {}, absent: [] }, 0, (part) => void (out += part));
  const [first] = (JSON.parse(out) as { segments: Record<string, unknown>[] }).segments;
  assert.equal(first!['last_arrival'], '2026-11-22T17:00:09.500Z');
  assert.equal(first!['last_lines_arrival'], '2026-11-22T17:00:05.500Z');
  assert.equal(first!['lag_ms'], 6500);
});

test('a reopened segment is open and late, and how many packs it will have is not known', async () => {
  await using hours = await storedHours();
  await hours.store(key('web1', '2026112216'), ['a\nb\n', 'c\n']);
  await hours.addLate(key('web1', '2026112216'), 'late\n');
  const { lines } = await text(hours);
  assert.match(lines[1]!, /^web1 +access +2026-11-22 16 +open, late +3\/\? +4 /);
});

test('an hour that expired before its end came says so: no pack id is known to be missing', async () => {
  await using hours = await storedHours();
  const hour = key('web1', '2026112216');
  await hours.store(hour, ['a\n', 'b\n'], { ended: false });
  await hours.store(key('web2', '2026112216'), ['a\n', 'b\n'], { skip: [1] });
  await hours.ledger.expire(Number.MAX_SAFE_INTEGER, 'No pack came for 4d.');
  const { lines } = await text(hours);
  const notes = lines.filter((line) => line.includes('/access/2026112216'));
  assert.deepEqual(notes, [
    'web1/access/2026112216 incomplete: No pack came for 4d. Its end is missing: how many packs it has is not known.',
    'web2/access/2026112216 incomplete: No pack came for 4d.',
    'web2/access/2026112216: pack 1 missing',
  ]);
  let out = '';
  await showJson(hours.ledger, { selection: {}, absent: [] }, 0, (part) => void (out += part));
  const { segments } = JSON.parse(out) as { segments: { gaps: unknown; reason: string }[] };
  assert.deepEqual(segments[0]!.gaps, []);
  assert.match(segments[0]!.reason, /Its end is missing/);
  assert.equal(segments[1]!.reason, 'No pack came for 4d.');
});

test('late lines that expired before their end came say so, too', async () => {
  await using hours = await storedHours();
  await hours.store(key('web1', '2026112216'), ['a\nb\n', 'c\n']);
  await hours.addLate(key('web1', '2026112216'), 'late\n');
  await hours.ledger.expire(Number.MAX_SAFE_INTEGER, 'No pack came for 4d.');
  assert.match((await text(hours)).lines.join('\n'), /incomplete: No pack came for 4d\. Its end is missing/);
});

test('an hour that must be there and is not has a row, a sentence, and is counted', async () => {
  await using hours = await storedHours();
  await hours.store(key('web1', '2026112217'), ['a\n']);
  const absent = [{ ...key('web0', '2026112217'), lastHour: '2026112216' }];
  const { summary, lines } = await text(hours, { absent });
  assert.match(lines[1]!, /^web0 +access +2026-11-22 17 +absent +- +- +- /);
  assert.match(lines[2]!, /^web1 +access +2026-11-22 17 +sealed /);
  assert.ok(lines.includes('web0, access: 2026-11-22 17 is absent. Its last hour before is 2026-11-22 16.'));
  assert.equal(lines.at(-1), '1 of 1 segment sealed: 1 line, 2 B in 1 pack; 1 hour absent');
  assert.equal(allSealed(summary), false);
  let out = '';
  await showJson(hours.ledger, { selection: {}, absent }, 0, (part) => void (out += part));
  const document = JSON.parse(out) as { segments: unknown[]; summary: Record<string, unknown> };
  assert.deepEqual(document.segments[1], {
    ...{ host: 'web0', stream: 'access', hour: '2026112217', state: 'absent', last_hour: '2026112216' },
  });
  assert.deepEqual([document.summary['absent'], document.summary['all_sealed']], [1, false]);
});
