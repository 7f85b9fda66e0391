/** Packs of the Go system: made durable, put in order, and handed on with offsets and digests. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { deflateSync } from 'node:zlib';
import { type GoInput, openGoInput } from '../../../src/inputs/gowire/go-input.ts';
import type { Answer } from '../../../src/pack/answer.ts';
import type { Pack } from '../../../src/pack/pack.ts';
import { systemClock } from '../../../src/telemetry/clock.ts';
import type { EventName } from '../../../src/telemetry/events.ts';
import type { LoosePack } from '../../../src/transport/transport.ts';

const HOUR = '2026112216';

const linesOf = (id: number): string => `${`line of pack ${id}\n`.repeat(3)}`;
const loose = (id: number, more: Partial<LoosePack> = {}): LoosePack => ({
  ...{ host: '10.0.0.1', hour: HOUR, id, lines: 3, done: false, body: deflateSync(linesOf(id)) },
  ...more,
});

interface Rig {
  readonly dir: string;
  readonly got: Pack[];
  readonly said: EventName[];
  answer: (pack: Pack) => Answer;
  open(dir?: string): Promise<GoInput>;
  until(condition: () => boolean): Promise<void>;
}

const rigFor = async (
  t: { after(fn: () => unknown): void },
  gapAfter = 60_000,
  { zone = 'UTC', clock = systemClock } = {},
): Promise<Rig> => {
  const dir = await mkdtemp(join(tmpdir(), 'logd-go-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  const rig: Rig = {
    dir,
    got: [],
    said: [],
    answer: () => ({ kind: 'ack' }),
    open: (from = dir) =>
      openGoInput({
        ...{ dir: from, stream: 'access', zone, bytes: 16 << 20, rawBytes: 1 << 20, gapAfter, clock },
        target: (pack) => {
          const answer = rig.answer(pack);
          if (answer.kind === 'ack') rig.got.push(pack);
          return Promise.resolve(answer);
        },
        emit: (name) => void rig.said.push(name),
      }),
    async until(condition) {
      while (!condition()) await sleep(5);
    },
  };
  return rig;
};

const assertWhole = (packs: readonly Pack[], ids: readonly number[]): void => {
  const sorted = packs.toSorted((a, b) => a.header.id - b.header.id);
  assert.deepEqual(
    sorted.map(({ header }) => header.id),
    ids,
  );
  const hash = createHash('sha256');
  let offset = 0;
  for (const { header, body } of sorted) {
    assert.equal(header.offset, offset);
    hash.update(body);
    offset += body.length;
    assert.equal(header.sha256, hash.copy().digest('hex'));
  }
};

describe('input of the Go system', () => {
  it('puts packs in order, with offsets and digests, and ends the hour', async (t) => {
    const rig = await rigFor(t);
    await using input = await rig.open();
    for (const id of [2, 1, 4, 3, 2]) assert.deepEqual(await input.take(loose(id)), { kind: 'ack' });
    await input.take(loose(5, { done: true, lines: 0, body: deflateSync('') }));
    await rig.until(() => rig.said.includes('input.hour-ended'));
    const unique = [...new Map(rig.got.map((pack) => [pack.header.id, pack])).values()];
    assertWhole(unique, [1, 2, 3, 4, 5]);
    const last = unique.find(({ header }) => header.id === 5)!.header;
    assert.equal(last.done?.lines, 12);
    assert.equal(
      last.done?.bytes,
      [1, 2, 3, 4].reduce((sum, id) => sum + linesOf(id).length, 0),
    );
  });

  it('takes the same body under another id, which the Go receiver drops', async (t) => {
    const rig = await rigFor(t);
    await using input = await rig.open();
    const body = deflateSync('same\n');
    await input.take(loose(1, { body, lines: 1 }));
    await input.take(loose(2, { body, lines: 1, done: true }));
    await rig.until(() => rig.said.includes('input.hour-ended'));
    assertWhole(rig.got, [1, 2]);
  });

  it('acknowledges nothing that does not inflate', async (t) => {
    const rig = await rigFor(t);
    await using input = await rig.open();
    for (const body of [Buffer.from('no zlib'), loose(1).body.subarray(0, -4)])
      assert.equal((await input.take(loose(1, { body }))).kind, 'nack');
    assert.deepEqual(rig.got, []);
  });

  it('gives every pack that it acknowledged after a crash, as the same pack', async (t) => {
    const rig = await rigFor(t);
    rig.answer = ({ header }) =>
      header.id <= 2 ? { kind: 'ack' } : { kind: 'nack', code: 'storage', message: 'away', retryable: true };
    const copy = `${rig.dir}-copy`;
    t.after(() => rm(copy, { recursive: true, force: true }));
    {
      await using input = await rig.open();
      for (const id of [1, 2, 3, 5, 4]) await input.take(loose(id));
      await rig.until(() => rig.got.length === 2);
      await cp(rig.dir, copy, { recursive: true });
    }
    rig.answer = () => ({ kind: 'ack' });
    await using again = await rig.open(copy);
    await again.take(loose(6, { done: true }));
    await rig.until(() => rig.said.includes('input.hour-ended'));
    const unique = [...new Map(rig.got.map((pack) => [pack.header.id, pack])).values()];
    assertWhole(unique, [1, 2, 3, 4, 5, 6]);
  });

  it('makes gaps of what is missing after the end, and keeps what comes later', async (t) => {
    const rig = await rigFor(t, 1);
    await using input = await rig.open();
    await input.take(loose(1));
    await input.take(loose(3, { done: true }));
    await rig.until(() => rig.said.includes('input.gap') && rig.got.length === 3);
    assert.deepEqual(rig.got.find(({ header }) => header.id === 2)?.header.lost, {
      reason: 'source-vanished',
      bytes: 0,
    });
    await input.take(loose(9));
    await rig.until(() => rig.said.includes('input.conflict'));
  });

  it('says how many hours the day has in its zone, and takes a repeat after the hour was closed and forgotten', async (t) => {
    let now = 0;
    const clock = { ...systemClock, monotonic: () => now };
    const rig = await rigFor(t, 60_000, { zone: 'Europe/Berlin', clock });
    await using input = await rig.open();
    const hour = '2026102516';
    await input.take(loose(1, { hour }));
    await input.take(loose(2, { hour, done: true, lines: 0, body: deflateSync('') }));
    await rig.until(() => rig.said.includes('input.hour-ended'));
    assert.equal(rig.got.at(-1)?.header.done?.hoursInDay, 25);
    now += 400_000;
    // Its journal is closed now; the list of its packs is on disk.
    await sleep(600);
    assert.deepEqual(await input.take(loose(1, { hour })), { kind: 'ack' });
    await input.take(loose(3, { hour }));
    await rig.until(() => rig.said.includes('input.conflict'));
    assert.equal(rig.got.length, 2, 'nothing came a second time');
  });
});
