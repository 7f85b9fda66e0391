/** Lag and throughput of the last day, in points of ten minutes: what the charts of the overview show. In memory. */
import type { WatchedNode } from './heartbeats.ts';

export interface SeriesPoint {
  /** Unix milliseconds: the beginning of its ten minutes. */
  readonly at: number;
  /** Lines a second that all sinks stored, on average. */
  readonly linesPerSecond: number;
  readonly bytesPerSecond: number;
  /** The largest lag of any agent or relay, seconds; null where none was known. */
  readonly lagSeconds: number | null;
}

export interface Series {
  add(views: readonly WatchedNode[]): void;
  points(): readonly SeriesPoint[];
}

const STEP_MS = 600_000;
const POINTS = 144;

interface PointSums {
  readonly at: number;
  readonly count: number;
  readonly lines: number;
  readonly bytes: number;
  readonly lag: number | null;
}

export const createSeries = (now: () => number): Series => {
  let sums: PointSums[] = [];
  return {
    add(views) {
      const roles = views.filter(({ down }) => !down).flatMap(({ status }) => status?.roles ?? []);
      const sinks = roles.filter(({ role }) => role === 'sink');
      const lags = roles
        .filter(({ role }) => role === 'agent' || role === 'relay')
        .flatMap(({ lag }) => (lag.seconds === null ? [] : [lag.seconds]));
      const at = now() - (now() % STEP_MS);
      const last = sums.at(-1);
      const before = last?.at === at ? last : { at, count: 0, lines: 0, bytes: 0, lag: null };
      const lag = lags.length === 0 ? before.lag : Math.max(before.lag ?? 0, ...lags);
      const next: PointSums = {
        at,
        count: before.count + 1,
        lines: before.lines + sinks.reduce((sum, { throughput }) => sum + throughput.linesPerSecond, 0),
        bytes: before.bytes + sinks.reduce((sum, { throughput }) => sum + throughput.bytesPerSecond, 0),
        lag,
      };
      sums = [...(last?.at === at ? sums.slice(0, -1) : sums), next].slice(-POINTS);
    },
    points: () =>
      sums.map(({ at, count, lines, bytes, lag }) => ({
        at,
        linesPerSecond: lines / count,
        bytesPerSecond: bytes / count,
        lagSeconds: lag,
      })),
  };
};
