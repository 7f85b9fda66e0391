/** What a person sees first: the verdict, four figures, the last two days, open alerts, charts. */
import type { JSX } from 'preact';
import type { AlertsAnswer, OverviewAnswer, VerdictAnswer } from '../../src/monitor/api/schemas.ts';
import { useQuery } from '../api.ts';
import { decode, StateCell } from '../cell.tsx';
import { Chart } from '../chart.tsx';
import { bytes, count, duration, share, when } from '../format.ts';
import { serverNow } from '../live.ts';
import { follow, hrefOf } from '../route.ts';
import { Strip } from '../strip.tsx';
import { VerdictLine } from '../verdict.tsx';

const Figures = ({ overview }: { readonly overview: OverviewAnswer | undefined }): JSX.Element => {
  const { sealed, nodes, lagSeconds, linesPerSecond = 0, bytesPerSecond = 0 } = overview ?? {};
  return (
    <dl class="figures">
      <div>
        <dt>Sealed, last 24 h</dt>
        <dd>
          {sealed === undefined ? '…' : share(sealed.hours, sealed.of)}{' '}
          {sealed !== undefined && sealed.of > 0 && <small>%</small>}
          <p class="more">{sealed !== undefined && `${count(sealed.hours)} of ${count(sealed.of)} hours`}</p>
        </dd>
      </div>
      <div>
        <dt>Nodes alive</dt>
        <dd>
          {nodes?.alive ?? '…'} <small>of {nodes?.all ?? '…'}</small>
        </dd>
      </div>
      <div>
        <dt>Worst lag</dt>
        <dd>
          {lagSeconds === null || lagSeconds === undefined ? <small>unknown</small> : duration(lagSeconds)}
        </dd>
      </div>
      <div>
        <dt>Throughput</dt>
        <dd>
          {bytes(bytesPerSecond)}
          <small>/s</small>
          <p class="more">{count(linesPerSecond)} lines/s</p>
        </dd>
      </div>
    </dl>
  );
};

const Alerts = (): JSX.Element | null => {
  const { data } = useQuery<AlertsAnswer>('/api/alerts', ['alerts']);
  if (data === undefined || data.open.length === 0) return null;
  return (
    <section>
      <h2>
        Open alerts <span class="muted">{data.open.length}</span>
      </h2>
      <table>
        <tbody>
          {data.open.map((alert) => (
            <tr key={alert.id}>
              <td>
                <StateCell letter={alert.key.startsWith('hours/') ? (alert.key[6] ?? 'L') : 'N'} />
              </td>
              <td>{alert.title}</td>
              <td class="right muted">since {when(alert.openedAt, serverNow.value)}</td>
              <td class="right">
                <a
                  href={hrefOf(
                    alert.key.startsWith('hours/') ? 'completeness' : 'nodes',
                    streamOf(alert.key),
                  )}
                  onClick={follow}
                >
                  {alert.key.startsWith('hours/') ? 'Open hours' : 'Open nodes'}
                </a>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
};

const streamOf = (key: string): { readonly stream?: string } => {
  const [kind, , stream] = key.split('/');
  return kind === 'hours' && stream !== undefined ? { stream } : {};
};

const NoNode = (): JSX.Element => (
  <section>
    <h2>No node has registered.</h2>
    <p>Add this to a node's configuration, or expect a host with `logd expect add`:</p>
    <pre class="mono copy">{`http: {}\nreport: { to: "${location.origin}" }`}</pre>
  </section>
);

export const OverviewView = ({ verdict }: { readonly verdict: VerdictAnswer | undefined }): JSX.Element => {
  const { data, error } = useQuery<OverviewAnswer>('/api/overview', ['verdict', 'nodes', 'hours']);
  const points = data?.points ?? [];
  const last = points.at(-1);
  return (
    <>
      <VerdictLine verdict={verdict} />
      <Figures overview={data} />
      {error !== undefined && <p class="notice">Figures could not be read: {error}</p>}
      {data?.nodes.all === 0 && <NoNode />}
      {data !== undefined && data.streams.length > 0 && (
        <section>
          <h2>
            Completeness <span class="muted">last 48 h; each cell shows the worst host of its hour</span>
          </h2>
          <Strip
            from={data.streams[0]?.from ?? 0}
            rows={data.streams.map(({ stream, hosts, worst }) => ({
              name: stream,
              letters: decode(worst),
              note: `${hosts} ${hosts === 1 ? 'host' : 'hosts'}`,
              href: hrefOf('completeness', { stream }),
            }))}
          />
        </section>
      )}
      <Alerts />
      {points.length > 0 && (
        <section>
          <h2>
            Lag and throughput <span class="muted">last 24 h, in steps of 10 min</span>
          </h2>
          <div class="charts">
            <Chart
              title="Worst lag"
              value={last?.lagSeconds === null || last === undefined ? 'unknown' : duration(last.lagSeconds)}
              at={points.map(({ at }) => at)}
              values={points.map(({ lagSeconds }) => lagSeconds)}
              format={duration}
            />
            <Chart
              title="Throughput"
              value={`${bytes(last?.bytesPerSecond ?? 0)}/s`}
              note={`peak ${bytes(Math.max(0, ...points.map(({ bytesPerSecond }) => bytesPerSecond)))}/s`}
              at={points.map(({ at }) => at)}
              values={points.map(({ bytesPerSecond }) => bytesPerSecond)}
              format={(value) => bytes(value)}
            />
          </div>
        </section>
      )}
    </>
  );
};
