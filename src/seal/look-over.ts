/**
 * Looks, after a start and beside all other work, at what is stored of the hours that are not sealed. An hour that is written to, or sealed,
 * does not wait for it: its file is looked at first in any case. So this is for those to which nothing comes.
 *
 *   hours, page by page ─▶ as long as the ledger says? ─ yes ─▶ nothing
 *                                                      └ no ──▶ in its queue: cut back what was never recorded
 *                                                                └ bytes are missing ─▶ said, and the hour waits for them; a closed one is refused
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { CommitStage } from '../commit/commit-stage.ts';
import { LogdError, messageOf } from '../error.ts';
import type { SegmentRecord, SegmentState } from '../ledger/ledger.ts';
import { type RecordingLedger, recordedSegment } from '../ledger/recorded.ts';
import { selectSegments } from '../ledger/walk.ts';
import type { SegmentKey } from '../pack/pack.ts';
import type { Store } from '../stores/store.ts';
import type { Emit } from '../telemetry/events.ts';

const UNSEALED: readonly SegmentState[] = ['open', 'complete', 'refused', 'incomplete'];
const AT_ONCE = 32;

export interface LookOverOptions {
  readonly store: Store;
  readonly ledger: RecordingLedger;
  readonly commit: Pick<CommitStage, 'exclusive' | 'missing'>;
  readonly emit: Emit;
}

export interface LookOver extends AsyncDisposable {
  /** Resolves when all have been looked at, or a failure of the disk or the ledger has ended it. */
  readonly done: Promise<void>;
}

export const startLookOver = ({ store, ledger, commit, emit }: LookOverOptions): LookOver => {
  let isEnding = false;

  const recover = async (key: SegmentKey): Promise<void> => {
    const segment = await ledger.segment(key);
    if (segment === undefined || !UNSEALED.includes(segment.state)) return;
    try {
      await store.recover(recordedSegment(ledger, segment));
    } catch (error) {
      if (!(error instanceof LogdError) || error.code !== 'corrupt') throw error;
      const isUnderWay = segment.state === 'open' || segment.state === 'complete';
      if (error.retryable && isUnderWay) {
        await commit.missing.note(key, error.message);
        return;
      }
      await ledger.close(key, 'refused', error.message);
      emit('seal.refused', { ...key, reason: error.message });
    }
  };

  const look = async (segment: SegmentRecord): Promise<void> => {
    if (await store.isAsRecorded(segment).catch(() => false)) return;
    const { host, stream, hour } = segment;
    const key = { host, stream, hour };
    await commit.exclusive(key, () => recover(key));
  };

  /** Takes half of the time at most, so that others come first. */
  const lookAt = async (group: readonly SegmentRecord[]): Promise<void> => {
    const began = performance.now();
    await Promise.all(group.map(look));
    await sleep(performance.now() - began);
  };

  const run = async (): Promise<void> => {
    let group: SegmentRecord[] = [];
    for await (const segment of selectSegments(ledger, { states: UNSEALED })) {
      if (isEnding) return;
      group.push(segment);
      if (group.length < AT_ONCE) continue;
      await lookAt(group);
      group = [];
    }
    await lookAt(group);
  };

  const done = run().catch((error: unknown) => {
    if (!isEnding) emit('store.failed', { reason: messageOf(error) });
  });
  return {
    done,
    async [Symbol.asyncDispose]() {
      isEnding = true;
      await done;
    },
  };
};
