import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { bufferPool } from '../../src/cut/buffer-pool.ts';
import type { Cut } from '../../src/marks/cut.ts';
import { createPackCutter } from '../../src/cut/pack-cutter.ts';
import type { Marks } from '../../src/marks/marks.ts';
import { isReadToTheEnd, nextRead, observe, segmentState } from '../../src/track/segment.ts';
import { createSourceFiles } from '../../src/track/source-files.ts';
import { byteBudget } from '../../src/pack/byte-budget.ts';
import { EMPTY_SHA256 } from '../../src/pack/digest.ts';
import { openHours } from '../../src/pack/hour.ts';
import { openHolds } from '../../src/tail/hold.ts';
import { openSource } from '../../src/tail/source.ts';

const RULE = { packBytes: 16, maxLine: 16, maxDelay: 0, quiet: 0 };
const HOW = { rest: false, ends: false };

/** A cutter at a segment with one file, which the last scan saw with all its content. */
const begin = async (context: TestContext, content: string, stop?: number) => {
  const root = await mkdtemp(join(tmpdir(), 'logd-cutter-'));
  const files = createSourceFiles(await openHolds(join(root, 'held')));
  context.after(async () => {
    await files[Symbol.asyncDispose]();
    await rm(root, { recursive: true });
  });
  const path = join(root, 'log');
  await writeFile(path, content);
  await using file = await openSource(path);
  const { dev, ino } = file;
  const row = { id: 1, path, dev, ino, fingerprint: '0:', position: 0, stop };
  const totals = { packs: 0, lines: 0, bytes: 0, sha256: EMPTY_SHA256, ended: false, unacked: 0 };
  const segment = segmentState({ id: 1, hour: '2026112216', generation: 1, ...totals, sources: [row] }, 0);
  const source = segment.sources[0]!;
  observe(segment, source, { size: content.length, mtimeMs: 1 }, 0);
  const recorded: Cut[] = [];
  const marks = {
    write: async (name: string, cut: Cut) => void (name.startsWith('record') && recorded.push(cut)),
  } as unknown as Marks;
  const cutter = createPackCutter({
    ...{
      host: 'web1',
      stream: 'access',
      hours: openHours('UTC'),
      packBytes: RULE.packBytes,
      maxLine: RULE.maxLine,
    },
    ...{
      marks,
      files,
      buffers: bufferPool(RULE.packBytes),
      budget: byteBudget(1 << 20),
      emit: () => undefined,
    },
  });
  const cut = (how = HOW) => cutter.cut(segment, source, how, new AbortController().signal);
  return { path, segment, source, cutter, recorded, cut };
};

describe('cutter', () => {
  it('a file that is shorter than the last scan saw is left alone until the next: no reading in circles', async (context) => {
    for (const [how, stop] of [
      [HOW, undefined],
      [{ rest: true, ends: false }, 15],
      [{ rest: true, ends: true }, undefined],
    ] as const) {
      const { path, segment, source, recorded, cut } = await begin(context, 'a line\nand half', stop);
      await cut();
      observe(segment, source, { size: 15, mtimeMs: 1 }, 0);
      await truncate(path, 9);
      assert.equal(await cut(how), undefined);
      assert.equal(nextRead(segment, RULE, 1e9), undefined);
      assert.equal(isReadToTheEnd(segment), false);
      assert.equal(recorded.length, 1);
      observe(segment, source, { size: 9, mtimeMs: 1 }, 0);
      assert.equal((await cut({ rest: true, ends: false }))?.raw.toString(), 'an');
    }
  });
  it('half a line is no pack, and not tried again before it grows', async (context) => {
    const { segment, cut } = await begin(context, 'half');
    assert.equal(await cut(), undefined);
    assert.equal(nextRead(segment, RULE, 1e9), undefined);
  });
  it('nothing behind a stop is read, and the bytes before it are all taken', async (context) => {
    const { cut, source } = await begin(context, 'a\nb\nc, of the next hour\n', 5);
    assert.equal((await cut({ rest: true, ends: false }))?.raw.toString(), 'a\nb\nc');
    assert.equal(source.position, 5);
  });
  it('the cut that takes the last bytes ends the segment with its totals', async (context) => {
    const { cut, segment } = await begin(context, 'one line\nand more');
    assert.equal((await cut({ rest: true, ends: true }))?.cut.done, undefined, 'there is more');
    const last = await cut({ rest: true, ends: true });
    assert.deepEqual([last?.raw.toString(), last?.cut.done], ['and more', { lines: 1, hoursInDay: 24 }]);
    assert.deepEqual([segment.ended, segment.bytes, segment.packs], [true, 17, 2]);
  });
  it('after a loss the digest is that of what follows', async (context) => {
    const { cut, cutter, segment, recorded } = await begin(context, 'a line\nb line\nc line\n');
    await cut();
    cutter.lose(segment, 'source-truncated', 5);
    const after = await cut();
    assert.deepEqual(
      recorded.map(({ id, offset, bytes, lost }) => [id, offset, bytes, lost?.bytes]),
      [
        [1, 0, 14, undefined],
        [2, 14, 0, 5],
        [3, 14, 7, undefined],
      ],
    );
    assert.equal(after?.cut.sha256, hash('sha256', 'c line\n'));
  });
});
