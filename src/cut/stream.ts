/**
 * One stream of an agent, put together: discovery and tracker, cutter, deliverer and follower.
 */
import { progressOf, type SegmentProgress } from '../track/segment.ts';
import type { ByteBudget } from '../pack/byte-budget.ts';
import { openHours } from '../pack/hour.ts';
import type { Encode } from '../pack/encoder.ts';
import type { Codec, LostReason } from '../pack/pack.ts';
import type { Sender } from '../send/sender.ts';
import { type Discovery, openDiscovery } from '../tail/discover.ts';
import type { Holds } from '../tail/hold.ts';
import { explainNoMatch } from '../tail/no-match.ts';
import { parsePattern } from '../tail/pattern.ts';
import type { Clock } from '../telemetry/clock.ts';
import type { Emit } from '../telemetry/events.ts';
import { messageOf } from '../error.ts';
import type { BufferPool } from './buffer-pool.ts';
import { openFileTracker } from '../track/file-tracker.ts';
import { createDeliverer } from './deliverer.ts';
import { follow } from './follower.ts';
import { createPackCutter } from './pack-cutter.ts';
import type { Marks } from '../marks/marks.ts';
import { redeliver, redeliverCuts } from './redeliver.ts';
import { type RepullableStream, repull } from './repull.ts';
import type { ResendingStream } from './send-again.ts';
import type { VerifiableStream } from './verify.ts';
import { verifySegment } from '../track/verify-segment.ts';
import type { TrackedSegment } from '../track/segment.ts';
import type { SourceFiles } from '../track/source-files.ts';
import type { Upstream } from '../transport/transport.ts';

/** What can be seen of a stream while it runs, and asked of it. */
export interface StreamView extends ResendingStream, RepullableStream, VerifiableStream {
  /** Its segments that are not ended, by hour. */
  openHours(): readonly SegmentProgress[];
}

export interface StreamOptions {
  readonly host: string;
  readonly stream: string;
  /** As configured; durations in milliseconds, sizes in bytes. */
  readonly source: {
    readonly path: string;
    readonly zone: string;
    readonly start: string;
    readonly backlog: 'before' | 'beside';
    readonly end: { readonly grace: number; readonly quiet: number };
  };
  readonly pack: {
    readonly size: number;
    readonly max_delay: number;
    readonly max_line: number;
    readonly codec: Codec;
  };
  readonly pollInterval: number;
  readonly marks: Marks;
  readonly holds: Holds;
  readonly files: SourceFiles;
  readonly budget: ByteBudget;
  readonly buffers: BufferPool;
  readonly encode: Encode;
  readonly sender: Pick<Sender, 'send'>;
  /** When a pack was acked whose cut is to be kept; undefined where none is kept. */
  readonly keptAt: () => number | undefined;
  readonly clock: Clock;
  readonly emit: Emit;
  /** Called once the marks are read. */
  readonly onOpened?: (view: StreamView) => void;
  /** The stream cannot go on, and so the agent cannot. */
  readonly onFatal: (error: unknown) => void;
}

/** A typo in a pattern is reported: `say` is called once, where the first scan finds nothing. */
const sayWhenEmpty = (discovery: Discovery, say: () => Promise<void>): Discovery => {
  let isFirst = true;
  return {
    ...discovery,
    async scan(how) {
      const found = await discovery.scan(how);
      if (isFirst && found.length === 0) await say();
      isFirst = false;
      return found;
    },
  };
};

/** Follows the stream until the signal. Rejects when it cannot go on. */
export const followStream = async (options: StreamOptions, signal: AbortSignal): Promise<void> => {
  const { host, stream, source, pack, marks, files, budget, buffers, encode, sender, clock, emit, onFatal } =
    options;
  const hours = openHours(source.zone);
  const cutter = createPackCutter({
    host,
    stream,
    hours,
    packBytes: pack.size,
    maxLine: pack.max_line,
    marks,
    files,
    buffers,
    budget,
    emit,
  });
  const { deliver } = createDeliverer({
    ...{ host, stream, codec: pack.codec, encode, sender, marks, buffers, emit, onFatal },
    keptAt: options.keptAt,
    onSettled: async (segment) => {
      for (const one of segment.sources) await files.release(one);
    },
  });
  const unreadable = new Map<string, string>();
  const warnUnreadable = (path: string, error: unknown): void => {
    const reason = messageOf(error);
    if (unreadable.get(path) === reason) return;
    unreadable.set(path, reason);
    emit('tail.unreadable', { path, reason });
  };
  const logLost = (segment: TrackedSegment, path: string, reason: LostReason, bytes: number): void =>
    emit('tail.lost', { host, stream, hour: segment.hour, path, reason, bytes });
  const tracker = await openFileTracker({
    ...{ host, stream, hours, start: source.start, marks, files, clock, emit, signal },
    onLost: async (segment, path, reason, bytes) => {
      logLost(segment, path, reason, bytes);
      const lost = cutter.lose(segment, reason, bytes);
      deliver(lost);
      await lost.recorded;
    },
    onUnreadable: warnUnreadable,
  });
  const pattern = parsePattern(source.path);
  const discovery = sayWhenEmpty(
    openDiscovery({
      pattern,
      hours,
      onError: (path, error) => emit('tail.unreadable', { path, reason: messageOf(error) }),
      onSkipped: (path, reason) => emit('tail.passed-over', { path, reason }),
    }),
    async () => emit('tail.no-file', { stream, path: source.path, reason: await explainNoMatch(pattern) }),
  );

  let redelivered = false;
  const { pollInterval } = options;
  const redelivering = {
    ...{ tracker, marks, files, budget, buffers, deliver, pollInterval },
    onLost: logLost,
    onUnreadable: warnUnreadable,
  };
  const again = redeliver(redelivering, signal).then(() => (redelivered = true));
  const sendAgain = async (hour: string, ids: readonly number[], via?: Upstream): Promise<void> => {
    const segment = tracker.get(hour);
    if (segment === undefined) return;
    segment.unacked += ids.length;
    for (const one of segment.sources) await files.keep(one);
    await redeliverCuts(redelivering, segment, new Set(ids), signal, via);
  };
  options.onOpened?.({
    openHours: () => tracker.open().map(progressOf),
    sendAgain,
    repull: (hour, run, via) =>
      repull({ segment: tracker.get(hour), marks, files, redelivering }, run, via, signal),
    async verify(hour, pace) {
      const segment = tracker.get(hour);
      return segment?.ended === true ? verifySegment(segment, { marks, files, pace }) : undefined;
    },
    async hasFiles(hour) {
      const sources = tracker.get(hour)?.sources ?? [];
      const gone = await Promise.all(sources.map((one) => files.isGone(one)));
      return !gone.includes(true);
    },
  });
  const rules = {
    packBytes: pack.size,
    maxDelay: pack.max_delay,
    pollInterval,
    grace: source.end.grace,
    quiet: source.end.quiet,
    backlog: source.backlog,
  };
  const following = follow(
    {
      ...{ rules, hours, discovery, tracker, cutter, budget, buffers, clock, deliver },
      mayCut: () => redelivered,
      onUnreadable: warnUnreadable,
    },
    signal,
  );
  await Promise.all([
    again.catch((error: unknown) => (signal.aborted ? undefined : Promise.reject(error))),
    following,
  ]);
};
