/** `logd audit` where an hour has several files, of which some were rotated away, or the agent began within one. */
import assert from 'node:assert/strict';
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { auditSegment, isProven, type SegmentAudit } from '../../src/audit/segment.ts';
import { openShipped } from '../../src/audit/shipped.ts';
import { allProven, auditJson, count, describeVerdict, emptyTally } from '../../src/cli/audit-output.ts';
import { findSources } from '../../src/audit/sources.ts';
import { openMarks } from '../../src/marks/marks.ts';
import { EMPTY_SHA256 } from '../../src/pack/digest.ts';
import { countLines } from '../../src/pack/survey.ts';
import type { AgentConfig } from '../../src/roles/agent/agent-options.ts';
import { key, type StoredHours, storedHours } from '../cli/stored-hours.ts';

const HOUR = key('web1', '2026112216');
/** What each file's packs hold. They begin alike, as files with a headline do. */
const PACKS: Readonly<Record<string, readonly string[]>> = {
  '00': ['# head\n', 'one\n'],
  '20': ['# head\n', 'two\n', 'three\n'],
  '40': ['# head\n', 'four\n'],
};
const MINUTES = Object.keys(PACKS).sort();
const textOf = (minute: string): string => PACKS[minute]!.join('');
const ALL = MINUTES.map(textOf).join('');

interface Given {
  readonly start?: string;
  readonly pattern?: string;
}

/** The files of the hour that are at hand, by minute. */
type Files = Readonly<Record<string, string>>;

const pathOf = ({ dir }: StoredHours, minute: string): string =>
  join(dir, 'sources', `access.log.${HOUR.hour}${minute}`);

const audit = async (
  hours: StoredHours,
  files: Files,
  { start = 'beginning', pattern = 'access.log.<%Y%m%d%H%M>' }: Given = {},
): Promise<SegmentAudit> => {
  const dir = join(hours.dir, 'sources');
  await rm(dir, { recursive: true, force: true });
  await mkdir(dir);
  for (const [minute, text] of Object.entries(files)) await writeFile(pathOf(hours, minute), text);
  const streams = { access: { path: join(dir, pattern), zone: 'UTC', start } };
  const agent = { host: 'web1', streams } as unknown as AgentConfig;
  const sources = await findSources([{ agent, state_dir: join(hours.dir, 'state') }], (path, error) =>
    assert.fail(`${path}: ${String(error)}`),
  );
  const { ledger, sink } = hours;
  await using shipped = openShipped(ledger);
  const scope = { ledger, sink, sources, shipped, storesFiles: true, onBytes: () => {} };
  return auditSegment(scope, (await ledger.segment(HOUR))!);
};

/** The marks of an agent that cut these packs, in this order; `began`: where it did, in files that it did not read from their beginning. */
const putMarks = async (
  hours: StoredHours,
  packs: readonly (readonly [minute: string, text: string])[],
  began: Readonly<Record<string, number>> = {},
): Promise<void> => {
  await using marks = await openMarks(join(hours.dir, 'state'), 'web1');
  const file = { dev: '1', ino: '1', fingerprint: '0:', stop: undefined };
  const minutes = [...new Set([...Object.keys(began), ...packs.map(([minute]) => minute)])].sort();
  const position = new Map(minutes.map((minute) => [minute, began[minute] ?? 0]));
  const starts = minutes.map((minute) => ({
    hour: HOUR.hour,
    source: { ...file, path: pathOf(hours, minute), position: position.get(minute)! },
  }));
  await marks.write('begin', 'access', Object.keys(began).length > 0 ? HOUR.hour : '', EMPTY_SHA256, starts);
  const [segment] = await marks.read('segments', 'access');
  let offset = 0;
  for (const [index, [minute, text]] of packs.entries()) {
    const source = segment!.sources.find(({ path }) => path === pathOf(hours, minute))!.id;
    const at = position.get(minute)!;
    const bytes = text.length;
    await marks.write('record', {
      ...{ segment: segment!.id, id: index + 1, generation: 1, source, position: at, offset, bytes },
      ...{ lines: countLines(Buffer.from(text)), checksum: 0, sha256: EMPTY_SHA256, time: 0 },
      ...{ done: undefined, lost: undefined },
    });
    position.set(minute, at + bytes);
    offset += bytes;
  }
};

const IN_ORDER = MINUTES.flatMap((minute) => PACKS[minute]!.map((text) => [minute, text] as const));
const filesOf = (...minutes: string[]): Files =>
  Object.fromEntries(minutes.map((minute) => [minute, textOf(minute)]));

const SUBSETS = [['20', '40'], ['00', '40'], ['00', '20'], ['00'], ['20'], ['40']];

// A zstd file whose packs came in another order is put in order when it is sealed.
for (const [compression, reversed] of [
  ['none', false],
  ['zstd', false],
  ['zstd', true],
] as const)
  for (const withMarks of [true, false])
    test(`${compression}${reversed ? ', put in order' : ''}, ${withMarks ? 'with' : 'without'} marks: what is left of an hour's files is compared, whichever are gone`, async () => {
      await using hours = await storedHours(compression);
      await hours.store(
        HOUR,
        IN_ORDER.map(([, text]) => text),
        { reversed },
      );
      if (withMarks) await putMarks(hours, IN_ORDER);
      for (const minutes of SUBSETS) {
        const found = await audit(hours, filesOf(...minutes));
        assert.deepEqual([found.source, found.notes], ['partly gone', []], minutes.join());
        assert.ok(isProven(found));
        const bytes = minutes.map(textOf).join('').length;
        const paths = minutes.map((minute) => pathOf(hours, minute)).join(', ');
        assert.deepEqual(found.remarks, [
          `web1/access/2026112216 at the source: ${bytes} of ${ALL.length} bytes are at hand and identical (in ${paths}); the other files are gone.`,
        ]);
        const { source, source_from, source_bytes } = auditJson(found);
        assert.deepEqual([source, source_from, source_bytes], ['partly gone', null, bytes]);
      }
      const whole = await audit(hours, filesOf(...MINUTES));
      assert.deepEqual([whole.source, whole.remarks], ['identical', []]);
      assert.equal((await audit(hours, { '10': '' })).source, 'not at hand', 'no byte is');
    });

