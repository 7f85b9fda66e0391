/**
 * Follows one stream: looks for its files every `pollInterval`, and cuts what they hold into packs, each behind a lease of the
 * budget that all streams share in turn. While the budget is used up (a slow sink) the looking goes on. While a look is under way
 * the cutting goes on; only what it found is taken in with nothing else under way.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { LogdError } from '../error.ts';
import type { ByteBudget, Lease } from '../pack/byte-budget.ts';
import type { Hours } from '../pack/hour.ts';
import type { Discovery, SourceFile } from '../tail/discover.ts';
import type { Clock } from '../telemetry/clock.ts';
import { isSourceError } from '../tail/source.ts';
import type { BufferPool } from './buffer-pool.ts';
import type { FileTracker } from '../track/file-tracker.ts';
import type { CutPack } from './cut-pack.ts';
import type { PackCutter } from './pack-cutter.ts';
import {
  dueAt,
  isReadToTheEnd,
  nextRead,
  type ReadRule,
  type TrackedSegment,
  type SourceState,
  unfinished,
} from '../track/segment.ts';

/** Every so many looks everything is looked at, ended hours too: for late lines. */
const FULL_LOOK_EVERY = 20;
/** Of the time, full looks take at most one part in so many, however many files there are; taking new ones in does not count. */
const FULL_LOOK_SHARE = 20;
/** But late lines do not wait longer than this (milliseconds) for the next full look, even if this one was slow by chance. */
const FULL_LOOK_PAUSE = 15_000;

/** Cutting is given as much time as looking took, and more while there is something to cut, up to so many intervals in all. */
const MOST_INTERVALS = 4;

export interface FollowRules extends ReadRule {
  /** Milliseconds between two looks at the directory. */
  readonly pollInterval: number;
  /** Milliseconds after an hour until the clock alone may end it. */
  readonly grace: number;
  readonly backlog: 'before' | 'beside';
}

export interface FollowerOptions {
  readonly rules: FollowRules;
  readonly hours: Hours;
  readonly discovery: Discovery;
  readonly tracker: FileTracker;
  readonly cutter: PackCutter;
  readonly budget: ByteBudget;
  readonly buffers: BufferPool;
  readonly clock: Clock;
  readonly deliver: (pack: CutPack) => void;
  /** False while older packs are still to be made again: files are looked for and held, nothing is cut. */
  readonly mayCut: () => boolean;
  /** A file is there and cannot be read now; it is tried again after the next look. */
  readonly onUnreadable: (path: string, error: LogdError) => void;
}

type FollowStep =
  | {
      readonly kind: 'read';
      readonly segment: TrackedSegment;
      readonly source: SourceState;
      readonly rest: boolean;
      readonly ends: boolean;
    }
  | { readonly kind: 'end'; readonly segment: TrackedSegment };

