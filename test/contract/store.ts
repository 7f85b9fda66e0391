/** The suite that every store must pass. `open` opens the same stored data again each time it is called with the same place. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { LogdError } from '../../src/error.ts';
import type { VerifiedPack } from '../../src/pack/pack.ts';
import type { Store } from '../../src/stores/store.ts';
import { KEY, logLines, packsOf, readBack, Recorder, storePacks } from './recorder.ts';

/** A directory that goes away with the test. */
export const scratch = async (test: TestContext): Promise<string> => {
  const dir = await mkdtemp(join(tmpdir(), 'logd-sink-'));
  test.after(() => rm(dir, { recursive: true, force: true }));
  return dir;
};

const PARTS = [
  logLines(50, 1),
  Buffer.from('x\n'),
  logLines(2000, 3),
  Buffer.from('no newline'),
  Buffer.alloc(0),
];
const WHOLE = Buffer.concat(PARTS);

const inOrder = (packs: readonly VerifiedPack[], ...ids: number[]): VerifiedPack[] =>
  ids.map((id) => packs.find(({ header }) => header.id === id)!);

/** Something that takes stored bytes away; `apply` does it to what lies at `Store.locate()`, and returns how to put them back. */
export interface Harm {
  readonly what: string;
  apply(path: string): Promise<() => Promise<void>>;
}

/** What the store says of bytes that are not there. */
const notThere = (error: unknown, path: string): true => {
  assert.ok(error instanceof LogdError, String(error));
  assert.deepEqual([error.code, error.retryable], ['corrupt', true], error.message);
  assert.ok(error.message.includes(path), error.message);
  return true;
};

