/** What the page shows besides hours: the verdict, nodes, events, alerts. */
import { z } from 'zod';
import type { WatchedNode } from '../nodes/heartbeats.ts';
import type { Watch } from '../watch.ts';
import { overviewRoutes } from './overview-routes.ts';
import { route, type Route } from './route.ts';
import * as answers from './schemas.ts';
import type { Users } from './users.ts';

const nodeAnswer = (view: WatchedNode): answers.NodeEntry => {
  const { label, ip, port, role, version, status } = view;
  const roles = status?.roles ?? [];
  const lags = roles.flatMap(({ lag }) => (lag.seconds === null ? [] : [lag.seconds]));
  const lagBytes = roles.flatMap(({ lag }) => (lag.bytes === null ? [] : [lag.bytes]));
  const sum = (of: (each: (typeof roles)[number]) => number): number =>
    roles.reduce((total, each) => total + of(each), 0);
  return {
    ...{ name: label, address: `${ip}:${port}`, role: roles.map((each) => each.role).join(' and ') || role },
    version: status?.version ?? version ?? null,
    ...{ beats: view.beats, down: view.down, missed: view.missed, lastBeat: view.lastBeat },
    ...{ silentSince: view.silentSince, reason: view.reason ?? null, startedAt: status?.startedAt ?? null },
    ...{ clockSkewMs: view.clockSkewMs, roundTripMs: view.roundTripMs },
    state: view.down ? 'down' : (roles.find(({ state }) => state !== 'running')?.state ?? 'running'),
    lagSeconds: lags.length === 0 ? null : Math.max(...lags),
    lagBytes: lagBytes.length === 0 ? null : Math.max(...lagBytes),
    linesPerSecond: sum(({ throughput }) => throughput.linesPerSecond),
    bytesPerSecond: sum(({ throughput }) => throughput.bytesPerSecond),
    openHours: sum(({ openHourCount }) => openHourCount),
    bars: roles.flatMap(({ role: of, gauges }) =>
      gauges.flatMap(({ name, help, value, limit }) =>
        limit === undefined ? [] : [{ role: of, name, help, value, limit }],
      ),
    ),
    parts: roles.flatMap(({ role: of, parts }) =>
      parts.map(({ kind, name, state, detail, lag }) => ({
        ...{ role: of, kind, name, state, lagSeconds: lag?.seconds ?? null },
        ...(detail !== undefined && { detail }),
      })),
    ),
    errors: roles
      .flatMap(({ errors }) => errors)
      .sort((a, b) => b.at - a.at)
      .slice(0, 20)
      .map((each) => ({ ...each })),
  };
};

const stateRoutes = (watch: Watch, software: string, checkIntervalMs: number): Route[] => [
  route({
    ...{ method: 'GET', path: '/api/verdict', needs: 'view', answer: answers.verdict },
    summary: 'One sentence about everything',
    handle: () =>
      Promise.resolve({
        ...watch.verdict(),
        ...{ now: watch.matrix().rules.now, alerts: watch.alerts.open().length, software },
      }),
  }),
  route({
    ...{ method: 'GET', path: '/api/nodes', needs: 'view', answer: answers.nodes },
    summary: 'All nodes, with their last heartbeats and what they say of themselves',
    handle: () => Promise.resolve({ nodes: watch.heartbeats.list().map(nodeAnswer), checkIntervalMs }),
  }),
];

const eventQuery = z.object({
  node: z.string().max(64).optional(),
  level: z.enum(['warn', 'error']).optional(),
  event: z.string().max(64).optional(),
  text: z.string().max(200).optional(),
  since: z.coerce.number().int().optional(),
  before: z.coerce.number().int().optional(),
  limit: z.coerce.number().int().min(1).max(500).default(100),
});

const eventRoutes = (watch: Watch): Route[] => [
  route({
    ...{ method: 'GET', path: '/api/events', needs: 'view', answer: answers.events },
    summary: 'Warnings and errors of all nodes, the newest first',
    query: eventQuery,
    async handle({ query }) {
      const found = await watch.events.search(query);
      return { events: found, next: found.length < query.limit ? null : (found.at(-1)?.id ?? null) };
    },
  }),
  route({
    ...{ method: 'GET', path: '/api/events/groups', needs: 'view', answer: answers.eventGroups },
    summary: 'Warnings and errors counted by node and kind',
    query: z.object({ minutes: z.coerce.number().int().min(1).max(44_640).default(60) }),
    async handle({ query: { minutes } }) {
      return { groups: await watch.events.groups(watch.matrix().rules.now - minutes * 60_000, 200) };
    },
  }),
];

const alertRoutes = (watch: Watch, users: Users, notifiers: readonly string[]): Route[] => [
  route({
    ...{ method: 'GET', path: '/api/alerts', needs: 'view', answer: answers.alerts },
    summary: 'Open alerts, and their history',
    async handle() {
      return { open: watch.alerts.open(), history: await watch.alertHistory.history(200), notifiers };
    },
  }),
  route({
    ...{ method: 'POST', path: '/api/alerts/test', needs: 'operate', answer: answers.alertTest },
    summary: 'Send a test message to everyone who gets alerts',
    async handle({ caller }) {
      await users.record(caller?.name ?? '', 'test alerts', notifiers.join(', '));
      return { results: await watch.alerts.test() };
    },
  }),
  route({
    ...{ method: 'GET', path: '/api/actions', needs: 'operate' },
    answer: z.object({
      actions: z.array(
        z.object({ at: z.number(), name: z.string(), action: z.string(), detail: z.string() }),
      ),
    }),
    summary: 'What people did, the newest first',
    async handle() {
      return { actions: await users.actions(200) };
    },
  }),
];

export interface PageRoutesOptions {
  readonly watch: Watch;
  readonly users: Users;
  readonly software: string;
  readonly checkIntervalMs: number;
  readonly notifiers: readonly string[];
}

export const pageRoutes = ({
  watch,
  users,
  software,
  checkIntervalMs,
  notifiers,
}: PageRoutesOptions): Route[] => [
  ...stateRoutes(watch, software, checkIntervalMs),
  ...overviewRoutes(watch),
  ...eventRoutes(watch),
  ...alertRoutes(watch, users, notifiers),
];
