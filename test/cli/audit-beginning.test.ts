/** `logd audit` where the agent began in the middle of a file: `start: end` and the very first hour of a stream. */
import assert from 'node:assert/strict';
import { appendFile, mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { openShipped } from '../../src/audit/shipped.ts';
import { auditSegment, isProven, type SegmentAudit } from '../../src/audit/segment.ts';
import { auditJson, auditTable } from '../../src/cli/audit-output.ts';
import { findSources } from '../../src/audit/sources.ts';
import { openMarks } from '../../src/marks/marks.ts';
import { EMPTY_SHA256 } from '../../src/pack/digest.ts';
import type { AgentConfig } from '../../src/roles/agent/agent-options.ts';
import { assertSealedEqual } from '../flow/compare.ts';
import { linesOf } from '../flow/lines.ts';
import { runLogd } from '../flow/process.ts';
import { flow, type Rig } from '../flow/rig.ts';
import { key, type StoredHours, storedHours } from './stored-hours.ts';

const FIRST = key('web1', '2026112216');
const NEXT = key('web1', '2026112217');
const OLD = 'before the agent\n';
const TEXTS = ['one\ntwo\n', 'three\n'];
const SHIPPED = TEXTS.join('');

interface Given {
  /** What the source file holds. */
  readonly file: string;
  /** `agent.streams.access.start`. */
  readonly start?: string;
  readonly segment?: typeof FIRST;
  /** A second file of the hour. */
  readonly further?: string;
}

const audit = async (
  hours: StoredHours,
  { file, further, start = 'end', segment = FIRST }: Given,
): Promise<SegmentAudit> => {
  const dir = join(hours.dir, 'sources');
  await mkdir(dir, { recursive: true });
  await writeFile(join(dir, `access.log.${segment.hour}00`), file);
  if (further !== undefined) await writeFile(join(dir, `access.log.${segment.hour}30`), further);
  const streams = { access: { path: join(dir, 'access.log.<%Y%m%d%H%M>'), zone: 'UTC', start } };
  const agent = { host: 'web1', streams } as unknown as AgentConfig;
  const sources = await findSources([{ agent, state_dir: join(hours.dir, 'state') }], (path, error) =>
    assert.fail(`${path}: ${String(error)}`),
  );
  const { ledger, sink } = hours;
  await using shipped = openShipped(ledger);
  const scope = { ledger, sink, sources, shipped, storesFiles: true, onBytes: () => {} };
  return auditSegment(scope, (await ledger.segment(segment))!);
};

const assertEqualFrom = (found: SegmentAudit, byte: number): void => {
  assert.deepEqual([found.notes, found.source, found.sourceFrom], [[], 'identical', byte]);
  assert.ok(isProven(found));
};

/** As every source that is not as its seal says. */
const assertDiffers = (found: SegmentAudit, bytes: number): void => {
  assert.deepEqual([found.source, found.sourceFrom, isProven(found)], ['differs', 0, false]);
  const sealed = found.seal!.bytes;
  assert.ok(found.notes[0]?.includes(`at the source: ${bytes} bytes where the seal has ${sealed}`));
};

/** Leaves the marks of an agent that has begun at `position` and shipped `bytes` from there on. */
const putMarks = async (
  { dir }: StoredHours,
  { position, bytes, host = 'web1' }: { position: number; bytes: number; host?: string },
): Promise<void> => {
  await using marks = await openMarks(join(dir, 'state'), host);
  const path = join(dir, 'sources', `access.log.${FIRST.hour}00`);
  const at = { path, dev: '1', ino: '1', fingerprint: '3:abc', stop: undefined };
  await marks.write('begin', 'access', FIRST.hour, EMPTY_SHA256, [
    { hour: FIRST.hour, source: { ...at, position } },
  ]);
  const [segment] = await marks.read('segments', 'access');
  const counts = { lines: 1, checksum: 0, sha256: EMPTY_SHA256, time: 0, done: undefined, lost: undefined };
  const names = { segment: segment!.id, id: 1, generation: 1, source: segment!.sources[0]!.id };
  if (bytes > 0) await marks.write('record', { ...names, ...counts, position, offset: 0, bytes });
};

test('the first hour that is the end of its file is equal, and said to begin at its byte', async () => {
  await using hours = await storedHours();
  await hours.store(FIRST, TEXTS);
  await hours.store(NEXT, TEXTS);
  const found = await audit(hours, { file: OLD + SHIPPED });
  assertEqualFrom(found, OLD.length);
  const [, row] = auditTable([found], 80, (_colour, text) => text);
  assert.match(row!, /^✔ .* identical {2}identical from byte 17 on$/);
  assert.equal(auditJson(found).source_from, 17);
  const whole = await audit(hours, { file: SHIPPED });
  assertEqualFrom(whole, 0);
  assert.equal(auditJson(whole).source_from, 0);
});

test('any other difference of the first hour is reported as ever', async () => {
  await using hours = await storedHours();
  await hours.store(FIRST, TEXTS);
  for (const file of [`${SHIPPED}late\n`, `${OLD}${SHIPPED}late\n`, `${OLD}one\nTwo\nthree\n`])
    assertDiffers(await audit(hours, { file }), file.length);
  const shorter = await audit(hours, { file: SHIPPED.slice(4), start: 'beginning' });
  assertDiffers(shorter, SHIPPED.length - 4);
  assert.equal(auditJson(shorter).source_from, null);
  const perhaps = await audit(hours, { file: SHIPPED.slice(4) });
  assert.deepEqual([perhaps.source, isProven(perhaps)], ['unknown', false], 'another file may be gone');
  const further = await audit(hours, { file: OLD, further: SHIPPED + OLD });
  assertDiffers(further, OLD.length + SHIPPED.length + OLD.length);
});

test('no later hour, and no stream that was not told to start at the end, begins in the middle of a file', async () => {
  await using hours = await storedHours();
  await hours.store(FIRST, TEXTS);
  await hours.store(NEXT, TEXTS);
  const length = OLD.length + SHIPPED.length;
  assertDiffers(await audit(hours, { file: OLD + SHIPPED, segment: NEXT }), length);
  for (const start of ['beginning', FIRST.hour])
    assertDiffers(await audit(hours, { file: OLD + SHIPPED, start }), length);
});

test('a file that begins and ends with what was shipped has grown, unless the marks know better', async () => {
  for (const [texts, file, position] of [
    [['one\n'], 'one\none\n', 4],
    [[''], OLD, OLD.length],
  ] as const) {
    await using hours = await storedHours();
    await hours.store(FIRST, texts);
    assertDiffers(await audit(hours, { file }), file.length);
    await putMarks(hours, { position, bytes: texts[0].length });
    assertEqualFrom(await audit(hours, { file }), position);
    assertDiffers(await audit(hours, { file: `${file}one\n` }), file.length + 4);
  }
});

test('the marks know where the agent began, whatever its configuration says by now', async () => {
  await using hours = await storedHours();
  await hours.store(key('web1', '2026112215'), TEXTS);
  await hours.store(FIRST, TEXTS);
  await putMarks(hours, { position: OLD.length, bytes: SHIPPED.length });
  assertEqualFrom(await audit(hours, { file: OLD + SHIPPED, start: 'beginning' }), OLD.length);
  const changed = OLD + SHIPPED.replace('two', 'Two');
  assertDiffers(await audit(hours, { file: changed, start: 'beginning' }), changed.length);
});

test('marks that know another byte are believed; those of another host, or no marks at all, are passed over', async () => {
  await using hours = await storedHours();
  await hours.store(FIRST, TEXTS);
  const file = OLD + SHIPPED;
  await putMarks(hours, { position: 0, bytes: SHIPPED.length });
  assertDiffers(await audit(hours, { file }), file.length);

  await using others = await storedHours();
  await others.store(FIRST, TEXTS);
  await putMarks(others, { position: 0, bytes: SHIPPED.length, host: 'web2' });
  assertEqualFrom(await audit(others, { file }), OLD.length);

  await using broken = await storedHours();
  await broken.store(FIRST, TEXTS);
  await mkdir(join(broken.dir, 'state'));
  await writeFile(join(broken.dir, 'state', 'marks.db'), 'these are no marks');
  assertEqualFrom(await audit(broken, { file }), OLD.length);
});

test('where the stored hour differs, the byte is looked up behind the beginning', async () => {
  await using hours = await storedHours();
  await hours.store(FIRST, TEXTS);
  const { sink } = hours;
  const altered = {
    locate: sink.locate,
    async *read(recorded: Parameters<typeof sink.read>[0]) {
      for await (const part of sink.read(recorded)) yield Buffer.from(String(part).replace('two', 'tWo'));
    },
  };
  const found = await audit({ ...hours, sink: { ...sink, ...altered } }, { file: OLD + SHIPPED });
  assert.deepEqual([found.stored, found.source, found.sourceFrom], ['differs', 'identical', OLD.length]);
  assert.match(found.notes[0]!, /the first is byte 5: 0x57, at the source 0x77$/);
});

/** What `logd audit` says of each hour: its exit code, then `stream hour: source, byte` where the source is not simply identical. */
const auditOf = async (rig: Rig): Promise<{ code: number | null; odd: string[] }> => {
  const files = ['-c', rig.path('sink.yaml'), '--sources', rig.path('web1.yaml')];
  const { code, stdout } = await runLogd(['audit', '--json', ...files]);
  const { segments } = JSON.parse(stdout) as { segments: readonly Record<string, string | number | null>[] };
  const odd = segments
    .filter(({ source, source_from }) => source !== 'identical' || source_from !== 0)
    .map(({ stream, hour, source, source_from }) => `${stream} ${hour}: ${source}, ${source_from}`);
  return { code, odd };
};

flow(
  'audit-start-end: the first hour is equal from where the agent began, later ones as a whole',
  async (rig) => {
    const streams = { access: { start: 'end' }, quiet: { start: 'end' } };
    const names = Object.keys(streams);
    const [first, next] = [FIRST.hour, NEXT.hour];
    const old = linesOf('old', 0, 300);
    const configure = (ends: 'by-clock' | 'by-successor') =>
      rig.configureAgent({ host: 'web1', streams, ends });
    const { sources } = rig;
    await rig.configureSink();
    await configure('by-successor');
    for (const name of names) await writeFile(sources.path('web1', name, first), old);
    await rig.start('sink');
    const agent = await rig.start('web1');
    await rig.until('both streams have begun', () => {
      using marks = new DatabaseSync(rig.path('state', 'web1', 'marks.db'), { readOnly: true });
      return marks.prepare('SELECT * FROM streams').all().length === names.length;
    });

    await sources.append('web1', 'access', first, linesOf('new', 0, 500));
    sources.expectEmpty('web1', 'quiet', first);
    for (const name of names) await sources.write('web1', name, next, linesOf('next', 0, 50));
    await agent.end('SIGTERM');
    await configure('by-clock');
    const again = await rig.start('web1');
    await rig.sealed();
    await assertSealedEqual(rig);

    const odd = names.map((name) => `${name} ${first}: identical, ${old.length}`);
    assert.deepEqual(await auditOf(rig), { code: 0, odd }, 'beside the running agent');
    await again.end('SIGTERM');
    assert.deepEqual(await auditOf(rig), { code: 0, odd }, 'with the marks of an agent that is down');

    await rename(rig.path('state', 'web1', 'marks.db'), rig.path('state', 'web1', 'marks.away'));
    const withoutMarks = [odd[0]!, `quiet ${first}: differs, null`];
    assert.deepEqual(
      await auditOf(rig),
      { code: 1, odd: withoutMarks },
      'an empty hour shows nothing by itself',
    );
    await rename(rig.path('state', 'web1', 'marks.away'), rig.path('state', 'web1', 'marks.db'));

    await appendFile(sources.path('web1', 'access', first), 'not shipped\n');
    const late = [`access ${first}: differs, null`, odd[1]!];
    assert.deepEqual(await auditOf(rig), { code: 1, odd: late }, 'late lines are a difference');
  },
);
