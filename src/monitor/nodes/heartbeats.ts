/**
 * Asks every registered node for a heartbeat, all at once.
 *
 *   a round:  table ─▶ probe each, at most MOST_AT_ONCE ─▶ WatchedNode: beats, last status ─▶ changed()
 *   a node is down after `misses` in a row, and up again with the next beat: an event each, and a problem for the alerts between
 */
import type { Clock } from '../../telemetry/clock.ts';
import type { Emit } from '../../telemetry/events.ts';
import type { NodeStatus } from '../../telemetry/status.ts';
import { messageOf } from '../../error.ts';
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
/** A round of thousands of nodes must not take all descriptors. */
const MOST_AT_ONCE = 256;

export interface HeartbeatOptions {
  readonly nodes: NodeTable;
  readonly probe: (node: RegisteredNode) => Promise<Beat>;
  readonly misses: number;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly changed: () => void;
}

export interface Heartbeats extends AsyncDisposable {
  list(): readonly WatchedNode[];
  /** One round, now. Resolves when every node was asked. */
  round(): Promise<void>;
  /** A node said goodbye, or hello: it is looked up again, and asked. */
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

export const startHeartbeats = (options: HeartbeatOptions): Heartbeats => {
  const { nodes, misses, clock, emit } = options;
  const views = new Map<string, WatchedNode>();
  let running: Promise<void> | undefined;
  let isClosed = false;

  const tell = (before: WatchedNode, after: WatchedNode): void => {
    const { label: node, ip, port } = after;
    const address = `${ip}:${port}`;
    if (after.down && !before.down)
      emit('monitor.node-silent', { node, address, since: after.silentSince, reason: after.reason ?? '' });
    if (before.down && !after.down)
      emit('monitor.node-back', {
        node,
        address,
        seconds: Math.round((clock.now() - before.silentSince) / 1000),
      });
  };

  const ask = async (key: string): Promise<void> => {
    const before = views.get(key);
    if (before === undefined) return;
    const start = clock.monotonic();
    let after: WatchedNode;
    try {
      const beat = await options.probe(before);
      after = answered(before, beat, clock.now(), clock.monotonic() - start);
    } catch (error) {
      after = unanswered(before, messageOf(error), clock.now(), misses);
    }
    // Unregistered meanwhile: what it did not say is no miss.
    if (!views.has(key)) return;
    views.set(key, after);
    tell(before, after);
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
      await reload().catch((error: unknown) => emit('monitor.store-away', { reason: messageOf(error) }));
      await askAll([...views.keys()]);
    })().finally(() => (running = undefined)));

  return {
    list: () => [...views.values()],
    round,
    async refresh() {
      const known = new Set(views.keys());
      await reload();
      await askAll([...views.keys()].filter((key) => !known.has(key)));
    },
    async [Symbol.asyncDispose]() {
      isClosed = true;
      await running;
    },
  };
};
