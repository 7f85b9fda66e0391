/**
 * One hour of which packs are wanted again.
 *
 *   what is missing (ledger), what is damaged (store) ─▶ ask ─▶ ask again, with growing waits
 *        ▲                                                │ missing ones come ─▶ recorded as any other pack
 *        │                                                │ damaged ones come ─▶ kept beside the file ─ all of them ─▶ repaired
 *        └── looked at each second ◀──────────────────────┘ cannot be made  ─▶ named, for good
 *
 * Nothing is kept in memory that a restart needs: it begins again by looking.
 */
import { messageOf } from '../error.ts';
import type { Ledger, SegmentRecord } from '../ledger/ledger.ts';
import { recordedSegment } from '../ledger/recorded.ts';
import { isTaken } from '../ledger/retention.ts';
import type { IdRun, RepullRequest, Repulls, UnavailablePacks } from '../ledger/repull.ts';
import type { SegmentKey, VerifiedPack } from '../pack/pack.ts';
import type { CommitStage } from '../commit/commit-stage.ts';
import type { StoreRepairs } from '../stores/store.ts';
import type { Emit } from '../telemetry/events.ts';
import type { WantedRun } from '../transport/transport.ts';
import { takeBack } from './take-back.ts';
import { clipped, countIds, describeRuns, ENDLESS, overlap, runsOf, within, without } from './id-runs.ts';

/** Waits between two questions grow from the first to the second of these. */
const FIRST_WAIT_MS = 5_000;
const MOST_WAIT_MS = 30_000;
/** Most runs in one question; what is left is asked for after them. */
const MOST_RUNS = 256;
/** After so many questions nobody sends what follows the last pack: the hour's agent has no more of it. */
const END_TRIES = 3;

export interface HourRepullOptions {
  readonly key: SegmentKey;
  /** As in the ledger; undefined for one that nobody asked for, which looks for missing packs alone. */
  readonly request: RepullRequest | undefined;
  readonly ledger: Pick<Ledger, 'segment' | 'gaps' | 'packs'> & Repulls;
  readonly repairs: StoreRepairs | undefined;
  readonly commit: Pick<CommitStage, 'exclusive'>;
  /** Asks for packs again; returns how many connections were asked. */
  readonly want: (runs: readonly WantedRun[], widely: boolean) => number;
  readonly requestSeal: (key: SegmentKey) => void;
  readonly emit: Emit;
}

/** What a look has found: it goes on, or it is over, with one sentence for the ledger. */
export interface Outcome {
  readonly state: RepullRequest['state'];
  readonly note: string;
}

export interface HourRepull {
  readonly key: SegmentKey;
  /** Whether a pack that is recorded is wanted all the same. */
  wants(id: number): boolean;
  take(pack: VerifiedPack): Promise<void>;
  /** `now`: monotonic milliseconds. */
  look(now: number): Promise<Outcome>;
  /** Questions so far. */
  readonly tries: number;
}

/** Asks with growing waits, as long as nothing comes. */
const createQuestions = ({ key, want, emit }: Pick<HourRepullOptions, 'key' | 'want' | 'emit'>) => {
  let tries = 0;
  let nextAsk = -Infinity;
  let lastDue = 0;

  return {
    get tries() {
      return tries;
    },
    ask(now: number, runs: readonly IdRun[]): Outcome {
      const packs = describeRuns(runs);
      const due = countIds(runs);
      const isComing = due < lastDue;
      lastDue = due;
      if (isComing) nextAsk = Math.max(nextAsk, now + FIRST_WAIT_MS);
      if (now < nextAsk) return { state: 'waiting', note: `Asked ${tries} times for packs ${packs}.` };
      const wanted = runs
        .slice(0, MOST_RUNS)
        .map(({ from, to }) => ({ ...key, from, ...(to !== ENDLESS && { to }) }));
      const connections = want(wanted, tries > 0);
      nextAsk = now + Math.min(MOST_WAIT_MS, FIRST_WAIT_MS * 2 ** tries);
      if (connections === 0)
        return { state: 'waiting', note: `Packs ${packs} are wanted; nobody who can be asked is connected.` };
      tries++;
      emit('repull.asked', { ...key, packs, connections });
      return { state: 'waiting', note: `Asked ${tries} times for packs ${packs}.` };
    },
  };
};

const TAKEN: Outcome = {
  state: 'failed',
  note: 'Retention has removed the file of the hour (sink.store.retain), or its packs (sink.ledger.keep_packs). Its seal is all that is kept.',
};

const stateOf = (segment: SegmentRecord | undefined): string =>
  segment?.state === 'sealed' ? 'It is stored as sealed.' : `The hour is ${segment?.state ?? 'unknown'}.`;

/** Ids that the ledger does not have, the unknown end last. */
const missingIn = async (
  { key, ledger }: Pick<HourRepullOptions, 'key' | 'ledger'>,
  segment: SegmentRecord | undefined,
): Promise<IdRun[]> => {
  const holes = segment === undefined ? [] : await ledger.gaps(key, MOST_RUNS);
  const runs = holes.filter(({ reason }) => reason === 'missing').map(({ from, to }) => ({ from, to }));
  const end = { from: (segment?.highestId ?? 0) + 1, to: ENDLESS };
  return [...runs, ...(segment?.expected === undefined ? [end] : [])];
};

interface WhatCame {
  /** Packs that came again. */
  readonly repaired: number;
  /** The content of a file was taken. */
  readonly restored: boolean;
  readonly reproven: boolean;
}

