/** What a person sees first: the verdict, four figures, the last two days, open alerts, charts. */
import type { ComponentChildren, JSX } from 'preact';
import type { AlertsAnswer, OverviewAnswer, VerdictAnswer } from '../../src/monitor/api/schemas.ts';
import { AlertLine, inOrder } from '../alert-line.tsx';
import { useQuery } from '../api.ts';
import { bytes, clock, count, duration, share } from '../format.ts';
import { serverNow } from '../live.ts';
import { hrefOf } from '../route.ts';
import { decode } from '../states.ts';
import { Strip } from '../strip.tsx';
import { VerdictLine } from '../verdict.tsx';
import { StreamLoad } from './stream-load.tsx';

/** `17 min`, with the unit small. */
const WithUnit = ({ text, more = '' }: { readonly text: string; readonly more?: string }): JSX.Element => {
  const [value, unit = ''] = text.split(' ');
  return (
    <>
      {value}{' '}
      <small>
        {unit}
        {more}
      </small>
    </>
  );
};

const UNKNOWN = <small>unknown</small>;

const lagWords = ({ node, seconds, agents, agentsBelow }: OverviewAnswer['lag']): string => {
  if (agents === 0) return '';
  if (agentsBelow === agents)
    return `${agents === 1 ? 'The agent is' : `All ${agents} agents are`} below 2 s`;
  return `${seconds === null || node === null ? '' : `${node}. `}${agentsBelow} of ${agents} agents are below 2 s`;
};

const Figure = ({
  name,
  more,
  children,
}: {
  readonly name: string;
  readonly more: string | undefined;
  readonly children: ComponentChildren;
}): JSX.Element => (
  <div>
    <dt>{name}</dt>
    <dd>
      {children}
      <p class="more">{more}</p>
    </dd>
  </div>
);

const Figures = ({ overview }: { readonly overview: OverviewAnswer | undefined }): JSX.Element => {
  const { sealed, nodes, lag, linesPerSecond, bytesPerSecond } = overview ?? {};
  const restarted = nodes?.restarted;
  return (
    <dl class="figures">
      <Figure name="Sealed, last 24 h" more={sealed && `${count(sealed.hours)} of ${count(sealed.of)} hours`}>
        {sealed === undefined ? '…' : share(sealed.hours, sealed.of)}{' '}
        {sealed !== undefined && sealed.of > 0 && <small>%</small>}
      </Figure>
      <Figure
        name="Nodes alive"
        more={restarted ? `${restarted.name} restarted at ${clock(restarted.at)}` : ''}
      >
        {nodes?.alive ?? '…'} <small>of {nodes?.all ?? '…'}</small>
      </Figure>
      <Figure name="Worst lag" more={lag && lagWords(lag)}>
        {lag === undefined ? '…' : lag.seconds === null ? UNKNOWN : <WithUnit text={duration(lag.seconds)} />}
      </Figure>
      <Figure
        name="Throughput"
        more={typeof linesPerSecond === 'number' ? `${count(linesPerSecond)} lines/s` : ''}
      >
        {bytesPerSecond === undefined ? (
          '…'
        ) : bytesPerSecond === null ? (
          UNKNOWN
        ) : (
          <WithUnit text={bytes(bytesPerSecond)} more="/s" />
        )}
      </Figure>
    </dl>
  );
};

const Alerts = (): JSX.Element | null => {
  const { data, error } = useQuery<AlertsAnswer>('/api/alerts', ['alerts']);
  if (error !== undefined) return <p class="notice">Alerts could not be read: {error}</p>;
  if (data === undefined || data.open.length === 0) return null;
  return (
    <section>
      <h2>
        Open alerts <span class="muted">{data.open.length}</span>
      </h2>
      <ul class="alert-lines">
        {inOrder(data.open, serverNow.value).map((alert) => (
          <AlertLine key={alert.id} alert={alert} />
        ))}
      </ul>
    </section>
  );
};

const NoNode = (): JSX.Element => (
  <section>
    <h2>No node has registered.</h2>
    <p>Add this to a node's configuration, or expect a host with `logd expect add`:</p>
    <pre class="mono copy">{`http: {}\nreport: { to: "${location.origin}" }`}</pre>
  </section>
);

const stripWords = ({ streams }: OverviewAnswer): string => {
  const hosts = Math.max(0, ...streams.map((each) => each.hosts));
  return `${count(hosts)} ${hosts === 1 ? 'host' : 'hosts'}, last 48 h. Each cell shows the worst host of its hour.`;
};

export const OverviewView = ({ verdict }: { readonly verdict: VerdictAnswer | undefined }): JSX.Element => {
  const { data, error } = useQuery<OverviewAnswer>('/api/overview', ['verdict', 'nodes', 'hours']);
  return (
    <>
      <VerdictLine verdict={verdict} />
      <Figures overview={data} />
      {error !== undefined && <p class="notice">Figures could not be read: {error}</p>}
      {data?.nodes.all === 0 && <NoNode />}
      {data !== undefined && data.streams.length > 0 && (
        <section>
          <h2>
            Completeness <span class="muted">{stripWords(data)}</span>
          </h2>
          <Strip
            from={data.streams[0]?.from ?? 0}
            rows={data.streams.map(({ stream, worst, sealed, due }) => ({
              name: stream,
              letters: decode(worst),
              note: `${count(sealed)} of ${count(due)} sealed`,
              href: hrefOf('completeness', { stream }),
            }))}
          />
        </section>
      )}
      <Alerts />
      <StreamLoad />
    </>
  );
};
