/**
 * All that a monitor knows, and the rounds in which it learns it.
 *
 *   every check_interval:  nodes ─ heartbeats ─┐
 *                          sinks ─ hours ──────┼─▶ problems ─▶ verdict, alerts ─▶ changed(topic): pages that are open
 *   from outside:          events, registrations ┘
 */
import type { Clock } from '../telemetry/clock.ts';
import type { Emit } from '../telemetry/events.ts';
import { messageOf } from '../error.ts';
import { OWN_HEADER } from '../http/server.ts';
import { alertTable } from './alerts/alert-table.ts';
import { type Alerts, createAlerts } from './alerts/alerts.ts';
import type { Notifier } from './alerts/notifiers.ts';
import type { AlertOptions } from './alerts/options.ts';
import { type EventLog, eventLog, type LoggedEvent } from './events/event-log.ts';
import { openNotePad } from './events/note-pad.ts';
import type { StateRules } from './hours/cell-states.ts';
import { createKnownHours } from './hours/known-hours.ts';
import { type HourTable, hourTable } from './hours/hour-table.ts';
import type { FollowedSink, SinkFollower } from './hours/follow-sinks.ts';
import type { MatrixSource } from './hours/matrix.ts';
import type { HourProblems } from './hours/problems.ts';
import { type VerdictLine, verdictOf } from './hours/verdict.ts';
import { type Heartbeats, type WatchedNode, startHeartbeats } from './nodes/heartbeats.ts';
import { nodeProblems } from './nodes/node-problems.ts';
import { type NodeTable, nodeTable } from './nodes/node-table.ts';
import { probe } from './nodes/probe.ts';
import { createStreamHistory, type StreamHistory, streamPointTable } from './nodes/stream-points.ts';
import type { Sql } from './store/sql.ts';

/** What may have changed: pages ask again for what they show of it. */
export type Topic = 'nodes' | 'hours' | 'events' | 'alerts' | 'verdict';

export interface WatchOptions {
  readonly sql: Sql;
  readonly checkIntervalMs: number;
  readonly timeoutMs: number;
  readonly misses: number;
  readonly lateAfterMs: number;
  readonly expectWithinMs: number;
  readonly keepEventsMs: number;
  /** Time zone of the hours of all sinks. */
  readonly zone: string;
  /** Presented to nodes. */
  readonly nodeToken: (() => Promise<string>) | undefined;
  readonly alerts: Pick<AlertOptions, 'gather' | 'least_pause' | 'quiet' | 'spool_warn' | 'spool_error'>;
  readonly notifiers: readonly Notifier[];
  readonly page: string | undefined;
  readonly clock: Clock;
  readonly emit: Emit;
}

export interface Watch extends AsyncDisposable {
  readonly nodes: NodeTable;
  readonly heartbeats: Heartbeats;
  readonly events: EventLog;
  /** Keeps an event that nobody would send again. */
  note(event: LoggedEvent): void;
  readonly hours: HourTable;
  readonly sinks: SinkFollower;
  readonly alerts: Alerts;
  readonly alertHistory: ReturnType<typeof alertTable>;
  readonly streamHistory: StreamHistory;
  /** Hours as they are known now, with the rules by which they are judged. */
  matrix(): { readonly source: MatrixSource; readonly rules: StateRules };
  verdict(): VerdictLine;
  /** The last round's problems of hours. */
  problems(): HourProblems;
  /** Asks a node of ours; with the token. Rejects where it does not answer. */
  ask(url: string): Promise<unknown>;
  /** Has a node of ours do something; with the token. Rejects where it does not answer, or refuses. */
  tell(url: string): Promise<unknown>;
  /** Sinks that can be asked. */
  followed(): readonly FollowedSink[];
  /** Reads what is expected again: somebody changed it. */
  refreshExpectations(): Promise<void>;
  /** A round, now. */
  round(): Promise<void>;
  /** Calls back whenever something may have changed; returns how to end it. */
  onChange(listener: (topic: Topic) => void): () => void;
  changed(topic: Topic): void;
}

const HOUR_MS = 3_600_000;
/** Sinks are asked for new hours this often, whatever the interval of heartbeats. */
const FOLLOW_EVERY_MS = 5_000;
const TRIM_EVERY_MS = HOUR_MS;

const urlOf = ({ ip, port }: WatchedNode): string => `http://${ip.includes(':') ? `[${ip}]` : ip}:${port}`;

const sinksAmong = (views: readonly WatchedNode[]): FollowedSink[] =>
  views
    .filter(({ status, role }) => status?.roles.some((each) => each.role === 'sink') ?? role.includes('sink'))
    .flatMap((view) => (view.name === undefined ? [] : [{ source: view.name, url: urlOf(view) }]));

/** What is read, and what has a node do something. A node that answers at all must answer in time. */
const createAsk =
  ({ timeoutMs, nodeToken }: WatchOptions, method: 'GET' | 'POST') =>
  async (url: string): Promise<unknown> => {
    const token = await nodeToken?.();
    const response = await fetch(url, {
      ...{ method, redirect: 'error', signal: AbortSignal.timeout(timeoutMs) },
      headers: { [OWN_HEADER]: '1', ...(token !== undefined && { authorization: `Bearer ${token}` }) },
    });
    if (!response.ok) throw new Error(`It answers with HTTP status ${response.status}.`);
    return response.json();
  };

