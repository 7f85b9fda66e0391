/**
 * Packs that a sink wants again: cut from their source exactly as the marks have them, and sent over the connection that asked.
 *
 *   WANT ─▶ is the cut remembered? ─ acked ─▶ counts as not acked again ─▶ read, compared with its checksum ─▶ sent
 *               │                  └ not acked ─▶ on its way already; one that was refused is sent once more
 *               └ no ─▶ CANNOT, with the reason. What can be read no more is sent as lost, and becomes a gap with that reason.
 */
import { LogdError } from '../error.ts';
import type { Marks } from '../marks/marks.ts';
import type { Emit } from '../telemetry/events.ts';
import type { TrackedSegment } from '../track/segment.ts';
import type { SourceFiles } from '../track/source-files.ts';
import type { UnavailableRun, Upstream, WantedRun } from '../transport/transport.ts';
import { redeliverCuts, type RedeliverOptions } from './redeliver.ts';

type IdRange = Pick<WantedRun, 'from' | 'to'>;

/** What came of a wanted run: packs that are sent, and ids that cannot be made again. */
export interface Repulled {
  readonly packs: number;
  readonly unavailable: readonly Omit<UnavailableRun, 'host' | 'stream' | 'hour'>[];
}

/** A stream whose packs can be wanted again. */
export interface RepullableStream {
  repull(hour: string, run: IdRange, via: Upstream): Promise<Repulled>;
}

/** Ids `from` to `to` that are not in `known`, which is in order, as runs. */
const missingRuns = (known: readonly number[], from: number, to: number): { from: number; to: number }[] => {
  const runs: { from: number; to: number }[] = [];
  let next = from;
  for (const id of [...known, to + 1]) {
    if (id > next) runs.push({ from: next, to: id - 1 });
    next = id + 1;
  }
  return runs;
};

export interface RepullOptions {
  /** Undefined where the marks do not have the hour. */
  readonly segment: TrackedSegment | undefined;
  readonly marks: Marks;
  readonly files: Pick<SourceFiles, 'keep'>;
  readonly redelivering: RedeliverOptions;
}

/** Sends the packs of one run again, as far as their cuts are remembered. */
export const repull = async (
  { segment, marks, files, redelivering }: RepullOptions,
  { from, to }: IdRange,
  via: Upstream,
  signal: AbortSignal,
): Promise<Repulled> => {
  if (segment === undefined)
    return { packs: 0, unavailable: [{ from, ...(to !== undefined && { to }), reason: 'unknown-hour' }] };
  const last = Math.min(to ?? segment.packs, segment.packs);
  const known = last < from ? [] : await marks.read('remembered', segment.id, from, last);
  const unavailable = missingRuns(known, from, to ?? last).map((run) => ({ ...run, reason: 'not-kept' }));
  const revived = known.length === 0 ? [] : await marks.write('revive', segment.id, from, last);
  segment.unacked += revived.length;
  const refused = [...segment.refused].filter((id) => id >= from && id <= last);
  for (const id of refused) segment.refused.delete(id);
  const ids = new Set([...revived, ...refused]);
  if (ids.size > 0) {
    for (const one of segment.sources) await files.keep(one);
    await redeliverCuts(redelivering, segment, ids, signal, via);
  }
  return { packs: ids.size, unavailable };
};

export interface RepullAnswersOptions {
  readonly host: string;
  readonly streams: ReadonlyMap<string, RepullableStream>;
  /** Resolves when all streams are in the map. */
  readonly opened: Promise<unknown>;
  readonly emit: Emit;
  /** Aborted when reading ends. */
  readonly signal: AbortSignal;
  readonly onFatal: (error: unknown) => void;
}

/** What an agent does when packs are wanted again: one run after the other. Runs of other hosts are for other agents. */
export const createRepullAnswers = (
  options: RepullAnswersOptions,
): ((runs: readonly WantedRun[], upstream: Upstream) => void) => {
  const { host, streams, opened, emit, signal, onFatal } = options;
  let turn: Promise<unknown> = opened;

  const answer = async (run: WantedRun, upstream: Upstream): Promise<void> => {
    const { stream, hour, from, to } = run;
    const known = streams.get(stream);
    // Another agent of the host may follow it.
    if (known === undefined) return;
    const { packs, unavailable } = await known.repull(
      hour,
      { from, ...(to !== undefined && { to }) },
      upstream,
    );
    if (packs > 0) emit('send.repulled', { host, stream, hour, packs, node: upstream.node });
    if (unavailable.length === 0) return;
    emit('send.cannot-repull', { host, stream, hour, packs: unavailable.map(showRun).join(', ') });
    upstream.cannot?.(unavailable.map((one) => ({ host, stream, hour, ...one })));
  };

  return (runs, upstream) => {
    for (const run of runs)
      if (run.host === host)
        turn = turn
          .then(() => (signal.aborted ? undefined : answer(run, upstream)))
          .catch((error: unknown) => {
            const isEnd = signal.aborted || (error instanceof LogdError && error.code === 'closed');
            if (!isEnd) onFatal(error);
          });
  };
};

const showRun = ({ from, to, reason }: Repulled['unavailable'][number]): string =>
  `${from === to ? `${from}` : `${from} to ${to ?? 'the end'}`} (${reason})`;
