/** What a ledger may be asked to do, in any order: the steps of the model test. */
import fc from 'fast-check';
import type { PackEntry } from '../../src/ledger/ledger.ts';
import type { PackHeader, SegmentKey } from '../../src/pack/pack.ts';
import { digestOf, end, pack } from '../ledger/packs.ts';

export const KEYS: readonly SegmentKey[] = ['2026112215', '2026112216'].map((hour) => ({
  host: 'web1',
  stream: 'access',
  hour,
}));

/** An agent's segment: generation 1 ends with pack 4, generation 2 with 6, generation 3 with 7; the second segment lacks pack 3's bytes. */
const truth = (segment: number, id: number): Partial<PackHeader> => ({
  ...KEYS[segment]!,
  generation: id <= 4 ? 1 : id <= 6 ? 2 : 3,
  ...([4, 6, 7].includes(id) ? { done: totals(segment, id) } : {}),
  ...(segment === 1 && id === 3 ? { lost: { reason: 'source-vanished', bytes: 100 } } : {}),
});

/** The day of the second segment does not count it. */
const totals = (segment: number, packs: number) => end(packs, { hoursInDay: segment === 0 ? 24 : 0 });

/** Most packs are as the agent made them; some say something else. */
const lie: fc.Arbitrary<Partial<PackHeader>> = fc.oneof(
  { weight: 30, arbitrary: fc.constant({}) },
  { weight: 1, arbitrary: fc.record({ generation: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 1, arbitrary: fc.record({ offset: fc.integer({ min: 0, max: 700 }) }) },
  { weight: 1, arbitrary: fc.record({ bytes: fc.integer({ min: 0, max: 300 }) }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      { checksum: 99 },
      { lines: 3 },
      { sha256: digestOf('x') },
      { codec: 'none' as const },
    ),
  },
  { weight: 1, arbitrary: fc.record({ done: fc.integer({ min: 1, max: 7 }).map((packs) => end(packs)) }) },
  { weight: 1, arbitrary: fc.constant({ lost: { reason: 'source-changed' as const, bytes: 5 } }) },
);

const segment = fc.nat(1);
const entry: fc.Arbitrary<PackEntry> = fc
  .record({ segment, id: fc.integer({ min: 1, max: 7 }), lie, arrivedAt: fc.nat(100) })
  .map(({ segment: index, id, lie: changes, arrivedAt }) =>
    pack(id, { ...truth(index, id), ...changes }, arrivedAt),
  );

/** All packs of a segment up to the end of a generation, in any order: without these, hardly any run would come to a seal. */
const whole: fc.Arbitrary<PackEntry[]> = fc
  .record({ segment, packs: fc.constantFrom(4, 6, 7), arrivedAt: fc.nat(100) })
  .chain(({ segment: index, packs, arrivedAt }) => {
    const entries = Array.from({ length: packs }, (_, before) =>
      pack(before + 1, truth(index, before + 1), arrivedAt),
    );
    return fc.shuffledSubarray(entries, { minLength: packs - 1, maxLength: packs });
  });

export type Step =
  | { readonly do: 'commit'; readonly entries: readonly PackEntry[] }
  | { readonly do: 'seal'; readonly segment: number }
  | { readonly do: 'refuse'; readonly segment: number }
  | { readonly do: 'reopen'; readonly segment: number; readonly generation: number }
  | { readonly do: 'mark'; readonly segment: number; readonly generation: number }
  | { readonly do: 'expire'; readonly before: number };

const weigh = <Value>(weight: number, arbitrary: fc.Arbitrary<Value>) => ({ weight, arbitrary });
const named = <Name extends string>(...names: readonly Name[]): fc.Arbitrary<Name> =>
  fc.constantFrom(...names);
const generation = fc.integer({ min: 1, max: 3 });

/** Steps, and restarts between them. */
export const step: fc.Arbitrary<Step | { readonly do: 'restart' }> = fc.oneof(
  weigh(4, fc.record({ do: named('commit'), entries: whole })),
  weigh(4, fc.record({ do: named('commit'), entries: fc.array(entry, { maxLength: 6 }) })),
  weigh(8, fc.record({ do: named('seal'), segment })),
  weigh(1, fc.record({ do: named('refuse'), segment })),
  weigh(1, fc.record({ do: named('reopen'), segment, generation })),
  weigh(1, fc.record({ do: named('mark'), segment, generation })),
  weigh(1, fc.record({ do: named('expire'), before: fc.nat(100) })),
  weigh(1, fc.record({ do: named('restart') })),
);
