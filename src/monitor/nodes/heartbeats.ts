/**
 * Asks every registered node for a heartbeat, all at once.
 *
 *   a round:  table ─▶ probe each, at most MOST_AT_ONCE ─▶ WatchedNode: beats, last status ─▶ changed()
 *   the first miss is an event, with when the node was last seen; after `misses` in a row the node is down: a problem for the alerts;
 *   the next beat is an event again
 */
import type { Clock } from '../../telemetry/clock.ts';
import type { Emit } from '../../telemetry/events.ts';
import type { NodeStatus } from '../../telemetry/status.ts';
import { messageOf } from '../../error.ts';
import { HEARTBEAT_BACK, type LoggedEvent, NO_HEARTBEAT } from '../events/event-log.ts';
import { nodeName, type NodeTable, type RegisteredNode } from './node-table.ts';
import type { Beat } from './probe.ts';

/** What one round found: answered, answered late, no answer. */
export type BeatLetter = 'a' | 's' | 'n';

export interface WatchedNode extends RegisteredNode {
  readonly label: string;
  /** The last {@link BEATS}, oldest first. */
  readonly beats: string;
  readonly down: boolean;
  /** Rounds in a row without an answer. */
  readonly missed: number;
  /** Unix milliseconds of the last answer; 0 before the first. */
  readonly lastBeat: number;
  /** Since when it does not answer; 0 while it does. */
  readonly silentSince: number;
  readonly roundTripMs: number;
  readonly clockSkewMs: number;
  readonly status?: NodeStatus;
  /** Why it did not answer. */
  readonly reason?: string;
}

export const BEATS = 40;
const SLOW_MS = 1_000;
/** A round of very many nodes must not take all descriptors. */
const MOST_AT_ONCE = 500;

export interface HeartbeatOptions {
  readonly nodes: NodeTable;
  readonly probe: (node: RegisteredNode) => Promise<Beat>;
  readonly misses: number;
  readonly clock: Clock;
  readonly emit: Emit;
  /** Heartbeats that are missing or back, for the list of events. */
  readonly log: (event: LoggedEvent) => void;
  readonly changed: () => void;
}

export interface Heartbeats extends AsyncDisposable {
  list(): readonly WatchedNode[];
  /** One round, now. Resolves when every node was asked. */
  round(): Promise<void>;
  /** A node said goodbye, or hello: the table is read again, and who is new is asked. */
  refresh(): Promise<void>;
}

const keyOf = ({ ip, port }: RegisteredNode): string => `${ip}:${port}`;

const fresh = (node: RegisteredNode): WatchedNode => ({
  ...node,
  label: nodeName(node),
  ...{ beats: '', down: false, missed: 0, lastBeat: 0, silentSince: 0, roundTripMs: 0, clockSkewMs: 0 },
});

/** The view after an answer. */
const answered = (view: WatchedNode, beat: Beat, at: number, tookMs: number): WatchedNode => {
  const { reason: _, ...rest } = view;
  return {
    ...rest,
    beats: `${view.beats}${tookMs > SLOW_MS ? 's' : 'a'}`.slice(-BEATS),
    ...{ down: false, missed: 0, lastBeat: at, silentSince: 0, roundTripMs: Math.round(tookMs) },
    ...(beat.kind === 'status' ? { status: beat.status, clockSkewMs: beat.clockSkewMs } : {}),
  };
};

const unanswered = (view: WatchedNode, reason: string, at: number, misses: number): WatchedNode => ({
  ...view,
  beats: `${view.beats}n`.slice(-BEATS),
  missed: view.missed + 1,
  down: view.missed + 1 >= misses,
  silentSince: view.silentSince === 0 ? at : view.silentSince,
  reason,
});

const lastState = ({ lastBeat, status }: WatchedNode): string => {
  if (lastBeat === 0) return 'It has not been seen since the monitor started.';
  const states = (status?.roles ?? []).map(({ role, state }) => `${role} ${state}`);
  const was = states.length === 0 ? '' : ` (${states.join(', ')})`;
  return `It was last seen at ${new Date(lastBeat).toISOString()}${was}.`;
};

