/**
 * Retention: removes the stored files of sealed hours that are old enough (`store.retain`), and forgets their packs (`ledger.keep_packs`).
 * Seals stay. Nothing that is not sealed, and nothing that an output still needs, is touched.
 *
 *   for each host and stream, hour by hour:  no output needs it? ─▶ in the segment's queue of the commit stage:
 *     remove   the ledger notes it (removing) ─▶ markers ─▶ file ─▶ the ledger notes it (removed)
 *     archive  markers ─▶ packs, in one transaction of the ledger
 *
 * Recovery: what is `removing` in the ledger is removed again by the next look; every step is idempotent. An hour that cannot be removed
 * stays, and holds up no other.
 */
import type { CommitStage } from '../commit/commit-stage.ts';
import type { Retain } from '../config/retain.ts';
import { atMost } from '../disk/at-most.ts';
import { messageOf } from '../error.ts';
import { fault } from '../fault/fault.ts';
import type { SegmentRecord } from '../ledger/ledger.ts';
import type { StreamOfHost, OutputPosition, Retention, RetentionStep } from '../ledger/retention.ts';
import { hourIndex, hourLabel } from '../pack/hour-index.ts';
import type { SegmentKey } from '../pack/pack.ts';
import type { Store } from '../stores/store.ts';
import type { Clock } from '../telemetry/clock.ts';
import type { Emit } from '../telemetry/events.ts';

const HOUR_MS = 3_600_000;
/** Between two passes. */
const MOST_PAUSE_MS = 60_000;
const LEAST_PAUSE_MS = 1_000;
const DELIVERED_PAUSE_MS = 10_000;
/** What was passed over because it was done is looked at again after this time: an hour may be sealed after later ones. */
const LOOK_AGAIN_MS = 24 * HOUR_MS;
const LANES = 100;
const PAGE = 50;
/** Hours at work at a time. */
const AT_ONCE = 8;

export interface RetentionOptions {
  readonly ledger: Retention;
  readonly store: Pick<Store, 'remove'>;
  readonly commit: Pick<CommitStage, 'exclusive'>;
  readonly outputs: {
    /** Where all outputs are in the segment; undefined while one of them needs it. */
    settled(segment: SegmentRecord): Promise<readonly OutputPosition[] | undefined>;
    /** Removes what outputs keep for the hour only while it is there: its markers. */
    expired(segment: SegmentRecord): Promise<void>;
  };
  readonly clock: Clock;
  readonly emit: Emit;
  readonly retain: Retain;
  /** Milliseconds after the seal. */
  readonly keepPacks: number;
}

interface Pass {
  /** Stops between two hours. */
  readonly signal: AbortSignal;
  /** By step and lane: the hour up to which there is nothing left to do. */
  readonly done: Map<string, string>;
  /** Why some could not be taken: told once for a pass. */
  failure?: unknown;
}

const keyOf = ({ host, stream, hour }: SegmentKey): SegmentKey => ({ host, stream, hour });

/** Called in the segment's queue, once the ledger has noted that it begins; again after a crash. */
const finishRemoval = async (
  { ledger, store, outputs }: Pick<RetentionOptions, 'ledger' | 'store' | 'outputs'>,
  segment: SegmentRecord,
): Promise<void> => {
  fault('retain.before-remove');
  await outputs.expired(segment);
  await store.remove(keyOf(segment));
  fault('retain.after-remove');
  await ledger.endRemoval(keyOf(segment));
  fault('retain.after-record');
};

/** False where it may not be done yet. */
const take = async (
  options: RetentionOptions,
  step: RetentionStep,
  segment: SegmentRecord,
): Promise<boolean> => {
  const { ledger, commit, outputs, clock } = options;
  const settled = segment.archived === true ? [] : await outputs.settled(segment);
  if (settled === undefined) return false;
  const key = keyOf(segment);
  return commit.exclusive(key, async () => {
    if (step === 'archive') {
      fault('retain.before-archive');
      const isArchived = await ledger.archive(key, segment.generation, settled);
      if (isArchived) await outputs.expired(segment);
      return isArchived;
    }
    if (!(await ledger.beginRemoval(key, segment.generation, settled, clock.now()))) return false;
    await finishRemoval(options, segment);
    return true;
  });
};

/** False where it fails, or is too late. */
const attempt = async (pass: Pass, job: () => Promise<boolean>): Promise<boolean> => {
  if (pass.signal.aborted) return false;
  try {
    return await job();
  } catch (error) {
    pass.failure ??= error;
    return false;
  }
};

