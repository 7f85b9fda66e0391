/** Puts the content of a file back in the place of a stored one: what lies there itself, or the file that somebody named. */
import type { CommitStage } from '../commit/commit-stage.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { recordedSegment } from '../ledger/recorded.ts';
import type { Repulls } from '../ledger/repull.ts';
import { type SegmentKey, segmentName } from '../pack/pack.ts';
import type { StoreRepairs } from '../stores/store.ts';
import type { Emit } from '../telemetry/events.ts';

export interface TakeBackOptions {
  readonly key: SegmentKey;
  readonly ledger: Pick<Ledger, 'segment' | 'packs'> & Repulls;
  readonly repairs: StoreRepairs;
  readonly commit: Pick<CommitStage, 'exclusive'>;
  readonly emit: Emit;
}

/** Resolves with why it is not what was stored, and has changed nothing then. */
export const takeBack = async (
  { key, ledger, repairs, commit, emit }: TakeBackOptions,
  from: string | undefined,
): Promise<string | undefined> => {
  const why = await commit.exclusive(key, async () => {
    const segment = await ledger.segment(key);
    if (segment === undefined) return 'nothing of the hour is recorded';
    const record = (places: Parameters<Repulls['replacePlaces']>[1]): Promise<void> =>
      ledger.replacePlaces(key, places);
    return repairs.restore(recordedSegment(ledger, segment), record, from);
  });
  if (why === undefined) emit('repull.restored', { ...key, file: from ?? 'the file in its place' });
  return why === undefined
    ? undefined
    : `${from ?? 'The file'} is not what was stored of ${segmentName(key)}: ${why}. Nothing was changed.`;
};
