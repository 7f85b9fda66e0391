import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bufferPool } from '../../src/cut/buffer-pool.ts';
import type { Cut } from '../../src/marks/cut.ts';
import type { CutPack } from '../../src/cut/cut-pack.ts';
import type { Marks } from '../../src/marks/marks.ts';
import { redeliver } from '../../src/cut/redeliver.ts';
import { segmentState } from '../../src/track/segment.ts';
import type { SourceFiles } from '../../src/track/source-files.ts';
import { LogdError } from '../../src/error.ts';
import { byteBudget } from '../../src/pack/byte-budget.ts';
import { EMPTY_SHA256 } from '../../src/pack/digest.ts';
import { checksumOf } from '../../src/pack/survey.ts';
import type { Source } from '../../src/tail/source.ts';

const PACK = 10;
const BUFFER = 16;

const cutOf = (id: number, content: Buffer): Cut => ({
  ...{
    segment: 1,
    id,
    generation: 1,
    source: 1,
    position: PACK * (id - 1),
    offset: PACK * (id - 1),
    bytes: PACK,
  },
  ...{
    lines: 1,
    checksum: checksumOf(content.subarray(PACK * (id - 1), PACK * id)),
    sha256: EMPTY_SHA256,
    time: 0,
  },
  ...{ done: undefined, lost: undefined },
});

/** Runs it over a segment of `packs` packs whose file is `file` now; `cuts` are the rows of the marks. */
const run = async (file: Buffer, cuts: readonly Cut[], packs: number, read?: () => void) => {
  const delivered: CutPack[] = [];
  const losses: (readonly unknown[])[] = [];
  const unreadable: string[] = [];
  const recorded: (readonly unknown[])[] = [];
  const segment = segmentState(
    {
      ...{
        id: 1,
        hour: '2026112216',
        generation: 1,
        packs,
        lines: 0,
        bytes: PACK * packs,
        sha256: EMPTY_SHA256,
      },
      ...{ ended: false, unacked: packs },
      sources: [{ id: 1, path: '/log', dev: '1', ino: '1', fingerprint: '0:', position: 0, stop: undefined }],
    },
    0,
  );
  const marks = {
    read: (_name: string, _segment: number, after: number, limit: number) =>
      Promise.resolve(cuts.filter(({ id }) => id > after).slice(0, limit)),
    write: (...args: readonly unknown[]) => Promise.resolve(void recorded.push(args)),
  };
  const source = { read: async (buffer: Buffer, position: number) => file.copy(buffer, 0, position) };
  const files: Pick<SourceFiles, 'read' | 'isGone'> = {
    read: async (_source, work) => {
      read?.();
      return work(source as unknown as Source);
    },
    isGone: async () => true,
  };
  const budget = byteBudget(BUFFER);
  const work = redeliver(
    {
      ...{
        tracker: { unacked: () => [segment] },
        marks: marks as unknown as Marks,
        files: files as SourceFiles,
      },
      ...{ budget, buffers: bufferPool(BUFFER), pollInterval: 1 },
      deliver: (delivery) => {
        delivered.push({ ...delivery, raw: Buffer.from(delivery.raw) });
        delivery.lease?.release();
      },
      onLost: (_segment, ...args) => losses.push(args),
      onUnreadable: (path) => unreadable.push(path),
    },
    new AbortController().signal,
  );
  // What is cut from now on is not its business.
  segment.packs++;
  await work;
  assert.equal(budget.used, 0);
  return { delivered, losses, unreadable, recorded, ids: delivered.map(({ cut }) => cut.id) };
};

const content = (packs: number): Buffer =>
  Buffer.from(Array.from({ length: packs }, (_, n) => `${String(n).padStart(9, '0')}\n`).join(''));

describe('redelivery', () => {
  it('makes every unacked pack again, in order, page by page', async () => {
    const file = content(700);
    const cuts = Array.from({ length: 700 }, (_, n) => cutOf(n + 1, file)).filter(({ id }) => id % 7 !== 0);
    const { delivered, ids } = await run(file, cuts, 700);
    assert.deepEqual(
      ids,
      cuts.map(({ id }) => id),
    );
    for (const { raw, cut } of delivered)
      assert.deepEqual(raw, file.subarray(cut.position, cut.position + cut.bytes));
  });
  it('leaves alone what is cut since it was called', async () => {
    const file = content(3);
    const cuts = [1, 2, 3].map((id) => cutOf(id, file));
    assert.deepEqual((await run(file, cuts, 2)).ids, [1, 2]);
  });
  it('tells truncated, changed and vanished bytes apart, records and delivers each as lost', async () => {
    const file = content(2);
    const cuts = [1, 2].map((id) => cutOf(id, file));
    for (const [now, reason, read] of [
      [file.subarray(0, 15), 'source-truncated', undefined],
      [
        Buffer.concat([file.subarray(0, 12), Buffer.from('!'), file.subarray(13)]),
        'source-changed',
        undefined,
      ],
      [
        file,
        'source-vanished',
        () => {
          throw new LogdError('source', 'Gone.');
        },
      ],
    ] as const) {
      const { delivered, losses, recorded } = await run(now, cuts.slice(1), 2, read);
      assert.deepEqual(losses, [['/log', reason, PACK]]);
      assert.deepEqual(recorded, [['lose', 1, 2, { reason, bytes: PACK }]]);
      assert.deepEqual(
        delivered.map(({ cut, raw }) => [cut.lost, raw.length]),
        [[{ reason, bytes: PACK }, 0]],
      );
    }
  });
  it('sends what has no bytes, or was lost before, as it stands', async () => {
    const done = { ...cutOf(1, content(1)), bytes: 0, source: undefined, done: { lines: 0, hoursInDay: 24 } };
    const lost = { ...cutOf(2, content(2)), lost: { reason: 'source-changed' as const, bytes: PACK } };
    const { delivered, losses } = await run(Buffer.alloc(0), [done, lost], 2);
    assert.deepEqual(
      delivered.map(({ cut }) => cut),
      [done, lost],
    );
    assert.deepEqual(losses, []);
  });
  it('waits for a file that cannot be read now', async () => {
    const file = content(1);
    let failures = 3;
    const { delivered, unreadable, losses } = await run(file, [cutOf(1, file)], 1, () => {
      if (failures-- > 0) throw new LogdError('source', 'EMFILE', { retryable: true });
    });
    assert.deepEqual([delivered[0]!.raw, unreadable.length, losses], [file, 3, []]);
  });
  it('makes a pack that is larger than the buffers of today', async () => {
    const file = Buffer.alloc(100, 'x');
    const large = { ...cutOf(1, file), bytes: 100, checksum: checksumOf(file) };
    const { delivered } = await run(file, [large], 1);
    assert.deepEqual([delivered[0]!.raw, delivered[0]!.buffer], [file, undefined]);
  });
});
