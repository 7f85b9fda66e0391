import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { bufferPool } from '../../src/cut/buffer-pool.ts';
import type { Cut } from '../../src/marks/cut.ts';
import { createDeliverer } from '../../src/cut/deliverer.ts';
import type { CutPack } from '../../src/cut/cut-pack.ts';
import type { Marks } from '../../src/marks/marks.ts';
import { segmentState, type TrackedSegment } from '../../src/track/segment.ts';
import { LogdError } from '../../src/error.ts';
import { byteBudget } from '../../src/pack/byte-budget.ts';
import { EMPTY_SHA256 } from '../../src/pack/digest.ts';
import type { Codec, Pack } from '../../src/pack/pack.ts';
import type { Answer } from '../../src/pack/answer.ts';

const SIZE = 1000;

/** What a compressed pack is like. */
const frame = (): Buffer => Buffer.alloc(4);

const segmentOf = (unacked: number): TrackedSegment =>
  segmentState(
    {
      ...{
        id: 1,
        hour: '2026112216',
        generation: 1,
        packs: unacked,
        lines: 0,
        bytes: 0,
        sha256: EMPTY_SHA256,
      },
      ...{ ended: true, unacked, sources: [] },
    },
    0,
  );

/** A deliverer between answers, records and bodies that the test gives one by one. */
const begin = (codec: Codec = 'none') => {
  const sent: number[] = [];
  const acked: number[] = [];
  const fatal: unknown[] = [];
  const settled: TrackedSegment[] = [];
  const events: string[] = [];
  const answers = new Map<number, PromiseWithResolvers<Answer>>();
  const encoded = new Map<number, PromiseWithResolvers<Buffer>>();
  const buffers = bufferPool(SIZE);
  const budget = byteBudget(1e9);
  const marks: Pick<Marks, 'write'> = {
    write: (name, ...args) => {
      assert.equal(name, 'acked');
      acked.push(Number(args[1]));
      return Promise.resolve(undefined as never);
    },
  };
  const { deliver } = createDeliverer({
    ...{ host: 'web1', stream: 'access', codec, level: 1, buffers, marks: marks as Marks },
    keptAt: () => undefined,
    encode: (raw) => {
      const ready = Promise.withResolvers<Buffer>();
      encoded.set(raw.readUInt8(0), ready);
      if (codec === 'none') ready.resolve(raw);
      return ready.promise;
    },
    sender: {
      send: ({ header }: Pack) => {
        sent.push(header.id);
        const answer = Promise.withResolvers<Answer>();
        answers.set(header.id, answer);
        return answer.promise;
      },
    },
    emit: (name) => void events.push(name),
    onSettled: async (segment) => void settled.push(segment),
    onFatal: (error) => void fatal.push(error),
  });
  const give = async (
    segment: TrackedSegment,
    id: number,
    bytes: number,
    recorded: Promise<void>,
  ): Promise<CutPack> => {
    const buffer = buffers.take();
    const lease = await budget.acquire(buffers.size);
    const cut: Cut = {
      ...{ segment: 1, id, generation: 1, source: 1, position: 0, offset: 0, bytes, lines: 0, checksum: 0 },
      ...{ sha256: EMPTY_SHA256, time: 0, done: undefined, lost: undefined },
    };
    const delivery = { segment, cut, raw: buffer.subarray(0, bytes).fill(id), recorded, lease, buffer };
    deliver(delivery);
    return delivery;
  };
  return { ...{ sent, acked, fatal, settled, events, answers, encoded, buffers, budget, give } };
};

const settle = async (): Promise<void> => {
  for (let n = 0; n < 5; n++) await turn();
};

describe('deliverer', () => {
  it('no pack leaves before its cut is recorded, and none before the one cut before it', async () => {
    const d = begin();
    const segment = segmentOf(2);
    const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    await d.give(segment, 1, 10, first.promise);
    await d.give(segment, 2, 10, second.promise);
    second.resolve();
    await settle();
    assert.deepEqual(d.sent, []);
    first.resolve();
    await settle();
    assert.deepEqual(d.sent, [1, 2]);
  });
  it('packs leave in the order of their cuts, however long their compression takes', async () => {
    const d = begin('zstd');
    const segment = segmentOf(3);
    for (const id of [1, 2, 3]) await d.give(segment, id, 10, Promise.resolve());
    for (const id of [3, 2, 1]) {
      assert.deepEqual(d.sent, []);
      d.encoded.get(id)!.resolve(frame());
      await settle();
    }
    assert.deepEqual(d.sent, [1, 2, 3]);
  });
  it('a cut that cannot be recorded is never sent and ends the agent', async () => {
    const d = begin();
    await d.give(segmentOf(1), 1, 10, Promise.reject(new LogdError('storage', 'Disk full.')));
    await settle();
    assert.deepEqual([d.sent, d.fatal.length], [[], 1]);
  });
  it('an ack is recorded; the last one of an ended segment settles it', async () => {
    const d = begin();
    const segment = segmentOf(2);
    for (const id of [1, 2]) await d.give(segment, id, 10, Promise.resolve());
    await settle();
    d.answers.get(2)!.resolve({ kind: 'ack' });
    await settle();
    assert.deepEqual([d.acked, d.settled.length, segment.unacked], [[2], 0, 1]);
    d.answers.get(1)!.resolve({ kind: 'ack' });
    await settle();
    assert.deepEqual([d.acked, d.settled, d.budget.used], [[2, 1], [segment], 0]);
  });
  it('a refusal for good is told, and the pack stays in the marks', async () => {
    const d = begin();
    const segment = segmentOf(1);
    await d.give(segment, 1, 10, Promise.resolve());
    await settle();
    d.answers.get(1)!.resolve({ kind: 'nack', code: 'conflict', message: 'Other bytes.', retryable: false });
    await settle();
    assert.deepEqual([d.events, d.acked, d.settled, d.budget.used], [['send.pack-refused'], [], [], 0]);
  });
  it('a closed sender leaves the pack for the restart; another failure ends the agent', async () => {
    const d = begin();
    for (const [id, code] of [
      [1, 'closed'],
      [2, 'storage'],
    ] as const) {
      await d.give(segmentOf(2), id, 10, Promise.resolve());
      await settle();
      d.answers.get(id)!.reject(new LogdError(code, 'Over.'));
      await settle();
      assert.equal(d.fatal.length, id - 1);
    }
    assert.deepEqual(d.acked, []);
  });
  it('what waits for its ack holds as much memory as its lease says', async () => {
    for (const [codec, bytes, leased, free] of [
      ['none', SIZE, SIZE, 0], // the buffer is the body
      ['none', 10, 10, 1], // a copy; a whole buffer for ten bytes would be for ever while the sink is away
      ['zstd', SIZE, 4, 1],
    ] as const) {
      const d = begin(codec);
      const { buffer } = await d.give(segmentOf(1), 1, bytes, Promise.resolve());
      if (codec === 'zstd') d.encoded.get(1)!.resolve(frame());
      await settle();
      assert.equal(d.budget.used, leased);
      const next = d.buffers.take();
      assert.equal(next === buffer, free === 1, `${codec} ${bytes}`);
      d.answers.get(1)!.resolve({ kind: 'ack' });
      await settle();
      assert.equal(d.budget.used, 0);
      if (free === 0) assert.equal(d.buffers.take(), buffer, 'given back once acked');
      assert.notEqual(d.buffers.take(), d.buffers.take(), 'and only once');
    }
  });
});
