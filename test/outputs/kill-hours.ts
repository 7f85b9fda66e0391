/** The hours that the follower's kill test stores: the same in the child and in the test. */
import type { VerifiedPack } from '../../src/pack/pack.ts';
import { cutInto, KEY, logParts } from '../commit/packs.ts';

/** The second hour has late lines. */
export const killHours = (): Promise<VerifiedPack[][]> =>
  Promise.all([
    cutInto(logParts(5, 1), { key: { ...KEY, hour: '2026112214' }, codec: 'zstd' }),
    cutInto(logParts(6, 2), { key: { ...KEY, hour: '2026112215' }, codec: 'zstd', ends: [4, 6] }),
    cutInto(logParts(4, 3), { key: { ...KEY, hour: '2026112216' }, codec: 'zstd' }),
  ]);