export const sinkContract = (
  name: string,
  open: (place: string) => Promise<Store>,
  harms: readonly Harm[],
): void => {
  describe(`store contract: ${name}`, () => {
    for (const codec of ['none', 'zstd'] as const)
      for (const order of [
        [1, 2, 3, 4, 5],
        [5, 4, 3, 2, 1],
        [3, 1, 5, 2, 4],
      ])
        it(`gives back what was written as ${codec} in the order ${order.join(' ')}, before and after the seal`, async (test) => {
          await using store = await open(await scratch(test));
          const recorder = new Recorder();
          await storePacks(store, recorder, inOrder(await packsOf(PARTS, { codec }), ...order));
          assert.deepEqual(await readBack(store, recorder.recorded), WHOLE);
          await store.seal(recorder.recorded);
          assert.deepEqual(await readBack(store, recorder.recorded), WHOLE);
          await store.seal(recorder.recorded);
          assert.deepEqual(await readBack(store, recorder.recorded), WHOLE);
        });

    it('yields the bytes of recorded packs only', async (test) => {
      await using store = await open(await scratch(test));
      const recorder = new Recorder();
      const packs = await packsOf(PARTS);
      await storePacks(store, recorder, inOrder(packs, 1, 3));
      await store.write(packs[1]!, recorder.known);
      await store.flush();
      assert.deepEqual(await readBack(store, recorder.recorded), Buffer.concat([PARTS[0]!, PARTS[2]!]));
    });

    it('takes a pack twice', async (test) => {
      await using store = await open(await scratch(test));
      const recorder = new Recorder();
      const packs = await packsOf(PARTS);
      for (const pack of packs) await store.write(pack, undefined);
      await storePacks(store, recorder, inOrder(packs, 2, 2, 1, 3, 5, 4, 1));
      assert.deepEqual(await readBack(store, recorder.recorded), WHOLE);
      await store.seal(recorder.recorded);
      assert.deepEqual(await readBack(store, recorder.recorded), WHOLE);
    });

    it('forgets what could not be recorded, also of a segment that has nothing else', async (test) => {
      await using store = await open(await scratch(test));
      const recorder = new Recorder();
      const packs = await packsOf(PARTS);
      for (const pack of packs) {
        for (let time = 0; time < 3; time++) {
          await store.write(pack, recorder.known);
          if (time > 0) await store.flush();
          store.forget();
        }
        await storePacks(store, recorder, [pack]);
      }
      await store.flush();
      assert.deepEqual(await readBack(store, recorder.recorded), WHOLE);
      await store.seal(recorder.recorded);
      store.forget();
      assert.deepEqual(await readBack(store, recorder.recorded), WHOLE);
    });

    it('recovers: what was written and not recorded is gone, the rest goes on', async (test) => {
      const place = await scratch(test);
      const recorder = new Recorder();
      const packs = await packsOf(PARTS);
      {
        await using store = await open(place);
        await storePacks(store, recorder, inOrder(packs, 2, 1));
        await store.write(packs[2]!, recorder.known);
        await store.flush();
      }
      await using store = await open(place);
      await store.recover(recorder.recorded);
      await store.recover(recorder.recorded);
      assert.deepEqual(await readBack(store, recorder.recorded), Buffer.concat(PARTS.slice(0, 2)));
      await storePacks(store, recorder, inOrder(packs, 4, 3, 5));
      assert.deepEqual(await readBack(store, recorder.recorded), WHOLE);
    });

    it('starts anew where nothing was recorded before a crash', async (test) => {
      const place = await scratch(test);
      {
        await using store = await open(place);
        for (const pack of await packsOf([logLines(500), logLines(900)])) await store.write(pack, undefined);
        await store.flush();
      }
      await using store = await open(place);
      const recorder = new Recorder();
      await storePacks(store, recorder, await packsOf(PARTS));
      await store.seal(recorder.recorded);
      assert.deepEqual(await readBack(store, recorder.recorded), WHOLE);
    });

    for (const restarted of [false, true])
      it(`takes late packs after the seal${restarted ? ', after a restart' : ''}`, async (test) => {
        const place = await scratch(test);
        const recorder = new Recorder();
        let store = await open(place);
        await storePacks(store, recorder, inOrder(await packsOf(PARTS), 2, 1, 3, 4, 5));
        await store.seal(recorder.recorded);
        if (restarted) {
          await store[Symbol.asyncDispose]();
          store = await open(place);
        }
        await using last = store;
        const late = [logLines(10, 5), logLines(20, 7)];
        const more = await packsOf(late, { firstId: 6, offset: WHOLE.length, generation: 2 });
        await storePacks(last, recorder, more.toReversed());
        assert.deepEqual(await readBack(last, recorder.recorded), Buffer.concat([WHOLE, ...late]));
        await last.seal(recorder.recorded);
        assert.deepEqual(await readBack(last, recorder.recorded), Buffer.concat([WHOLE, ...late]));
      });

    for (const { what, apply } of harms)
      for (const sealed of [true, false])
        for (const restarted of [true, false]) {
          const when = `${sealed ? 'sealed' : 'open'}${restarted ? ', after a restart' : ''}`;
          it(`takes no pack while ${what} (${when}), and all of them when the bytes are back`, async (test) => {
            const place = await scratch(test);
            const recorder = new Recorder();
            const packs = await packsOf(PARTS);
            let store = await open(place);
            await storePacks(store, recorder, inOrder(packs, 3, 1, 2));
            if (sealed) await storePacks(store, recorder, inOrder(packs, 4, 5));
            if (sealed) await store.seal(recorder.recorded);
            if (restarted) {
              await store[Symbol.asyncDispose]();
              store = await open(place);
            }
            await using last = store;
            const path = last.locate(KEY);
            const putBack = await apply(path);
            const more = [logLines(10, 5), logLines(20, 7)];
            const late = await packsOf(more, { firstId: 6, offset: WHOLE.length, generation: 2 });
            const rest = sealed ? late : inOrder(packs, 4);
            const known = recorder.recorded;
            if (restarted && !sealed)
              await assert.rejects(last.recover(known), (error) => notThere(error, path));
            for (let time = 0; time < 2; time++)
              for (const pack of rest)
                await assert.rejects(last.write(pack, known), (error) => notThere(error, path));
            await assert.rejects(last.seal(known), (error) => notThere(error, path));
            await last.flush();
            await putBack();
            // A sink may say once more that it is another file than the one it had.
            await last.write(rest[0]!, known).catch((error: unknown) => notThere(error, path));
            await storePacks(last, recorder, rest.toReversed());
            const whole = Buffer.concat(sealed ? [WHOLE, ...more] : PARTS.slice(0, 4));
            assert.deepEqual(await readBack(last, recorder.recorded), whole);
            await last.seal(recorder.recorded);
            assert.deepEqual(await readBack(last, recorder.recorded), whole);
          });
        }

    it('seals a segment without bytes', async (test) => {
      await using store = await open(await scratch(test));
      const recorder = new Recorder();
      await storePacks(store, recorder, await packsOf([Buffer.alloc(0)]));
      await store.seal(recorder.recorded);
      assert.deepEqual(await readBack(store, recorder.recorded), Buffer.alloc(0));
    });

    it('keeps many segments apart, written at the same time', async (test) => {
      await using store = await open(await scratch(test));
      const hours = Array.from({ length: 24 }, (_, hour) => `20261122${String(hour).padStart(2, '0')}`);
      const labels = [...hours, '2026102502', '2026102502b', '20261122'];
      const stored = await Promise.all(
        labels.map(async (hour, n) => {
          const recorder = new Recorder();
          const parts = [logLines(n + 1, n + 1), logLines(3, n + 2)];
          await storePacks(store, recorder, (await packsOf(parts, { key: { ...KEY, hour } })).toReversed());
          return { recorder, whole: Buffer.concat(parts) };
        }),
      );
      await Promise.all(stored.map(({ recorder }) => store.seal(recorder.recorded)));
      for (const { recorder, whole } of stored)
        assert.deepEqual(await readBack(store, recorder.recorded), whole);
      const places = new Set(labels.map((hour) => store.locate({ ...KEY, hour })));
      assert.equal(places.size, labels.length);
    });
  });
};
