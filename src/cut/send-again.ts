/**
 * Sends again what a ledger that was restored, or lost, does not know any more. Acked cuts are kept for that for `keep_cuts`.
 *
 *   connected ─▶ does it know the mark that we heard last? ─ yes ─▶ ask again after CHECK_MS
 *                  │ no, or it is a new ledger in the place of the only one
 *                  ▼
 *   `recovering` is set ─▶ for each hour with kept cuts: which packs are missing? ─▶ these count as not acked again, and are sent
 *                  └ a crash or a lost connection on the way: all of it once more        └▶ `recovering` is cleared
 *
 * Packs that the ledger has all the same are repeats, which are harmless.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { LogdError } from '../error.ts';
import type { Marks } from '../marks/marks.ts';
import type { KeptSegment } from '../marks/cut.ts';
import type { LedgerMark } from '../pack/ledger-mark.ts';
import type { Clock } from '../telemetry/clock.ts';
import type { Emit } from '../telemetry/events.ts';
import type { Ask, LedgerReply, Upstream } from '../transport/transport.ts';

const HOURS_AT_ONCE = 32;
/** A reply with so many runs is not whole. */
const MOST_RUNS = 256;
/** How often a ledger is asked while the connection lasts: behind a relay it may be restored without our noticing. */
const CHECK_MS = 600_000;
/** How soon it is asked after an ack has told of another start of its sink. */
const LOOK_MS = 2_000;
/** When nobody could answer. */
const RETRY_MS = 10_000;
const PRUNE_MS = 3_600_000;

/** A stream whose packs can be sent again. */
export interface ResendingStream {
  /** Whether the files of the hour can still be read, as far as one can tell. */
  hasFiles(hour: string): Promise<boolean>;
  /** These packs, whose cuts count as not acked again, are to be sent. */
  sendAgain(hour: string, ids: readonly number[]): Promise<void>;
}

export interface SendAgainOptions {
  readonly host: string;
  readonly marks: Marks;
  readonly streams: ReadonlyMap<string, ResendingStream>;
  /** Resolves when all streams are in the map. */
  readonly opened: Promise<unknown>;
  /** There is one upstream only: a ledger that was never heard of has taken the place of the one before. */
  readonly isOnly: boolean;
  /** How long acked cuts are kept: milliseconds. */
  readonly keep: number;
  readonly clock: Clock;
  readonly emit: Emit;
  /** Aborted when reading ends. */
  readonly signal: AbortSignal;
  readonly onFatal: (error: unknown) => void;
}

export interface SendAgain extends AsyncDisposable {
  /** To be called with each connection. */
  connected(upstream: Upstream): void;
}

interface Counted {
  packs: number;
  hours: number;
}

const untilAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });

export const createSendAgain = (options: SendAgainOptions): SendAgain => {
  const { host, marks, streams, opened, isOnly, keep, clock, emit, onFatal } = options;
  const ending = new AbortController();
  const closing = AbortSignal.any([ending.signal, options.signal]);
  const running = new Set<Promise<void>>();

  const run = (job: Promise<void>): void => {
    const done: Promise<void> = job
      .catch((error: unknown) => (closing.aborted ? undefined : onFatal(error)))
      .finally(() => running.delete(done));
    running.add(done);
  };

  /** What the ledger lacks of an hour leaves again, if its files are still there. */
  const sendHour = async (kept: KeptSegment, runs: LedgerReply['runs'], counted: Counted): Promise<void> => {
    const { id, stream, hour } = kept;
    const resending = streams.get(stream);
    if (resending === undefined) return;
    if (!(await resending.hasFiles(hour))) {
      emit('send.not-again', { host, stream, hour });
      return;
    }
    const ids: number[] = [];
    for (const { from, to } of runs) ids.push(...(await marks.write('revive', id, from, to)));
    if (ids.length === 0) return;
    counted.packs += ids.length;
    counted.hours++;
    await resending.sendAgain(hour, ids);
  };

  const recover = async (ask: Ask, ledger: string, counted: Counted): Promise<void> => {
    for (let after = 0; ;) {
      closing.throwIfAborted();
      const page = await marks.read('keptSegments', isOnly ? undefined : ledger, after, HOURS_AT_ONCE);
      const segments = page.map(({ stream, hour, packs }) => ({ host, stream, hour, packs }));
      if (segments.length === 0) return;
      const { runs } = await ask({ segments });
      const cutOff = runs.length >= MOST_RUNS ? runs.at(-1) : undefined;
      const byHour = Map.groupBy(runs, ({ segment }) => segment);
      for (const [n, kept] of page.entries()) {
        const all = cutOff?.segment === n ? [{ segment: n, from: 1, to: kept.packs }] : byHour.get(n);
        if (all !== undefined) await sendHour(kept, all, counted);
        after = kept.id;
        if (cutOff?.segment === n) break;
      }
    }
  };

  /** Whether the ledger lacks what it acked, by what it says of the marks that were heard of it. */
  const isBehind = async (mark: LedgerMark, ask: Ask): Promise<boolean> => {
    const known = await marks.read('ledger', mark.id);
    if (known === undefined) return isOnly && (await marks.read('keptSegments', undefined, 0, 1)).length > 0;
    if (known.recovering) return true;
    for (const heard of known.marks)
      if ((await ask({ mark: heard, segments: [] })).knows === false) return true;
    await marks.write('known', known.marks, mark);
    return false;
  };

  const check = async (upstream: Upstream, ask: Ask): Promise<void> => {
    const { ledger: mark, node } = upstream;
    if (mark === undefined) return;
    if (!(await isBehind(mark, ask))) return marks.write('heardOf', mark, false);
    await marks.write('heardOf', mark, true);
    emit('send.ledger-behind', { node });
    const counted = { packs: 0, hours: 0 };
    const heard = (await marks.read('ledger', mark.id))?.marks ?? [];
    await recover(ask, mark.id, counted);
    await marks.write('known', heard, mark);
    await marks.write('recovered', mark.id);
    emit('send.sent-again', { node, ...counted });
  };

  /** Rejects only with what ends the agent. */
  const watch = async (upstream: Upstream): Promise<void> => {
    const { ask } = upstream;
    if (ask === undefined) return;
    await Promise.race([opened, untilAborted(closing)]);
    const over = new AbortController();
    void upstream.ended.then(() => over.abort());
    const signal = AbortSignal.any([over.signal, closing]);
    while (!signal.aborted) {
      const start = upstream.ledger?.start;
      const wait = await check(upstream, ask).then(
        () => CHECK_MS,
        (error: unknown) => {
          // `storage` is ours: the marks cannot be written.
          if (!(error instanceof LogdError) || error.code === 'storage') throw error;
          return RETRY_MS;
        },
      );
      const until = clock.monotonic() + wait;
      while (!signal.aborted && clock.monotonic() < until && upstream.ledger?.start === start)
        await sleep(LOOK_MS, undefined, { signal, ref: false }).catch(() => undefined);
    }
  };

  const prune = (): void => run(marks.write('dropKept', clock.now() - keep));
  prune();
  const pruning = setInterval(prune, PRUNE_MS);
  pruning.unref();

  return {
    connected: (upstream) => run(watch(upstream)),
    async [Symbol.asyncDispose]() {
      ending.abort();
      clearInterval(pruning);
      await Promise.all(running);
    },
  };
};
