/** Lag and throughput of each stream over the last day: small charts side by side. */
import type { JSX } from 'preact';
import type { StreamLoadAnswer } from '../../src/monitor/api/schemas.ts';
import { useQuery } from '../api.ts';
import { Chart } from '../chart.tsx';
import { bytes, duration } from '../format.ts';

/** Seconds at which a scale of lag may end. */
const ENDS = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600, 7_200, 14_400, 28_800, 86_400];

const most = (values: readonly (number | null)[]): number =>
  values.reduce<number>((highest, value) => Math.max(highest, value ?? 0), 0);

/** What is so now: the step that is not over may have no sample yet. */
const newest = (values: readonly (number | null)[]): number | null => values.at(-1) ?? values.at(-2) ?? null;

const shortDuration = (seconds: number): string => duration(seconds).replace(/\.0 s$/, ' s');

const LagCharts = ({ load }: { readonly load: StreamLoadAnswer }): JSX.Element => {
  const { limitSeconds: limit, streams, at } = load;
  const worst = most(streams.map(({ lagSeconds }) => most(lagSeconds)));
  const max = Math.max(2 * limit, ENDS.find((end) => end >= worst) ?? worst);
  return (
    <section>
      <h2>
        Worst lag{' '}
        <span class="muted">
          <span class="hide-small">by stream, </span>last 24 h, <span class="hide-small">one scale, </span>0
          to {shortDuration(max)}
          {limit > 0 && <span class="hide-small">; dashed: limit {shortDuration(limit)}</span>}
        </span>
      </h2>
      <div class="charts">
        {streams.map(({ stream, lagSeconds }) => {
          const now = newest(lagSeconds);
          return (
            <Chart
              key={stream}
              {...{ title: stream, at, values: lagSeconds, max, limit }}
              value={now === null ? 'unknown' : duration(now)}
            />
          );
        })}
      </div>
    </section>
  );
};

const ThroughputCharts = ({ load: { streams, at } }: { readonly load: StreamLoadAnswer }): JSX.Element => (
  <section>
    <h2>
      Throughput{' '}
      <span class="muted">
        <span class="hide-small">by stream, </span>last 24 h, each on its own scale
        <span class="hide-small"> from 0</span>
      </span>
    </h2>
    <div class="charts">
      {streams.map(({ stream, bytesPerSecond }) => {
        const [now, peak] = [newest(bytesPerSecond), most(bytesPerSecond)];
        return (
          <Chart
            key={stream}
            {...{ title: stream, at, values: bytesPerSecond, max: peak * 1.05 }}
            value={now === null ? 'unknown' : `${bytes(now)}/s`}
            note={`peak ${bytes(peak)}/s`}
          />
        );
      })}
    </div>
  </section>
);

export const StreamLoad = (): JSX.Element | null => {
  const { data, error } = useQuery<StreamLoadAnswer>('/api/streams/load', ['verdict']);
  return (
    <>
      {error !== undefined && (
        <p class="notice">Lag could not be read: {error} It is asked for again in 8 s.</p>
      )}
      {data !== undefined && data.streams.length > 0 && (
        <>
          <LagCharts load={data} />
          <ThroughputCharts load={data} />
        </>
      )}
    </>
  );
};
