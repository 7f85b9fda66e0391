/**
 * Lag and throughput of each stream, as the agents say them: what the charts of the overview show.
 *
 *   every round ─▶ one point of ten minutes a stream, in memory and in the table ─ after two days ─▶ one of an hour ─ after a month ─▶ removed
 *
 * stream_point
 *   stream, step, at   a point stands for the `step` milliseconds from `at` on
 *   lag                the worst that any agent said in this time, seconds; null where none said one
 *   samples            in how many rounds a rate was said
 *   line_rates         of these rounds, the lines a second of all agents, summed: divided by `samples` it is the mean; so `byte_rates`
 *
 * A round in which no agent of a stream answers adds nothing: a time without points is unknown, not 0. While the database is away the
 * points of the last day wait in memory.
 */
import type { NodeStatus } from '../../telemetry/status.ts';
import { isNull, number, type Sql, type SqlRow, type Statement, text } from '../store/sql.ts';

export const STEP_MS = 600_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Points of ten minutes are kept for so long, then one an hour. */
export const FINE_MS = 2 * DAY_MS;
export const KEPT_MS = 31 * DAY_MS;
/** Names come from nodes: so many streams have points. */
const MOST_STREAMS = 500;

export interface StreamPoint {
  readonly stream: string;
  /** Unix milliseconds: the beginning of its time. */
  readonly at: number;
  readonly samples: number;
  readonly lineRates: number;
  readonly byteRates: number;
  /** Seconds; null where none was known. */
  readonly lag: number | null;
}

export interface StreamPointTable {
  save(points: readonly StreamPoint[]): Promise<void>;
  /** Of one step, from `since` on, by stream and time. */
  read(step: number, since: number): Promise<StreamPoint[]>;
  /** Joins what is older than {@link FINE_MS} to points of an hour, and removes what is older than {@link KEPT_MS}. */
  thin(now: number): Promise<void>;
}

const readPoint = (row: SqlRow): StreamPoint => ({
  stream: text(row, 'stream'),
  at: number(row, 'at'),
  samples: number(row, 'samples'),
  lineRates: number(row, 'line_rates'),
  byteRates: number(row, 'byte_rates'),
  lag: isNull(row, 'lag') ? null : number(row, 'lag'),
});

export const streamPointTable = (sql: Sql): StreamPointTable => ({
  save: (points) =>
    sql.write(
      points.map(({ stream, at, samples, lineRates, byteRates, lag }): Statement => ({
        sql: 'REPLACE INTO stream_point (stream, step, at, samples, line_rates, byte_rates, lag) VALUES (?, ?, ?, ?, ?, ?, ?)',
        values: [stream, STEP_MS, at, samples, lineRates, byteRates, lag],
      })),
    ),
  async read(step, since) {
    const rows = await sql.all('SELECT * FROM stream_point WHERE step = ? AND at >= ? ORDER BY stream, at', [
      step,
      since,
    ]);
    return rows.map(readPoint);
  },
  thin(now) {
    const until = now - FINE_MS - ((now - FINE_MS) % HOUR_MS);
    return sql.write([
      {
        sql: `REPLACE INTO stream_point (stream, step, at, samples, line_rates, byte_rates, lag)
                SELECT stream, ${HOUR_MS}, at - at % ${HOUR_MS}, SUM(samples), SUM(line_rates), SUM(byte_rates), MAX(lag)
                FROM stream_point WHERE step = ${STEP_MS} AND at < ? GROUP BY stream, at - at % ${HOUR_MS}`,
        values: [until],
      },
      { sql: `DELETE FROM stream_point WHERE step = ${STEP_MS} AND at < ?`, values: [until] },
      { sql: 'DELETE FROM stream_point WHERE at < ?', values: [now - KEPT_MS] },
    ]);
  },
});

/** What the agents among these nodes say of a stream now, all together. */
interface Said {
  lag: number | null;
  lineRate: number | null;
  byteRate: number | null;
}

/** By stream. */
export const saidOfStreams = (statuses: readonly NodeStatus[]): ReadonlyMap<string, Said> => {
  const said = new Map<string, Said>();
  const roles = statuses.flatMap((status) => status.roles).filter(({ role }) => role === 'agent');
  for (const { parts } of roles)
    for (const { kind, name, lag, throughput } of parts) {
      if (kind !== 'stream' || (said.size >= MOST_STREAMS && !said.has(name))) continue;
      const of = said.get(name) ?? { lag: null, lineRate: null, byteRate: null };
      const seconds = lag?.seconds ?? null;
      if (seconds !== null) of.lag = Math.max(of.lag ?? 0, seconds);
      if (throughput !== undefined) {
        of.lineRate = (of.lineRate ?? 0) + throughput.linesPerSecond;
        of.byteRate = (of.byteRate ?? 0) + throughput.bytesPerSecond;
      }
      said.set(name, of);
    }
  return said;
};

export interface StreamHistory {
  /** Takes what a round found, and writes it. Rejects where the database is away: the points are written with those of a later round. */
  add(statuses: readonly NodeStatus[]): Promise<void>;
  /** Of one step, from `since` on; also those that wait for the database. */
  read(step: number, since: number): Promise<readonly StreamPoint[]>;
}

export const createStreamHistory = (table: StreamPointTable, now: () => number): StreamHistory => {
  /** Of the current ten minutes, and older ones that are not written; by stream and time. */
  const points = new Map<string, StreamPoint>();
  let isLoaded = false;
  const keyOf = ({ stream, at }: Pick<StreamPoint, 'stream' | 'at'>): string => `${stream} ${at}`;

  /** After a restart the current ten minutes go on where they were. */
  const load = async (at: number): Promise<void> => {
    if (isLoaded) return;
    for (const point of await table.read(STEP_MS, at)) {
      const own = points.get(keyOf(point));
      points.set(keyOf(point), own === undefined ? point : joined(point, own));
    }
    isLoaded = true;
  };

  return {
    async add(statuses) {
      const at = now() - (now() % STEP_MS);
      for (const [stream, { lag, lineRate, byteRate }] of saidOfStreams(statuses)) {
        const sample = {
          ...{ stream, at, lag, samples: byteRate === null ? 0 : 1 },
          ...{ lineRates: lineRate ?? 0, byteRates: byteRate ?? 0 },
        };
        const before = points.get(keyOf(sample));
        points.set(keyOf(sample), before === undefined ? sample : joined(before, sample));
      }
      for (const [key, point] of points) if (point.at < at - DAY_MS) points.delete(key);
      await load(at);
      if (points.size > 0) await table.save([...points.values()]);
      for (const [key, point] of points) if (point.at < at) points.delete(key);
    },
    async read(step, since) {
      const found = await table.read(step, since);
      if (step !== STEP_MS) return found;
      const all = new Map(found.map((point) => [keyOf(point), point]));
      for (const [key, point] of points) if (point.at >= since) all.set(key, point);
      return [...all.values()];
    },
  };
};

const joined = (a: StreamPoint, b: StreamPoint): StreamPoint => ({
  ...a,
  samples: a.samples + b.samples,
  lineRates: a.lineRates + b.lineRates,
  byteRates: a.byteRates + b.byteRates,
  lag: a.lag === null ? b.lag : Math.max(a.lag, b.lag ?? 0),
});