/** What is written to the ledger once everything that can come is here. */
const conclusion = (
  segment: SegmentRecord | undefined,
  gone: readonly UnavailablePacks[],
  { repaired, restored, reproven }: WhatCame,
): Outcome => {
  const named = gone.map((run) => `Packs ${describeRuns([run])} cannot be had again: ${run.reason}.`);
  if (gone.length > 0) return { state: 'failed', note: named.join(' ') };
  if (segment?.lostPacks) return { state: 'failed', note: segment.reason ?? 'Bytes are lost at the agent.' };
  if (segment?.state === 'refused' && reproven)
    return { state: 'failed', note: `It is refused again: ${segment.reason ?? ''}` };
  const what = restored
    ? 'The file has the content that was stored, and took its place'
    : repaired > 0
      ? `${repaired} damaged packs came again, and the file was repaired`
      : 'Nothing is damaged';
  return { state: 'done', note: `${what}; no pack is missing. ${stateOf(segment)}` };
};

export const createHourRepull = (options: HourRepullOptions): HourRepull => {
  const { key, request, ledger, repairs, commit, requestSeal, emit } = options;
  const chosen = request?.packs ?? [];
  const questions = createQuestions(options);
  /** Recorded packs whose stored bytes are not theirs; undefined before the store was looked at. */
  let damaged: Set<number> | undefined;
  /** Those of them that came again. */
  const kept = new Set<number>();
  let isWhole = true;
  let repaired = 0;
  let reproven = false;
  let restored = false;

  /** Why the file that was named is not what was stored. */
  let refusal: string | undefined;

  const inspect = async (segment: SegmentRecord | undefined): Promise<Set<number>> => {
    if (segment === undefined || repairs === undefined || request === undefined) return new Set();
    let found = await repairs.inspect(recordedSegment(ledger, segment));
    if (!found.isWhole) {
      const why = await takeBack({ ...options, repairs }, request.from);
      if (why === undefined) found = { damaged: [], isWhole: true };
      restored = why === undefined;
      refusal = request.from === undefined ? undefined : why;
    }
    ({ isWhole } = found);
    kept.clear();
    for (const id of await repairs.staged(key)) kept.add(id);
    return new Set(found.damaged.filter((id) => chosen.length === 0 || within(chosen, id)));
  };

  const repair = async (store: StoreRepairs, packs: number): Promise<void> => {
    await commit.exclusive(key, async () => {
      const segment = await ledger.segment(key);
      if (segment !== undefined)
        await store.repair(recordedSegment(ledger, segment), (places) => ledger.replacePlaces(key, places));
    });
    await store.discard(key);
    repaired += packs;
    damaged = new Set();
    kept.clear();
    isWhole = true;
    emit('repull.repaired', { ...key, packs });
  };

  /** A refused hour whose bytes are right now is proven once more; true while that is under way. */
  const reprove = async (segment: SegmentRecord | undefined): Promise<boolean> => {
    if (segment?.state === 'complete') return true;
    if (request === undefined || segment?.state !== 'refused' || reproven) return false;
    const { state } = await commit.exclusive(key, () => ledger.reprove(key));
    reproven = true;
    if (state === 'complete') requestSeal(key);
    return state === 'complete';
  };

  const look = async (now: number): Promise<Outcome> => {
    const segment = await ledger.segment(key);
    if (segment !== undefined && isTaken(segment)) return TAKEN;
    const broken = (damaged ??= await inspect(segment));
    if (refusal !== undefined) return { state: 'failed', note: refusal };
    const unavailable = await ledger.unavailable(key);
    const holes = (await missingIn(options, segment)).flatMap((run) => clipped(run, chosen));
    const isComplete = [...broken].every((id) => kept.has(id));
    if (repairs !== undefined && isComplete && (broken.size > 0 || !isWhole)) {
      await repair(repairs, broken.size);
      return look(now);
    }
    const again = runsOf([...broken].filter((id) => !kept.has(id) && !within(unavailable, id)));
    const due = [...again, ...holes.flatMap((run) => without(run, unavailable))];
    const isEndAlone = due.length === 1 && due[0]?.to === ENDLESS;
    if (isEndAlone && questions.tries >= END_TRIES)
      return {
        state: 'failed',
        note: `The end of the hour is missing, and nothing came after pack ${due[0]!.from - 1}.`,
      };
    if (due.length > 0) return questions.ask(now, due);
    if (await reprove(segment))
      return { state: 'waiting', note: 'All packs are here: the hour is proven once more.' };
    const wanted = [...runsOf(broken), ...holes];
    const gone = unavailable.filter((run) => wanted.some((one) => overlap(one, run)));
    return conclusion(segment, gone, { repaired, restored, reproven });
  };

  return {
    key,
    get tries() {
      return questions.tries;
    },
    wants: (id) => damaged?.has(id) === true && !kept.has(id),
    async take(pack) {
      const { id, lost } = pack.header;
      if (lost !== undefined) return ledger.setUnavailable(key, { from: id, to: id, reason: lost.reason });
      await repairs?.stage(pack);
      kept.add(id);
    },
    look: (now) =>
      look(now).catch((error: unknown): Outcome => {
        // Looked at afresh: other packs may be damaged now.
        damaged = undefined;
        emit('repull.failed', { ...key, reason: messageOf(error) });
        return { state: 'waiting', note: messageOf(error) };
      }),
  };
};
