/**
 * The repull stage of a sink: what was asked for by hand (rows of the ledger), and gaps that nobody closes by himself.
 *
 *   rows that wait ──────────────────────────────┐
 *   open hours with gaps, quiet for `after` ──────┴─▶ HourRepull for each ─▶ looked at each second ─▶ note in the ledger
 *
 * Memory: at most ACTIVE hours of each kind at a time, with the ids of their damaged packs.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../error.ts';
import type { Ledger, SegmentRecord } from '../ledger/ledger.ts';
import type { RepullRequest, Repulls } from '../ledger/repull.ts';
import { selectSegments } from '../ledger/walk.ts';
import { type SegmentKey, segmentName, type VerifiedPack } from '../pack/pack.ts';
import type { CommitStage } from '../commit/commit-stage.ts';
import type { Store } from '../stores/store.ts';
import type { Clock } from '../telemetry/clock.ts';
import type { Emit } from '../telemetry/events.ts';
import type { UnavailableRun } from '../transport/transport.ts';
import { ENDLESS } from './id-runs.ts';
import { createHourRepull, type HourRepull, type HourRepullOptions, type Outcome } from './hour-repull.ts';

const LOOK_MS = 1_000;
/** How soon it is looked after a pack came. */
const GATHER_MS = 50;
/** How often gaps are looked for that nobody asked to close. */
const GAPS_MS = 10_000;
const ACTIVE = 16;
/** An hour without an end that is quiet for so long may have lost it. */
const QUIET_MS = 3_600_000;
/** So often its own gaps are asked for, until the hour changes. */
const MOST_TRIES = 8;

export interface RepullStageOptions {
  readonly ledger: Pick<Ledger, 'segment' | 'segments' | 'gaps' | 'packs'> & Repulls;
  readonly store: Pick<Store, 'repairs'>;
  readonly commit: Pick<CommitStage, 'exclusive'>;
  readonly want: HourRepullOptions['want'];
  readonly requestSeal: (key: SegmentKey) => void;
  /** Milliseconds after the last pack of an hour with gaps; 0 asks for none by itself. */
  readonly after: number;
  readonly clock: Clock;
  readonly emit: Emit;
}

export interface RepullStage extends AsyncDisposable {
  /** A pack came that is recorded already. */
  repeated(pack: VerifiedPack): Promise<void>;
  /** Packs that were wanted again cannot be made. */
  cannot(runs: readonly UnavailableRun[]): void;
}

interface Active {
  readonly hour: HourRepull;
  readonly request: RepullRequest | undefined;
  /** Of the hour when it was given up. */
  lastArrival: number | undefined;
  note: string;
}

const keyOf = ({ host, stream, hour }: SegmentKey): SegmentKey => ({ host, stream, hour });

/** Whether packs of the hour are missing that nobody sends by himself. */
const hasWaited = (segment: SegmentRecord, after: number, now: number): boolean => {
  const quiet = now - segment.lastArrival;
  const isGap = segment.highestId > segment.packs || segment.expected !== undefined;
  return quiet >= (isGap ? after : Math.max(after, QUIET_MS));
};

export const startRepull = (options: RepullStageOptions): RepullStage => {
  const { ledger, store, after, clock, emit } = options;
  const active = new Map<string, Active>();
  /** Hours that were given up, with their last arrival then. */
  const givenUp = new Map<string, number>();
  const ending = new AbortController();
  let wake: () => void = () => undefined;
  let gapsAt = clock.monotonic() + Math.min(after, GAPS_MS);

  const begin = (key: SegmentKey, request: RepullRequest | undefined, lastArrival?: number): void => {
    const { repairs } = store;
    const hour = createHourRepull({ ...options, key: keyOf(key), request, repairs });
    active.set(segmentName(key), { hour, request, lastArrival, note: '' });
  };

  const countOf = (byHand: boolean): number =>
    [...active.values()].filter(({ request }) => (request !== undefined) === byHand).length;

  const takeRequests = async (): Promise<void> => {
    for (const request of (await ledger.repulls('waiting', ACTIVE * 4)).toReversed()) {
      const known = active.get(segmentName(request))?.request;
      if (known?.requestedAt === request.requestedAt) continue;
      if (known === undefined && countOf(true) >= ACTIVE) continue;
      begin(request, request);
    }
  };

  const findGaps = async (): Promise<void> => {
    if (after === 0 || clock.monotonic() < gapsAt) return;
    gapsAt = clock.monotonic() + Math.min(after, GAPS_MS);
    const now = clock.now();
    for await (const segment of selectSegments(ledger, { states: ['open'] })) {
      if (countOf(false) >= ACTIVE) return;
      const name = segmentName(segment);
      const isDue = !active.has(name) && givenUp.get(name) !== segment.lastArrival;
      if (isDue && hasWaited(segment, after, now)) begin(segment, undefined, segment.lastArrival);
    }
  };

  const settle = async (one: Active, { state, note }: Outcome): Promise<void> => {
    const { hour, request } = one;
    const isOver = state !== 'waiting' || (request === undefined && hour.tries >= MOST_TRIES);
    if (request !== undefined && note !== one.note)
      await ledger.noteRepull({ ...request, state, note, notedAt: clock.now() });
    one.note = note;
    if (!isOver) return;
    if (active.get(segmentName(hour.key)) === one) active.delete(segmentName(hour.key));
    if (request === undefined && one.lastArrival !== undefined) giveUp(hour.key, one.lastArrival);
    if (request !== undefined || state === 'failed')
      emit(state === 'failed' ? 'repull.incomplete' : 'repull.done', { ...hour.key, note });
  };

  const giveUp = (key: SegmentKey, lastArrival: number): void => {
    givenUp.set(segmentName(key), lastArrival);
    for (const name of givenUp.keys()) {
      if (givenUp.size <= 10_000) break;
      givenUp.delete(name);
    }
  };

  /** Until the next look is due: sooner where something came. */
  const pause = async (): Promise<void> => {
    const woken = new AbortController();
    wake = () => void setTimeout(() => woken.abort(), GATHER_MS).unref();
    const signal = AbortSignal.any([ending.signal, woken.signal]);
    await sleep(LOOK_MS, undefined, { signal, ref: false }).catch(() => undefined);
  };

  const run = async (): Promise<void> => {
    while (!ending.signal.aborted) {
      try {
        await takeRequests();
        await findGaps();
        for (const one of active.values()) {
          if (ending.signal.aborted) return;
          await settle(one, await one.hour.look(clock.monotonic()));
        }
      } catch (error) {
        if (!ending.signal.aborted) emit('store.failed', { reason: messageOf(error) });
      }
      await pause();
    }
  };
  const running = run();

  return {
    async repeated(pack) {
      const hour = active.get(segmentName(pack.header))?.hour;
      if (hour?.wants(pack.header.id) !== true) return;
      await hour.take(pack);
      wake();
    },
    cannot(runs) {
      for (const { from, to = ENDLESS, reason, ...key } of runs) {
        if (!active.has(segmentName(key))) continue;
        emit('repull.unavailable', { ...keyOf(key), from, reason });
        ledger
          .setUnavailable(keyOf(key), { from, to, reason })
          .then(() => wake())
          .catch((error: unknown) => emit('store.failed', { reason: messageOf(error) }));
      }
    },
    async [Symbol.asyncDispose]() {
      ending.abort();
      await running;
    },
  };
};
