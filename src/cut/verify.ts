/**
 * Reads the files of ended hours once more, in the background and slowly, and tells the ledger whether they still hold what was sent.
 *
 *   ended and acked, for `after` ─▶ read again at `rate` ─▶ SHA-256 ─▶ same │ changed, with the place │ gone ─▶ told ─▶ remembered
 *                                                                              nobody there, or its packs not recorded yet: told later
 *
 * A file may change after it was read, without its size or time telling: an editor, a writer that seeks back, a disk that lies.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { LogdError } from '../error.ts';
import type { UnverifiedSegment } from '../marks/cut.ts';
import type { Marks } from '../marks/marks.ts';
import type { Clock } from '../telemetry/clock.ts';
import type { Emit } from '../telemetry/events.ts';
import type { SourceVerdict } from '../pack/source-verdict.ts';
import type { Upstream } from '../transport/transport.ts';

const LOOK_MS = 5_000;
const HOURS_AT_ONCE = 16;

/** A stream whose files can be read again. `pace` is called with the bytes of each step, and waits. */
export interface VerifiableStream {
  /** Undefined where it cannot be told now, or any more. */
  verify(hour: string, pace: (bytes: number) => Promise<void>): Promise<SourceVerdict | undefined>;
}

export interface VerifierOptions {
  readonly host: string;
  readonly marks: Marks;
  readonly streams: ReadonlyMap<string, VerifiableStream>;
  /** Bytes a second. */
  readonly rate: number;
  /** Milliseconds after an hour was seen to be acked. */
  readonly after: number;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly signal: AbortSignal;
  readonly onFatal: (error: unknown) => void;
}

export interface Verifier extends AsyncDisposable {
  /** To be called with each connection. */
  connected(upstream: Upstream): void;
}

export const startVerifier = (options: VerifierOptions): Verifier => {
  const { host, marks, streams, rate, after, clock, emit, signal, onFatal } = options;
  const upstreams = new Set<Upstream>();
  /** When each hour was first seen to be due. */
  const seen = new Map<number, number>();
  const told = new Map<number, { readonly generation: number; readonly verdict: SourceVerdict }>();

  const pace = async (bytes: number): Promise<void> => {
    await sleep((bytes / rate) * 1000, undefined, { signal, ref: false });
  };

  /** Whether some ledger has taken it down. */
  const tell = async (segment: UnverifiedSegment, { source, place }: SourceVerdict): Promise<boolean> => {
    const { stream, hour, generation } = segment;
    const report = { host, stream, hour, generation, source, ...(place !== undefined && { place }) };
    let isTaken = false;
    for (const { ask, ledger } of upstreams) {
      if (ask === undefined || ledger === undefined) continue;
      const reply = await ask({ segments: [], sources: [report] }).catch((error: unknown) => {
        if (!(error instanceof LogdError)) throw error;
        return undefined;
      });
      isTaken ||= reply !== undefined && reply.unknown?.length !== 1;
    }
    return isTaken;
  };

  const verdictOf = async (segment: UnverifiedSegment): Promise<SourceVerdict | undefined> => {
    const { id, stream, hour, generation } = segment;
    const before = told.get(id);
    if (before?.generation === generation) return before.verdict;
    const verdict = await streams.get(stream)?.verify(hour, pace);
    if (verdict === undefined) return undefined;
    told.set(id, { generation, verdict });
    const { source, place = '' } = verdict;
    if (source === 'changed') emit('source.changed', { host, stream, hour, place });
    return verdict;
  };

  const verify = async (segment: UnverifiedSegment): Promise<void> => {
    const since = seen.get(segment.id) ?? clock.monotonic();
    seen.set(segment.id, since);
    if (clock.monotonic() - since < after || upstreams.size === 0) return;
    const verdict = await verdictOf(segment);
    if (verdict !== undefined && !(await tell(segment, verdict))) return;
    await marks.write('verified', segment.id, segment.generation);
    seen.delete(segment.id);
    told.delete(segment.id);
  };

  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      for (let last = 0; ;) {
        const page = await marks.read('unverified', last, HOURS_AT_ONCE);
        for (const segment of page) await verify(segment);
        last = page.at(-1)?.id ?? 0;
        if (page.length < HOURS_AT_ONCE) break;
      }
      await sleep(Math.min(LOOK_MS, after + 1), undefined, { signal, ref: false });
    }
  };
  const running = run().catch((error: unknown) => (signal.aborted ? undefined : onFatal(error)));

  return {
    connected(upstream) {
      upstreams.add(upstream);
      void upstream.ended.then(() => upstreams.delete(upstream));
    },
    [Symbol.asyncDispose]: () => running,
  };
};
