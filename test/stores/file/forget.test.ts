/** A ledger that cannot record, because its disk is full: the same packs come again and again. */
import assert from 'node:assert/strict';
import { stat } from 'node:fs/promises';
import test from 'node:test';
import { DEFAULT_LAYOUT } from '../../../src/stores/file/layout.ts';
import { openFileStore } from '../../../src/stores/file/file-store.ts';
import { KEY, logLines, packsOf, readBack, Recorder, storePacks } from '../../contract/recorder.ts';
import { scratch } from '../../contract/store.ts';

for (const compression of ['none', 'zstd'] as const)
  test(`packs that cannot be recorded take their room once (${compression})`, async (context) => {
    const sizeAfter = async (failures: number): Promise<number> => {
      const dir = await scratch(context);
      await using store = await openFileStore({ dir, compression, layout: DEFAULT_LAYOUT });
      const recorder = new Recorder();
      for (const pack of await packsOf([logLines(300, 1), logLines(400, 3), logLines(500, 7)])) {
        for (let time = 0; time < failures; time++) {
          await store.write(pack, recorder.known);
          await store.flush();
          store.forget();
        }
        await storePacks(store, recorder, [pack]);
      }
      return (await stat(store.locate(KEY))).size;
    };
    assert.equal(await sizeAfter(9), await sizeAfter(0));
  });

for (const compression of ['none', 'zstd'] as const)
  test(`a write that was asked for before does not cut back what was recorded since (${compression})`, async (context) => {
    const dir = await scratch(context);
    await using store = await openFileStore({ dir, compression, layout: DEFAULT_LAYOUT });
    const recorder = new Recorder();
    const [first, second] = await packsOf([logLines(300, 1), logLines(400, 3)]);
    const before = recorder.known;
    await storePacks(store, recorder, [first!]);
    const late = store.write(second!, before);
    store.forget();
    await assert.rejects(late, { code: 'storage', retryable: true });
    assert.deepEqual(await readBack(store, recorder.recorded), first!.raw);
  });
