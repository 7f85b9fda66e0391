import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { type BufferPool, bufferPool } from '../../src/cut/buffer-pool.ts';
import { createReadAhead } from '../../src/cut/read-ahead.ts';
import type { SourceState } from '../../src/track/segment.ts';
import type { SourceFiles } from '../../src/track/source-files.ts';
import { byteBudget } from '../../src/pack/byte-budget.ts';

const SIZE = 8;
const CONTENT = Buffer.from('0123456789abcdefghij');

const source = (id: number, position: number): SourceState => ({ id, position }) as SourceState;

/** Files of CONTENT, of which number 9 cannot be read, and a pool that knows how many of its buffers are out. */
const begin = (total = 4 * SIZE) => {
  const pool = bufferPool(SIZE);
  let out = 0;
  const buffers: BufferPool = {
    size: SIZE,
    take: () => (out++, pool.take()),
    give: (buffer) => (out--, pool.give(buffer)),
  };
  const files = {
    read: async (from: SourceState, work: (file: unknown) => Promise<unknown>) => {
      if (from.id === 9) throw new Error('cannot be read');
      return work({
        read: async (buffer: Buffer, position: number) =>
          CONTENT.copy(buffer, 0, position, position + buffer.length),
      });
    },
  } as unknown as SourceFiles;
  const budget = byteBudget(total);
  return { budget, out: () => out, ahead: createReadAhead(files, buffers, budget) };
};

const settle = async (): Promise<void> => {
  for (let n = 0; n < 5; n++) await turn();
};

describe('read ahead', () => {
  it('gives what lies at the place that was asked for, and takes it back into the budget', async () => {
    const { ahead, budget, out } = begin();
    ahead.begin(source(1, 4), SIZE);
    assert.equal(budget.used, SIZE);
    const begun = await ahead.take(source(1, 4));
    assert.deepEqual(begun?.buffer.subarray(0, begun.bytes), CONTENT.subarray(4, 4 + SIZE));
    assert.deepEqual([budget.used, out()], [0, 1], 'the buffer is with who took it');
    assert.equal(await ahead.take(source(1, 4)), undefined);
  });

  it('says how little there was', async () => {
    const { ahead } = begin();
    ahead.begin(source(1, 17), SIZE);
    assert.equal((await ahead.take(source(1, 17)))?.bytes, 3);
  });

  it('drops what is not asked for: another place, another source, a new beginning, a rest', async () => {
    const { ahead, budget, out } = begin();
    ahead.begin(source(1, 0), SIZE);
    assert.equal(await ahead.take(source(1, 8)), undefined);
    ahead.begin(source(1, 0), SIZE);
    assert.equal(await ahead.take(source(2, 0)), undefined);
    ahead.begin(source(1, 0), SIZE);
    ahead.begin(source(2, 0), SIZE);
    ahead.drop();
    ahead.drop();
    await settle();
    assert.deepEqual([budget.used, out()], [0, 0]);
  });

  it('keeps its lease as long as the disk keeps its buffer', async () => {
    const { ahead, budget, out } = begin();
    ahead.begin(source(1, 0), SIZE);
    ahead.drop();
    assert.deepEqual([budget.used, out()], [SIZE, 1]);
    await settle();
    assert.deepEqual([budget.used, out()], [0, 0]);
  });

  it('a read that fails is as if none had begun', async () => {
    const { ahead, budget, out } = begin();
    ahead.begin(source(9, 0), SIZE);
    assert.equal(await ahead.take(source(9, 0)), undefined);
    assert.deepEqual([budget.used, out()], [0, 0]);
  });

  it('does not begin where the budget has no room', async () => {
    const { ahead, budget, out } = begin(SIZE);
    const lease = budget.acquireNow(SIZE);
    ahead.begin(source(1, 0), SIZE);
    assert.deepEqual([await ahead.take(source(1, 0)), out()], [undefined, 0]);
    lease?.release();
  });
});