/** Takes a step for all hours of a host and stream that are due. Resolves with their number and stored bytes. */
const takeLane = async (
  options: RetentionOptions,
  step: RetentionStep,
  lane: StreamOfHost,
  sealedBefore: number,
  pass: Pass,
): Promise<{ hours: number; bytes: number }> => {
  const { signal, done } = pass;
  const taken = { hours: 0, bytes: 0 };
  const limited = atMost(AT_ONCE);
  // An hour is sealed after it has ended, in whatever zone.
  const before = hourLabel(
    hourIndex(new Date(sealedBefore).toISOString().replace(/\D/g, '').slice(0, 10)) + 24,
  );
  const name = `${step} ${lane.host}/${lane.stream}`;
  let after = done.get(name) ?? '';
  for (let isWhole = true; !signal.aborted;) {
    const page = await options.ledger.expirable(step, lane, { before, after, sealedBefore, limit: PAGE });
    const results = await Promise.all(
      page.map((segment) => limited(() => attempt(pass, () => take(options, step, segment)))),
    );
    for (const [n, isTaken] of results.entries()) {
      if (!isTaken) continue;
      taken.hours++;
      taken.bytes += page[n]!.storedEnd;
    }
    after = page.at(-1)?.hour ?? after;
    isWhole &&= results.every((isTaken) => isTaken);
    if (isWhole) done.set(name, after);
    // Where an output is behind, it is so for later hours, too.
    if (page.length < PAGE || !results.includes(true)) break;
  }
  return taken;
};

/** Looks at all hosts and streams once. */
export const retainOnce = async (
  options: RetentionOptions,
  pass: Pass = { signal: new AbortController().signal, done: new Map() },
): Promise<void> => {
  const { ledger, clock, emit, retain, keepPacks } = options;
  const now = clock.now();
  for (const segment of await ledger.removing(PAGE))
    await attempt(pass, async () => {
      await options.commit.exclusive(keyOf(segment), () => finishRemoval(options, segment));
      return true;
    });
  const steps: readonly [RetentionStep, number][] = [
    ['remove', retain === 'forever' ? -Infinity : retain === 'delivered' ? now + 1 : now - retain],
    ['archive', now - keepPacks],
  ];
  for (const [step, sealedBefore] of steps) {
    if (sealedBefore === -Infinity) continue;
    const sums = { hours: 0, bytes: 0 };
    for (let after: StreamOfHost | undefined; !pass.signal.aborted;) {
      const lanes = await ledger.lanes(after, LANES);
      for (const lane of lanes) {
        if (pass.signal.aborted) break;
        const { hours, bytes } = await takeLane(options, step, lane, sealedBefore, pass);
        sums.hours += hours;
        sums.bytes += bytes;
      }
      after = lanes.at(-1);
      if (lanes.length < LANES) break;
    }
    if (sums.hours > 0) emit(step === 'remove' ? 'retain.removed' : 'retain.archived', sums);
  }
  if (pass.failure !== undefined) emit('retain.failed', { reason: messageOf(pass.failure) });
};

const pauseOf = ({ retain, keepPacks }: RetentionOptions): number => {
  const ages = [
    retain === 'forever' ? Infinity : retain === 'delivered' ? 10 * DELIVERED_PAUSE_MS : retain,
    keepPacks,
  ];
  return Math.max(LEAST_PAUSE_MS, Math.min(MOST_PAUSE_MS, Math.min(...ages) / 10));
};

/** Looks at the start, and again and again if there is anything to look for. */
export const startRetention = (options: RetentionOptions): AsyncDisposable => {
  const closing = new AbortController();
  const isIdle = options.retain === 'forever' && options.keepPacks === Number.POSITIVE_INFINITY;
  const done = new Map<string, string>();
  let running: Promise<void> | undefined;
  let forgetAt = options.clock.monotonic() + LOOK_AGAIN_MS;
  const look = (): void => {
    if (options.clock.monotonic() >= forgetAt) {
      done.clear();
      forgetAt = options.clock.monotonic() + LOOK_AGAIN_MS;
    }
    running ??= retainOnce(options, { signal: closing.signal, done })
      .catch((error: unknown) => options.emit('retain.failed', { reason: messageOf(error) }))
      .finally(() => (running = undefined));
  };
  const timer = isIdle ? undefined : setInterval(look, pauseOf(options));
  timer?.unref();
  // What a crash left half-way is ended in any case.
  look();
  return {
    async [Symbol.asyncDispose]() {
      closing.abort();
      clearInterval(timer);
      await running;
    },
  };
};
