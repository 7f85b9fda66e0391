/** What a start finishes: complete hours whose seals are not made yet. Each is held against what is stored first. */
import type { Ledger } from '../ledger/ledger.ts';
import { selectSegments } from '../ledger/walk.ts';
import type { SegmentKey } from '../pack/pack.ts';

/** Resolves when all of these seals are requested; they are not awaited. */
export const resume = async (
  ledger: Pick<Ledger, 'segments'>,
  requestSeal: (key: SegmentKey) => void,
): Promise<void> => {
  for await (const segment of selectSegments(ledger, { states: ['complete'] })) requestSeal(segment);
};