export const startWatch = async (options: WatchOptions): Promise<Watch> => {
  const { sql, clock, emit, checkIntervalMs } = options;
  const listeners = new Set<(topic: Topic) => void>();
  const changed = (topic: Topic): void => {
    for (const listener of listeners) listener(topic);
  };
  const [nodes, hours, events, history] = [nodeTable(sql), hourTable(sql), eventLog(sql), alertTable(sql)];
  /** A database that is away when the monitor starts is no reason not to start: what it knows is read as soon as it can be. */
  let isLoaded = false;
  const load = async (): Promise<void> => {
    if (isLoaded) return;
    await known.load();
    await alerts.load();
    isLoaded = true;
  };
  const [ask, tell] = [createAsk(options, 'GET'), createAsk(options, 'POST')];
  const notes = openNotePad(events, () => changed('events'));
  const points = streamPointTable(sql);
  const streamHistory = createStreamHistory(points, () => clock.now());
  const heartbeats = startHeartbeats({
    ...{ nodes, misses: options.misses, clock, emit, log: (event) => notes.note(event) },
    probe: async (node) =>
      probe(node, {
        timeoutMs: options.timeoutMs,
        token: await options.nodeToken?.(),
        now: () => clock.now(),
      }),
    changed: () => changed('nodes'),
  });
  const followed = () => sinksAmong(heartbeats.list());
  const known = createKnownHours({
    ...{ table: hours, ask, followed, zone: options.zone, clock, checkIntervalMs },
    ...{ lateAfterMs: options.lateAfterMs, expectWithinMs: options.expectWithinMs },
    changed: () => changed('hours'),
  });
  const { sinks, matrix, problems } = known;
  const alerts = createAlerts({
    ...{ options: options.alerts, table: history, notifiers: options.notifiers, clock, emit },
    ...(options.page !== undefined && { page: options.page }),
    changed: () => changed('alerts'),
  });
  await load().catch((error: unknown) => emit('monitor.store-away', { reason: messageOf(error) }));
  let trimmedAt = -Infinity;

  const round = async (): Promise<void> => {
    await heartbeats.round();
    // Without the database hours cannot be followed; nodes are watched, and people are told, all the same.
    const failure = await load().then(
      () => sinks.round(),
      (error: unknown) => ({ error }),
    );
    const views = heartbeats.list();
    known.heard(views.flatMap(({ status, down }) => (down || !status ? [] : [status])));
    const hourly = isLoaded ? known.judge().alerts : [];
    const open = new Map(alerts.open().map(({ key, severity }) => [key, severity]));
    const limits = { warn: options.alerts.spool_warn, error: options.alerts.spool_error };
    await alerts.update([...nodeProblems(views, limits, (key) => open.get(key)), ...hourly]);
    changed('verdict');
    await streamHistory.add(views.flatMap(({ status, missed }) => (missed > 0 || !status ? [] : [status])));
    if (failure !== undefined) throw failure.error;
    if (clock.monotonic() - trimmedAt < TRIM_EVERY_MS) return;
    trimmedAt = clock.monotonic();
    await events.trim(clock.now() - options.keepEventsMs);
    await points.thin(clock.now());
  };

  const rounds = startRounds(
    { round, follow: async () => (isLoaded ? sinks.round() : undefined), everyMs: checkIntervalMs },
    (error) => emit('monitor.store-away', { reason: messageOf(error) }),
  );
  return {
    ...{ nodes, heartbeats, events, hours, sinks, alerts, matrix, ask, tell, followed, changed, problems },
    ...{ alertHistory: history, streamHistory },
    note: (event) => notes.note(event),
    verdict: () => {
      const views = heartbeats.list();
      return verdictOf({
        now: clock.now(),
        problems: problems().hours,
        awaySinks: known.awaySinks(),
        downNodes: views.filter(({ down }) => down).map(({ label }) => label),
        nodes: views.length,
        alerts: alerts.open().length,
        dueUntil: problems().dueUntil,
      });
    },
    refreshExpectations: () => known.refresh(),
    round: rounds.now,
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async [Symbol.asyncDispose]() {
      await rounds[Symbol.asyncDispose]();
      await heartbeats[Symbol.asyncDispose]();
      await sinks[Symbol.asyncDispose]();
      await notes[Symbol.asyncDispose]();
    },
  };
};

/** Rounds one after the other, and sinks followed in between. A round that fails is reported once until one succeeds. */
const startRounds = (
  work: { round(): Promise<void>; follow(): Promise<void>; readonly everyMs: number },
  failed: (error: unknown) => void,
) => {
  let running: Promise<void> | undefined;
  let isFailing = false;
  const now = (): Promise<void> =>
    (running ??= work
      .round()
      .then(
        () => void (isFailing = false),
        (error: unknown) => {
          if (!isFailing) failed(error);
          isFailing = true;
        },
      )
      .finally(() => (running = undefined)));
  const timers = [
    setInterval(() => void now(), work.everyMs),
    setInterval(() => void work.follow().catch(() => undefined), Math.min(FOLLOW_EVERY_MS, work.everyMs)),
  ];
  return {
    now,
    async [Symbol.asyncDispose]() {
      for (const timer of timers) clearInterval(timer);
      await running;
    },
  };
};