test('a byte that is not as stored, a grown file and one that was never shipped are differences', async () => {
  for (const withMarks of [true, false]) {
    await using hours = await storedHours();
    await hours.store(
      HOUR,
      IN_ORDER.map(([, text]) => text),
    );
    if (withMarks) await putMarks(hours, IN_ORDER);
    for (const [what, files] of Object.entries({
      changed: { '20': textOf('20').replace('two', 'tWo') },
      grown: { '20': `${textOf('20')}late\n` },
      shorter: { '20': textOf('20').slice(0, -2) },
      'never shipped': { '20': textOf('20'), '30': 'other\n' },
    })) {
      const found = await audit(hours, files);
      assert.deepEqual([found.source, isProven(found)], ['differs', false], `${what}, ${withMarks}`);
      assert.match(found.notes[0]!, /at the source: /);
    }
  }
});

test('only the marks tell a file that was cut short, at a pack, from one that is gone', async () => {
  await using hours = await storedHours();
  await hours.store(
    HOUR,
    IN_ORDER.map(([, text]) => text),
  );
  const files = { '20': textOf('20'), '40': '# head\n' };
  assert.equal((await audit(hours, files)).source, 'partly gone');
  await putMarks(hours, IN_ORDER);
  const found = await audit(hours, files);
  assert.equal(found.source, 'differs');
  assert.match(found.notes[0]!, /access\.log\.202611221640 has 7 bytes where its agent has read 12/);
});

test('a name that only one file can have leaves nothing to be gone: a part of it is a difference', async () => {
  await using hours = await storedHours();
  await hours.store(HOUR, ['one\n', 'two\n']);
  const found = await audit(hours, { '': 'one\n' }, { pattern: 'access.log.<%Y%m%d%H>' });
  assert.equal(found.source, 'differs');
});

test('files that are told apart by a wildcard may be gone, too', async () => {
  await using hours = await storedHours();
  await hours.store(HOUR, ['one\n', 'two\n']);
  const found = await audit(hours, { '-b': 'two\n' }, { pattern: 'access.log.<%Y%m%d%H>-*' });
  assert.equal(found.source, 'partly gone');
});

test('while the stored hour is not as sealed, there is nothing to hold a part of the source against', async () => {
  await using hours = await storedHours();
  await hours.store(
    HOUR,
    IN_ORDER.map(([, text]) => text),
  );
  const stored = hours.sink.locate(HOUR);
  await chmod(stored, 0o644);
  await writeFile(stored, ALL.replace('three', 'thrEe'));
  const found = await audit(hours, filesOf('20', '40'));
  assert.deepEqual([found.stored, found.source, isProven(found)], ['differs', 'unknown', false]);
  assert.match(found.notes.at(-2)!, /0x45, at the source 0x65$/, 'but it tells the byte');
  assert.match(found.notes.at(-1)!, /logd repull/);
});

test('with marks, lines that came late to an earlier file are found in the place that they were shipped to', async () => {
  await using hours = await storedHours();
  const packs = [...IN_ORDER, ['00', 'late\n'] as const];
  await hours.store(
    HOUR,
    packs.map(([, text]) => text),
  );
  await putMarks(hours, packs);
  const files = { ...filesOf(...MINUTES), '00': `${textOf('00')}late\n` };
  const found = await audit(hours, files);
  assert.deepEqual([found.source, found.sourceFrom, found.notes], ['identical', 0, []]);
  assert.deepEqual(found.remarks, []);
});

test('a first hour of several files is identical from where the agent began, with and without marks', async () => {
  await using hours = await storedHours();
  const [, ...shipped] = IN_ORDER.filter(([minute]) => minute !== '00');
  await hours.store(
    HOUR,
    shipped.map(([, text]) => text),
  );
  const began = textOf('00').length + '# head\n'.length;
  const without = await audit(hours, filesOf(...MINUTES), { start: 'end' });
  assert.deepEqual([without.notes, without.source, without.sourceFrom], [[], 'identical', began]);
  assert.equal(
    (await audit(hours, filesOf(...MINUTES))).source,
    'differs',
    'not where it began at the beginning',
  );
  const gone = await audit(hours, filesOf('20'), { start: 'end' });
  assert.deepEqual([gone.source, isProven(gone)], ['unknown', false]);

  await putMarks(hours, shipped, { '00': textOf('00').length, '20': '# head\n'.length });
  const found = await audit(hours, filesOf(...MINUTES));
  assert.deepEqual([found.notes, found.source, found.sourceFrom], [[], 'identical', began]);
  assert.match(found.remarks[0]!, /began at byte 11 of .*00 and byte 7 of .*20\.$/);
  assert.equal((await audit(hours, filesOf('20'))).source, 'partly gone');
  assert.equal((await audit(hours, filesOf('00'))).source, 'not at hand', 'nothing of it was shipped');
});

test('the verdict says how many sources are partly gone', async () => {
  await using hours = await storedHours();
  await hours.store(
    HOUR,
    IN_ORDER.map(([, text]) => text),
  );
  const tally = emptyTally();
  count(tally, await audit(hours, filesOf('20', '40')));
  assert.ok(allProven(tally));
  assert.match(describeVerdict(tally), /\(stored as sealed; 0 sources compared, 1 partly gone\)$/);
});
