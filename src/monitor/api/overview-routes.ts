/** What the overview shows besides the verdict and alerts: figures, the last two days of every stream, lag and throughput of a day. */
import { z } from 'zod';
import { indexAt } from '../hours/hour-cells.ts';
import { columnsOf, matrixStates, type MatrixStates, streamsOf } from '../hours/matrix.ts';
import type { WatchedNode } from '../nodes/heartbeats.ts';
import { FINE_MS, KEPT_MS, STEP_MS, type StreamPoint } from '../nodes/stream-points.ts';
import type { Watch } from '../watch.ts';
import { route, type Route } from './route.ts';
import * as answers from './schemas.ts';

const STRIP_HOURS = 48;
const DAY_HOURS = 24;
const HOUR_MS = 3_600_000;
/** An agent with less lag than this is up to date. */
const SMALL_LAG_S = 2;

const sealedOf = ({ S = 0, E = 0 }: MatrixStates['counts']): number => S + E;
const dueOf = (counts: MatrixStates['counts']): number => {
  const { R = 0, I = 0, N = 0, L = 0 } = counts;
  return sealedOf(counts) + R + I + N + L;
};

const lagOf = (views: readonly WatchedNode[]): answers.OverviewAnswer['lag'] => {
  const said = views
    .filter(({ missed }) => missed === 0)
    .flatMap(({ label, status }) => (status?.roles ?? []).map(({ role, lag }) => ({ label, role, lag })))
    .flatMap(({ label, role, lag: { seconds } }) =>
      (role === 'agent' || role === 'relay') && seconds !== null ? [{ label, role, seconds }] : [],
    );
  const worst = said.toSorted((a, b) => b.seconds - a.seconds)[0];
  const agents = said.filter(({ role }) => role === 'agent');
  return {
    ...{ seconds: worst?.seconds ?? null, node: worst?.label ?? null, agents: agents.length },
    agentsBelow: agents.filter(({ seconds }) => seconds < SMALL_LAG_S).length,
  };
};

const nodesOf = (views: readonly WatchedNode[], now: number): answers.OverviewAnswer['nodes'] => {
  const started = views
    .flatMap(({ label, status }) => (status === undefined ? [] : [{ name: label, at: status.startedAt }]))
    .toSorted((a, b) => b.at - a.at);
  const recent = started.filter(({ at }) => now - at < HOUR_MS);
  return {
    alive: views.filter(({ down, lastBeat }) => !down && lastBeat > 0).length,
    all: views.length,
    restarted: recent.length === started.length ? null : (recent[0] ?? null),
  };
};

const overviewOf = (watch: Watch): answers.OverviewAnswer => {
  const { source, rules } = watch.matrix();
  const views = watch.heartbeats.list();
  const to = indexAt(rules.now) + 1;
  const columns = columnsOf('hours', to - STRIP_HOURS, to);
  const day = { hours: 0, of: 0 };
  const streams = streamsOf(source).map((stream) => {
    const { hosts, worst, counts } = matrixStates(source, stream, columns, rules);
    const last = matrixStates(source, stream, columns.slice(-DAY_HOURS), rules).counts;
    day.hours += sealedOf(last);
    day.of += dueOf(last);
    const shown = { stream, hosts: hosts.length, from: to - STRIP_HOURS, worst };
    return { ...shown, sealed: sealedOf(counts), due: dueOf(counts) };
  });
  const sinks = views
    .filter(({ missed }) => missed === 0)
    .flatMap(({ status }) => (status?.roles ?? []).filter(({ role }) => role === 'sink'));
  const sum = (of: (sink: (typeof sinks)[number]) => number): number | null =>
    sinks.length === 0 ? null : sinks.reduce((total, sink) => total + of(sink), 0);
  return {
    ...{ nodes: nodesOf(views, rules.now), sealed: day, lag: lagOf(views), streams },
    linesPerSecond: sum(({ throughput }) => throughput.linesPerSecond),
    bytesPerSecond: sum(({ throughput }) => throughput.bytesPerSecond),
  };
};

/** Points at their times: a time without one is null, so that a line breaks there. */
const readingsOf = (
  at: readonly number[],
  points: readonly StreamPoint[],
): Omit<answers.StreamLoadAnswer['streams'][number], 'stream'> => {
  const byTime = new Map(points.map((point) => [point.at, point]));
  const mean = (of: 'lineRates' | 'byteRates'): (number | null)[] =>
    at.map((time) => {
      const point = byTime.get(time);
      return point === undefined || point.samples === 0 ? null : point[of] / point.samples;
    });
  return {
    lagSeconds: at.map((time) => byTime.get(time)?.lag ?? null),
    linesPerSecond: mean('lineRates'),
    bytesPerSecond: mean('byteRates'),
  };
};

const loadOf = async (watch: Watch, hours: number): Promise<answers.StreamLoadAnswer> => {
  const { now, lateAfterMs } = watch.matrix().rules;
  const stepMs = hours * HOUR_MS <= FINE_MS ? STEP_MS : HOUR_MS;
  const last = now - (now % stepMs);
  const length = (hours * HOUR_MS) / stepMs;
  const at = Array.from({ length }, (_, n) => last - (length - 1 - n) * stepMs);
  const points = await watch.streamHistory.read(stepMs, at[0] ?? last);
  const streams = [...Map.groupBy(points, ({ stream }) => stream)]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([stream, own]) => ({ stream, ...readingsOf(at, own) }));
  return { stepMs, at, limitSeconds: lateAfterMs / 1000, streams };
};

export const overviewRoutes = (watch: Watch): Route[] => [
  route({
    ...{ method: 'GET', path: '/api/overview', needs: 'view', answer: answers.overview },
    summary: 'Figures, and the last two days of every stream',
    handle: () => Promise.resolve(overviewOf(watch)),
  }),
  route({
    ...{ method: 'GET', path: '/api/streams/load', needs: 'view', answer: answers.streamLoad },
    summary:
      'Lag and throughput of every stream: each ten minutes, or each hour where more than 48 are wanted',
    query: z.object({
      hours: z.coerce
        .number()
        .int()
        .min(1)
        .max(KEPT_MS / HOUR_MS)
        .default(DAY_HOURS),
    }),
    handle: ({ query: { hours } }) => loadOf(watch, hours),
  }),
];
