/** A commit stage over a store and a ledger in memory, with everything that it says and asks for. */
import { type Clock, systemClock } from '../../src/telemetry/clock.ts';
import type { EventFields, EventName } from '../../src/telemetry/events.ts';
import { segmentName, type SegmentKey, type VerifiedPack } from '../../src/pack/pack.ts';
import { createCommitStage, type CommitStage } from '../../src/commit/commit-stage.ts';
import type { Answer } from '../../src/pack/answer.ts';
import { memoryLedger, type MemoryLedger } from './memory-ledger.ts';
import { memoryStore, type MemoryStore } from './memory-store.ts';

export interface Seen {
  readonly name: EventName;
  readonly fields: EventFields<EventName>;
}

export interface CommitRig {
  readonly ledger: MemoryLedger;
  readonly store: MemoryStore;
  readonly commit: CommitStage;
  readonly events: Seen[];
  /** Names of segments, each time that they became complete. */
  readonly complete: string[];
  /** What a late pack's reopening of a segment waits for. */
  onReopened: (key: SegmentKey) => Promise<void>;
  put(pack: VerifiedPack): Promise<Answer>;
}

export const commitRig = (clock: Clock = systemClock): CommitRig => {
  const ledger = memoryLedger();
  const store = memoryStore(ledger.peek);
  const events: Seen[] = [];
  const complete: string[] = [];
  const rig: CommitRig = {
    ledger,
    store,
    events,
    complete,
    onReopened: () => Promise.resolve(),
    commit: createCommitStage({
      store,
      ledger,
      clock,
      emit: (name, fields) => void events.push({ name, fields }),
      onComplete: (key) => void complete.push(segmentName(key)),
      onReopened: (key) => rig.onReopened(key),
    }),
    put: (pack) =>
      rig.commit.put({ header: pack.header, verified: Promise.resolve(pack), release: () => undefined }),
  };
  return rig;
};

/** `ack`, or the code of the refusal. */
export const brief = (answer: Answer): string => (answer.kind === 'ack' ? 'ack' : answer.code);
