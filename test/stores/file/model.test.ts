/** Random packs, orders, lost records and restarts, against a model that only knows which packs were recorded. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFile, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import fc from 'fast-check';
import type { VerifiedPack } from '../../../src/pack/pack.ts';
import { DEFAULT_LAYOUT } from '../../../src/stores/file/layout.ts';
import { openFileStore } from '../../../src/stores/file/file-store.ts';
import type { Store } from '../../../src/stores/store.ts';
import { KEY, logLines, packsOf, readBack, Recorder, storePacks } from '../../contract/recorder.ts';

type Step =
  /** Writes and records these packs. */
  | { readonly do: 'store'; readonly packs: readonly number[] }
  /** Writes and flushes them, then the ledger fails. */
  | { readonly do: 'lose'; readonly packs: readonly number[] }
  /** The process dies, with or without a torn write at the file's end, and comes back. */
  | { readonly do: 'crash'; readonly torn: boolean };

const picks = fc.array(fc.nat(11), { minLength: 1, maxLength: 4 });
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant('store' as const), packs: picks }),
  fc.record({ do: fc.constant('store' as const), packs: picks }),
  fc.record({ do: fc.constant('lose' as const), packs: picks }),
  fc.record({ do: fc.constant('crash' as const), torn: fc.boolean() }),
);

const history = fc.record({
  sizes: fc.array(fc.integer({ min: 0, max: 60 }), { minLength: 1, maxLength: 12 }),
  first: fc.array(step, { maxLength: 10 }),
  lateSizes: fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 3 }),
  second: fc.array(step, { maxLength: 6 }),
});

for (const compression of ['none', 'zstd'] as const)
  it(`stores any history of packs and crashes as its agent read them, ${compression}`, async () => {
    await fc.assert(
      fc.asyncProperty(history, async ({ sizes, first, lateSizes, second }) => {
        const dir = await mkdtemp(join(tmpdir(), 'logd-model-'));
        const open = (): Promise<Store> => openFileStore({ dir, compression, layout: DEFAULT_LAYOUT });
        let store = await open();
        const recorder = new Recorder();

        const run = async (packs: readonly VerifiedPack[], steps: readonly Step[]): Promise<void> => {
          const pick = (numbers: readonly number[]): VerifiedPack[] =>
            [...new Set(numbers.map((n) => packs[n % packs.length]!))].filter(
              ({ header }) => !recorder.records.has(header.id),
            );
          for (const each of steps) {
            if (each.do === 'store') await storePacks(store, recorder, pick(each.packs));
            if (each.do === 'lose') await storePacks(store, new Recorder(), pick(each.packs));
            if (each.do === 'crash') {
              await store[Symbol.asyncDispose]();
              const path = store.locate(KEY);
              if (each.torn && (await exists(path))) await appendFile(path, 'torn write');
              store = await open();
              if (recorder.records.size > 0) await store.recover(recorder.recorded);
            }
          }
          const rest = packs.filter(({ header }) => !recorder.records.has(header.id));
          await storePacks(store, recorder, rest.toReversed());
          await store.seal(recorder.recorded);
        };

        try {
          const parts = sizes.map((lines, n) => logLines(lines, n + 1));
          const whole = Buffer.concat(parts);
          await run(await packsOf(parts), first);
          assert.deepEqual(await stored(store.locate(KEY)), whole);
          assert.deepEqual(await readBack(store, recorder.recorded), whole);

          if (lateSizes.length === 0) return;
          const late = lateSizes.map((lines, n) => logLines(lines, n + 20));
          const from = { firstId: parts.length + 1, offset: whole.length, generation: 2 };
          await run(await packsOf(late, from), second);
          const all = Buffer.concat([whole, ...late]);
          assert.deepEqual(await stored(store.locate(KEY)), all);
          assert.deepEqual(await readBack(store, recorder.recorded), all);
        } finally {
          await store[Symbol.asyncDispose]();
          await rm(dir, { recursive: true });
        }
      }),
      { numRuns: 60 },
    );
  });

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

/** What a person gets with common tools. */
const stored = async (path: string): Promise<Buffer> =>
  path.endsWith('.zst') && (await stat(path)).size > 0
    ? execFileSync('zstdcat', [path], { maxBuffer: 1 << 28 })
    : readFile(path);