/** Runs until the signal, then resolves with nothing being read. Rejects when the stream cannot go on. */
export const follow = async (options: FollowerOptions, signal: AbortSignal): Promise<void> => {
  const { rules, hours, discovery, tracker, cutter, budget, buffers, clock } = options;
  let looksUntilFull = 0;
  let fullLookFrom = 0;
  let lookAt = 0;
  let latestLookAt = 0;
  /** When the last look began: since then anything may have happened. */
  let seenAt = 0;
  let turn = 0;

  /** The files there are now. Reading goes on meanwhile, ending does not: what is being found may be more of the segment. */
  const scan = async (full: boolean): Promise<readonly SourceFile[]> => {
    const activeFrom = tracker.activeFrom();
    let scanning = true;
    let isOutdated = false;
    const found = discovery.scan({ full, activeFrom }).finally(() => {
      scanning = false;
    });
    found.catch(() => undefined);
    while (scanning && options.mayCut() && !signal.aborted) {
      const step = chooseStep(options, turn, seenAt);
      if (step?.kind !== 'read' || step.ends) break;
      const lease = budget.acquireNow(buffers.size);
      if (lease === undefined) break;
      turn++;
      await perform(options, step, lease, signal);
      isOutdated ||= step.source.blocked;
    }
    const files = await found;
    // A file was not what the last look saw, perhaps since after this one saw it.
    return isOutdated ? discovery.scan({ activeFrom }) : files;
  };

  /** Where a repeated hour starts over, what is in its file at that moment is the first one's: a look later than that would take more. */
  const untilNextHour = (): number => {
    const now = clock.now();
    return (hours.endOf(hours.labelAt(now)) ?? Infinity) - now;
  };

  const look = async (): Promise<void> => {
    const start = clock.monotonic();
    const full = looksUntilFull <= 0 && start >= fullLookFrom;
    looksUntilFull = full ? FULL_LOOK_EVERY - 1 : looksUntilFull - 1;
    const found = await scan(full);
    const looked = clock.monotonic();
    if (full) fullLookFrom = looked + Math.min((looked - start) * FULL_LOOK_SHARE, FULL_LOOK_PAUSE);
    await tracker.take(found, full);
    seenAt = start;
    // With very many open files, cutting still gets as much time as looking.
    const end = clock.monotonic();
    latestLookAt = end + MOST_INTERVALS * rules.pollInterval;
    const pause = Math.max(rules.pollInterval, Math.min(end - start, MOST_INTERVALS * rules.pollInterval));
    lookAt = end + Math.min(pause, untilNextHour());
  };

  /** What streams have read ahead may be what takes the room: each that waits gives its own back. */
  const waitForRoom = (): Promise<Lease | undefined> => {
    cutter.rest();
    return acquireUntil(budget, buffers.size, lookAt - clock.monotonic(), signal);
  };

  /** Cuts until there is nothing to cut, or no room and the next look is due, or that has been due for long. */
  const cutUntilLook = async (): Promise<void> => {
    while (options.mayCut() && !signal.aborted && clock.monotonic() < latestLookAt) {
      const step = chooseStep(options, turn, seenAt);
      if (step === undefined) return cutter.rest();
      const lease = budget.acquireNow(buffers.size) ?? (await waitForRoom());
      if (lease === undefined) return;
      turn++;
      await perform(options, step, lease, signal);
    }
  };

  /** The first moment after this one in which something is due, the next look at the latest. What was due before found no room. */
  const nextDue = (after: number): number => {
    let earliest = lookAt;
    for (const segment of tracker.open()) {
      const due = dueAt(segment, rules);
      if (due !== undefined && due > after && due < earliest) earliest = due;
    }
    return earliest;
  };

  const sleepUntil = async (time: number): Promise<void> => {
    const idle = time - clock.monotonic();
    if (idle > 0) await sleep(Math.ceil(idle), undefined, { signal });
  };

  try {
    while (!signal.aborted) {
      await look();
      await cutUntilLook();
      for (let due = nextDue(clock.monotonic()); due < lookAt; due = nextDue(due)) {
        // Timers are a little early at times.
        await sleepUntil(due + 1);
        await cutUntilLook();
      }
      await sleepUntil(lookAt);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
};

/** Reads and delivers, or ends a segment. The lease goes on with the pack, or is given back. */
const perform = async (
  options: FollowerOptions,
  step: FollowStep,
  lease: Lease,
  signal: AbortSignal,
): Promise<void> => {
  const { cutter, deliver } = options;
  const { segment } = step;
  const source = step.kind === 'read' ? step.source : segment.sources.find(({ touched }) => touched);
  const block = (error: unknown): void => {
    if (!isSourceError(error) || source === undefined) throw error;
    source.blocked = true;
    options.onUnreadable(source.path, error);
  };
  if (step.kind === 'end' || step.ends) {
    const loss = await cutter.prove(segment, signal).catch(block);
    if (loss !== undefined) deliver(loss);
  }
  if (step.kind === 'end') {
    lease.release();
    if (source?.blocked !== true) deliver(cutter.end(segment));
    return;
  }
  const pack = await cutter.cut(segment, step.source, step, signal).catch(block);
  if (pack?.buffer === undefined) {
    lease.release();
    if (pack) deliver(pack);
    return;
  }
  deliver({ ...pack, lease });
};

/** A lease, or undefined when none came within so many milliseconds. Leaves nothing behind: it is called for every pack. */
const acquireUntil = async (
  budget: ByteBudget,
  bytes: number,
  ms: number,
  signal: AbortSignal,
): Promise<Lease | undefined> => {
  const waiting = new AbortController();
  const giveUp = (): void => waiting.abort();
  signal.addEventListener('abort', giveUp, { once: true });
  const timer = setTimeout(giveUp, Math.max(1, Math.ceil(ms)));
  try {
    return await budget.acquire(bytes, waiting.signal);
  } catch (error) {
    if (waiting.signal.aborted) return undefined;
    throw error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', giveUp);
  }
};

/**
 * Ends come first, then the oldest bytes; with `beside`, every other turn the newest. What has not changed up to `seenAt` counts
 * as quiet until then, however much later it is now.
 */
const chooseStep = (
  { rules, discovery, tracker, hours, clock }: FollowerOptions,
  turn: number,
  seenAt: number,
): FollowStep | undefined => {
  const now = clock.monotonic();
  /** By the wall clock: what came since may be of the hour. */
  const lookedAt = clock.now() - (now - seenAt);
  const open = tracker.open();
  const isOver = ({ hour }: TrackedSegment): boolean => {
    const end = hours.endOf(hour);
    return tracker.hasLater(hour) || (end !== undefined && lookedAt >= end + rules.grace);
  };
  /** There may be more in it than was seen. */
  const isHidden = ({ sources }: TrackedSegment): boolean =>
    sources.some(({ path }) => discovery.isHidden(path));
  for (const segment of open) {
    if (seenAt - segment.changedAt < rules.quiet || !isReadToTheEnd(segment) || !isOver(segment)) continue;
    if (isHidden(segment)) continue;
    const source = unfinished(segment);
    if (source === undefined) return { kind: 'end', segment };
    return { kind: 'read', segment, source, rest: true, ends: true };
  }
  const newestFirst = rules.backlog === 'beside' && turn % 2 === 1;
  for (const segment of newestFirst ? open.toReversed() : open) {
    const next = nextRead(segment, rules, now, seenAt);
    if (next !== undefined) return { kind: 'read', segment, ...next, ends: false };
  }
  return undefined;
};
