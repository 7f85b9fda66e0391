/** What every output must do, whatever its kind: run it over an output on a fresh destination. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Counts, Item, Output } from '../../src/outputs/output.ts';
import type { Seal } from '../../src/ledger/ledger.ts';
import type { SegmentKey, VerifiedPack } from '../../src/pack/pack.ts';
import { cutInto, KEY, logParts } from '../commit/packs.ts';

export interface OutputWorld extends AsyncDisposable {
  readonly unit: 'pack' | 'hour';
  /** The same destination again, as after a restart. */
  open(): Promise<Output>;
  /** How many lines of the segment the destination has. */
  lines(key: SegmentKey): Promise<number>;
}

const sumOf = ({ delivered, dropped, rejected }: Counts): number => delivered + dropped + rejected;

/** The items that a follower would give for these packs: each pack, or the hour. */
export const itemsOf = (unit: 'pack' | 'hour', key: SegmentKey, packs: readonly VerifiedPack[]): Item[] => {
  if (unit === 'pack')
    return packs.map(({ header, raw }) => ({ unit, key, header, bytes: raw, lines: header.lines }));
  const { done, generation } = packs.at(-1)!.header;
  const { packs: count, lines, bytes, sha256 } = done!;
  const seal: Seal = {
    ...key,
    ...{ packs: count, lines, bytes, sha256, generation, firstArrival: 1, lastArrival: 2, sealedAt: 3 },
  };
  const read = async function* (): AsyncGenerator<Buffer> {
    for (const { raw } of packs) yield await Promise.resolve(Buffer.from(raw));
  };
  return [{ unit, key, seal, read, lines }];
};

/** `lineOf` makes one line of the format that the output is configured for, without its newline. */
export const outputContract = (
  name: string,
  world: () => Promise<OutputWorld>,
  parts: (count: number, seed: number) => Buffer[] = logParts,
): void => {
  const { signal } = new AbortController();
  const deliver = async (output: Output, items: readonly Item[]): Promise<void> => {
    for (const item of items)
      assert.equal(sumOf(await output.deliver(item, signal)), item.lines, 'lines are accounted for');
  };
  const linesIn = (packs: readonly VerifiedPack[]): number =>
    packs.reduce((sum, { header }) => sum + header.lines, 0);

  test(`${name}: accounts for every line, and has them at its destination`, async () => {
    await using w = await world();
    await using output = await w.open();
    const packs = await cutInto(parts(5, 1));
    await deliver(output, itemsOf(w.unit, KEY, packs));
    assert.equal(await w.lines(KEY), linesIn(packs));
    assert.equal(output.status().state, 'running');
  });

  test(`${name}: the same item twice, also after a restart, is the same as once`, async () => {
    await using w = await world();
    const packs = await cutInto(parts(4, 2));
    for (let start = 0; start < 3; start++) {
      await using output = await w.open();
      await deliver(output, itemsOf(w.unit, KEY, packs));
      await deliver(output, itemsOf(w.unit, KEY, packs).slice(0, 2));
    }
    assert.equal(await w.lines(KEY), linesIn(packs));
  });

  test(`${name}: several segments at once do not mix`, async () => {
    await using w = await world();
    await using output = await w.open();
    const keys = Array.from({ length: 6 }, (_, n) => ({ ...KEY, host: `web${n}` }));
    const all = await Promise.all(keys.map((key, n) => cutInto(parts(3, n + 1), { key })));
    await Promise.all(keys.map((key, n) => deliver(output, itemsOf(w.unit, key, all[n]!))));
    for (const [n, key] of keys.entries()) assert.equal(await w.lines(key), linesIn(all[n]!), key.host);
  });

  test(`${name}: an empty segment is no line`, async () => {
    await using w = await world();
    await using output = await w.open();
    await deliver(output, itemsOf(w.unit, KEY, await cutInto([Buffer.alloc(0)])));
  });
};
