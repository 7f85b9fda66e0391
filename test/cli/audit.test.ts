import assert from 'node:assert/strict';
import { appendFile, chmod, link, mkdir, open, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { openShipped } from '../../src/audit/shipped.ts';
import { auditSegment, isProven, type SegmentAudit } from '../../src/audit/segment.ts';
import { allProven, count, describeVerdict, emptyTally } from '../../src/cli/audit-output.ts';
import { findSources } from '../../src/audit/sources.ts';
import type { SegmentKey } from '../../src/pack/pack.ts';
import type { AgentConfig } from '../../src/roles/agent/agent-options.ts';
import { key, type StoredHours, storedHours } from './stored-hours.ts';

const HOUR = key('web1', '2026112216');
const TEXTS = ['one\ntwo\n', 'three\n', 'four\nfive\n'];

const noSources = new Map<string, never>();

const audit = async (
  { ledger, sink }: StoredHours,
  segment: SegmentKey,
  sources: Awaited<ReturnType<typeof findSources>> = noSources,
  openCounts = false,
): Promise<SegmentAudit> => {
  await using shipped = openShipped(ledger);
  const scope = { ledger, sink, sources, shipped, storesFiles: true, openCounts, onBytes: () => {} };
  return auditSegment(scope, (await ledger.segment(segment))!);
};

/** Alters the byte at `at` of a stored file, which is read-only once sealed. */
const flip = async (path: string, at: number): Promise<void> => {
  await chmod(path, 0o644);
  await using file = await open(path, 'r+');
  const byte = Buffer.alloc(1);
  await file.read(byte, 0, 1, at);
  await file.write(Buffer.from([byte[0]! ^ 1]), 0, 1, at);
};

const putSource = async (hours: StoredHours, text: string, name = 'access.log.2026112216') => {
  const dir = join(hours.dir, 'sources');
  await mkdir(dir, { recursive: true });
  await writeFile(join(dir, name), text);
  const agent = {
    host: 'web1',
    streams: { access: { path: join(dir, 'access.log.<%Y%m%d%H>'), zone: 'UTC' } },
  } as unknown as AgentConfig;
  return findSources([{ agent, state_dir: hours.dir }], (path, error) =>
    assert.fail(`${path}: ${String(error)}`),
  );
};

for (const compression of ['none', 'zstd'] as const)
  test(`${compression}: a sealed segment that is stored as sealed is proven, with and without its source`, async () => {
    await using hours = await storedHours(compression);
    await hours.store(HOUR, TEXTS);
    const without = await audit(hours, HOUR);
    assert.deepEqual(without.notes, []);
    assert.equal(without.stored, 'identical');
    assert.equal(without.source, 'not at hand');
    const found = await audit(hours, HOUR, await putSource(hours, TEXTS.join('')));
    assert.equal(found.source, 'identical');
    assert.ok(isProven(found));
  });

for (const { what, texts, reversed } of [
  { what: 'an hour without lines', texts: [''], reversed: false },
  { what: 'an hour that was put in order', texts: TEXTS, reversed: true },
])
  test(`zstd: every byte of the sign of ${what} counts`, async () => {
    await using hours = await storedHours('zstd');
    await hours.store(HOUR, texts, { reversed });
    assert.ok(isProven(await audit(hours, HOUR)));
    const file = hours.sink.locate(HOUR);
    for (let at = 0; at < 32; at++) {
      await flip(file, at);
      const found = await audit(hours, HOUR);
      assert.equal(found.stored, 'differs', `byte ${at}`);
      assert.ok(found.notes.join().includes(file));
      await flip(file, at);
    }
    assert.ok(isProven(await audit(hours, HOUR)));
  });

for (const compression of ['none', 'zstd'] as const)
  test(`${compression}: the file of an hour without lines is there, and holds nothing else`, async () => {
    await using hours = await storedHours(compression);
    await hours.store(HOUR, ['']);
    const file = hours.sink.locate(HOUR);
    await chmod(file, 0o644);
    await appendFile(file, 'x');
    const longer = await audit(hours, HOUR);
    assert.equal(longer.stored, 'differs');
    assert.match(longer.notes[0]!, /a file of \d+ bytes where there should be \d+/);
    await rm(file);
    const gone = await audit(hours, HOUR);
    assert.equal(gone.stored, 'missing');
    assert.match(gone.notes[0]!, /as stored: no file/);
  });

test('a flipped byte in a stored file is named: pack, byte range, file, and the byte where the source is at hand', async () => {
  await using hours = await storedHours();
  await hours.store(HOUR, TEXTS);
  const file = hours.sink.locate(HOUR);
  await flip(file, 10);
  const found = await audit(hours, HOUR);
  assert.equal(found.stored, 'differs');
  assert.deepEqual(
    found.differences.map(({ pack, from, to }) => ({ pack, from, to })),
    [{ pack: 2, from: 8, to: 14 }],
  );
  assert.match(found.notes[0]!, /^web1\/access\/2026112216: pack 2 has checksum .*bytes 8–13 of the segment/);
  assert.ok(found.notes[0]!.includes(file));
  assert.equal(isProven(found), false);

  const beside = await audit(hours, HOUR, await putSource(hours, TEXTS.join('')));
  assert.match(beside.notes[0]!, /the first is byte 10: 0x73, at the source 0x72$/);
  assert.equal(beside.source, 'identical');
});

test('zstd: a damaged frame is named with its pack', async () => {
  await using hours = await storedHours('zstd');
  await hours.store(HOUR, TEXTS);
  const { place } = (await hours.ledger.pack(HOUR, 2))!;
  await flip(hours.sink.locate(HOUR), place.at + 1);
  const found = await audit(hours, HOUR);
  assert.equal(found.stored, 'differs');
  assert.equal(found.differences[0]!.pack, 2);
  assert.match(found.notes[0]!, /pack 2 cannot be read/);
});

for (const compression of ['none', 'zstd'] as const)
  test(`${compression}: a file that was shortened, removed or appended to is not as sealed`, async () => {
    await using hours = await storedHours(compression);
    await hours.store(HOUR, TEXTS);
    const file = hours.sink.locate(HOUR);
    await chmod(file, 0o644);
    await appendFile(file, 'x');
    const longer = await audit(hours, HOUR);
    assert.equal(longer.stored, 'differs');
    assert.match(longer.notes[0]!, /as stored: a file of \d+ bytes where there should be \d+/);
    {
      await using handle = await open(file, 'r+');
      await handle.truncate((await handle.stat()).size - 4);
    }
    const shorter = await audit(hours, HOUR);
    assert.equal(shorter.differences[0]!.pack, 3);
    await rm(file);
    const removed = await audit(hours, HOUR);
    assert.equal(removed.stored, 'missing');
    assert.match(removed.notes[0]!, /is missing/);
    assert.match(removed.notes.join('\n'), /logd repair web1 access 2026112216 --from FILE/);
  });

test('a file with two names, by a symbolic or a hard link, is one source', async () => {
  await using hours = await storedHours();
  await hours.store(HOUR, TEXTS);
  await putSource(hours, TEXTS.join(''));
  const dir = join(hours.dir, 'sources');
  await symlink(join(dir, 'access.log.2026112216'), join(dir, 'access.log.2026112216.current'));
  await link(join(dir, 'access.log.2026112216'), join(dir, 'access.log.2026112216.hard'));
  const agent = {
    host: 'web1',
    streams: { access: { path: join(dir, 'access.log.<%Y%m%d%H>*'), zone: 'UTC' } },
  } as unknown as AgentConfig;
  const sources = await findSources([{ agent, state_dir: hours.dir }], assert.fail);
  assert.equal([...sources.values()][0]!.paths.length, 3);
  const found = await audit(hours, HOUR, sources);
  assert.deepEqual([found.source, found.notes], ['identical', []]);
});

test('room that the writer has reserved at the end of its file is no difference', async () => {
  await using hours = await storedHours();
  await hours.store(HOUR, TEXTS);
  const sources = await putSource(hours, TEXTS.join(''));
  await truncate(join(hours.dir, 'sources', 'access.log.2026112216'), 1 << 20);
  const found = await audit(hours, HOUR, sources);
  assert.deepEqual([found.source, found.notes], ['identical', []]);
});

test('a source that is not as sealed is told apart from a store that is not', async () => {
  await using hours = await storedHours();
  await hours.store(HOUR, TEXTS);
  const found = await audit(hours, HOUR, await putSource(hours, `${TEXTS.join('')}late\n`));
  assert.equal(found.stored, 'identical');
  assert.equal(found.source, 'differs');
  assert.match(
    found.notes[0]!,
    /at the source: 29 bytes where the seal has 24, 6 lines where the seal has 5/,
  );
  assert.equal(isProven(found), false);
});

test('a segment that is not sealed is not proven, whatever is stored', async () => {
  await using hours = await storedHours();
  await hours.store(HOUR, TEXTS, { skip: [2] });
  const found = await audit(hours, HOUR);
  assert.equal(found.stored, 'not read');
  assert.equal(isProven(found), false);
  assert.deepEqual([found.isNeutral, found.notes], [true, []]);
  const asked = await audit(hours, HOUR, undefined, true);
  assert.deepEqual([asked.isNeutral, isProven(asked)], [false, false]);
  assert.match(asked.notes[0]!, /is not sealed/);
  await hours.ledger.close(HOUR, 'incomplete', 'Pack 2 never came.');
  const closed = await audit(hours, HOUR);
  assert.equal(isProven(closed), false);
  assert.doesNotMatch(closed.notes.join(), /the seal has/);
  assert.match(closed.notes.join(), /18 bytes where its agent told of 24/);
});

test('a segment that late lines have reopened is neither read nor compared: its end is yet to come', async () => {
  await using hours = await storedHours();
  await hours.store(HOUR, TEXTS);
  await hours.addLate(HOUR, 'late\n');
  const found = await audit(hours, HOUR, await putSource(hours, `${TEXTS.join('')}late\n`));
  assert.deepEqual([found.stored, found.source, isProven(found)], ['not read', 'not read', false]);
  assert.deepEqual([found.isNeutral, found.notes], [true, []]);
});

test('an empty sealed hour is proven', async () => {
  await using hours = await storedHours();
  await hours.store(HOUR, ['']);
  assert.ok(isProven(await audit(hours, HOUR)));
});

test('the verdict counts, and is no success without segments', async () => {
  await using hours = await storedHours();
  await hours.store(HOUR, TEXTS);
  const tally = emptyTally();
  assert.equal(allProven(tally), false);
  count(tally, await audit(hours, HOUR, await putSource(hours, TEXTS.join(''))));
  assert.ok(allProven(tally));
  assert.equal(
    describeVerdict(tally),
    '1 of 1 segment sealed, 5 lines, byte for byte identical (source, seal and sink agree)',
  );
  await hours.store(key('web1', '2026112217'), TEXTS, { ended: false });
  count(tally, await audit(hours, key('web1', '2026112217')));
  assert.ok(allProven(tally), 'an open hour is neutral');
  assert.match(describeVerdict(tally), /^1 of 1 segment sealed \(1 still open, not counted\), 5 lines/);
  count(tally, await audit(hours, key('web1', '2026112217'), undefined, true));
  assert.equal(allProven(tally), false);
  assert.equal(
    describeVerdict(tally),
    '1 of 2 segments sealed (1 still open, not counted), 1 not proven: see above',
  );
});