/** What a beat that is missing, or is there again, says to the monitor's own log and to the list of events. */
const tellChange = (
  before: WatchedNode,
  after: WatchedNode,
  { clock, emit, log }: HeartbeatOptions,
): void => {
  const { label: node, ip, port, role, reason = '' } = after;
  const address = `${ip}:${port}`;
  const about = { at: clock.now(), node, address, role, level: 'warn' } as const;
  if (after.missed === 1 && before.missed === 0) {
    const message = `No heartbeat: ${reason}. ${lastState(before)}`;
    const fields = { reason, last_beat: before.lastBeat };
    log({ ...about, event: 'monitor.node-silent', type: NO_HEARTBEAT, message, fields });
  }
  if (after.missed === 0 && before.missed > 0) {
    const seconds = Math.round((clock.now() - before.silentSince) / 1000);
    const message = `Answers again, after ${seconds} s and ${before.missed} missed heartbeats.`;
    const fields = { seconds, missed: before.missed };
    log({ ...about, event: 'monitor.node-back', type: HEARTBEAT_BACK, message, fields });
    if (before.down) emit('monitor.node-back', { node, address, seconds });
  }
  if (after.down && !before.down)
    emit('monitor.node-silent', { node, address, since: after.silentSince, reason });
};

export const startHeartbeats = (options: HeartbeatOptions): Heartbeats => {
  const { nodes, misses, clock, emit } = options;
  const views = new Map<string, WatchedNode>();
  const asking = new Set<string>();
  let running: Promise<void> | undefined;
  let isClosed = false;
  let isStoreAway = false;

  const ask = async (key: string): Promise<void> => {
    const before = views.get(key);
    if (before === undefined) return;
    asking.add(key);
    const start = clock.monotonic();
    let after: WatchedNode;
    try {
      const beat = await options.probe(before);
      after = answered(before, beat, clock.now(), clock.monotonic() - start);
    } catch (error) {
      after = unanswered(before, messageOf(error), clock.now(), misses);
    }
    asking.delete(key);
    // Unregistered meanwhile: what it did not say is no miss.
    if (!views.has(key)) return;
    views.set(key, after);
    tellChange(before, after, options);
  };

  const reload = async (): Promise<void> => {
    const listed = new Map((await nodes.list()).map((node) => [keyOf(node), node]));
    for (const key of views.keys()) if (!listed.has(key)) views.delete(key);
    for (const [key, node] of listed) {
      const { name: _name, version: _version, ...known } = views.get(key) ?? fresh(node);
      views.set(key, { ...known, ...node, label: nodeName(node) });
    }
  };

  const askAll = async (keys: readonly string[]): Promise<void> => {
    const waiting = [...keys];
    const work = async (): Promise<void> => {
      for (let key = waiting.pop(); key !== undefined && !isClosed; key = waiting.pop()) await ask(key);
    };
    await Promise.all(Array.from({ length: Math.min(MOST_AT_ONCE, keys.length) }, work));
    options.changed();
  };

  const round = (): Promise<void> =>
    (running ??= (async () => {
      // A database that is away is no reason not to ask the nodes that are known.
      await reload().then(
        () => void (isStoreAway = false),
        (error: unknown) => {
          if (!isStoreAway) emit('monitor.store-away', { reason: messageOf(error) });
          isStoreAway = true;
        },
      );
      await askAll([...views.keys()]);
    })().finally(() => (running = undefined)));

  // A thousand nodes that register at once are looked up a few times, not a thousand: whoever comes now is in the next reading.
  let reading = Promise.resolve();
  let waiting: Promise<void> | undefined;
  const reloadSoon = (): Promise<void> =>
    (waiting ??= reading
      .catch(() => undefined)
      .then(() => {
        waiting = undefined;
        return (reading = reload());
      }));

  return {
    list: () => [...views.values()],
    round,
    async refresh() {
      await reloadSoon();
      await askAll([...views.keys()].filter((key) => views.get(key)?.beats === '' && !asking.has(key)));
    },
    async [Symbol.asyncDispose]() {
      isClosed = true;
      await running;
    },
  };
};
