/** Every node: its last beats, how far behind it is, how full its buffers are. */
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { NodeEntry, NodesAnswer } from '../../src/monitor/api/schemas.ts';
import { useQuery } from '../api.ts';
import { StateCell } from '../cell.tsx';
import { parseFilter } from '../host-filter.ts';
import { bytes, duration, when } from '../format.ts';
import { serverNow } from '../live.ts';
import { address, change } from '../route.ts';

const WARM = 0.6;
const HOT = 0.85;
/** Of a group that is well so many are shown at first. */
const SHOWN = 12;
/** Seconds. */
const LONG_LAG = 60;

const Beats = ({ beats }: { readonly beats: string }): JSX.Element => {
  const missed = beats.split('').filter((beat) => beat === 'n').length;
  return (
    <span class="beats" role="img" aria-label={`${beats.length} heartbeats, ${missed} missed`}>
      {beats.split('').map((beat, n) => (
        <i key={n} class={beat} />
      ))}
    </span>
  );
};

const Fill = ({
  value,
  limit,
  name,
}: {
  readonly value: number;
  readonly limit: number;
  readonly name: string;
}): JSX.Element => {
  const part = limit === 0 ? 0 : Math.min(1, value / limit);
  return (
    <span
      class={`fill${part >= HOT ? ' hot' : part >= WARM ? ' warm' : ''}`}
      title={name.replaceAll('_', ' ')}
    >
      <span class="track">
        <i style={{ width: `${part * 100}%` }} />
      </span>
      <span class={part >= WARM ? 'strong' : 'muted'}>{Math.floor(part * 100)} %</span>
    </span>
  );
};

/** The fullest of those whose name says that they are of this kind. */
const fullest = ({ bars }: NodeEntry, wanted: RegExp): NodeEntry['bars'][number] | undefined =>
  bars.filter(({ name }) => wanted.test(name)).toSorted((a, b) => b.value / b.limit - a.value / a.limit)[0];

/** How far its clock is ahead, as a person reads it. */
const skew = (ms: number): string => {
  if (ms === 0) return 'in time';
  const size = Math.abs(ms);
  return `${ms > 0 ? '+' : '\u2212'}${size < 1_000 ? `${Math.round(size)} ms` : duration(size / 1000)}`;
};

const fill = ({ bars }: NodeEntry): NodeEntry['bars'][number] | undefined =>
  bars
    .filter(({ value, limit }) => limit > 0 && value / limit >= WARM)
    .toSorted((a, b) => b.value / b.limit - a.value / a.limit)[0];
const hasLongLag = ({ lagSeconds }: NodeEntry): boolean => lagSeconds !== null && lagSeconds >= LONG_LAG;
const needsAttention = (node: NodeEntry): boolean =>
  node.down ||
  node.missed > 0 ||
  node.state !== 'running' ||
  fill(node) !== undefined ||
  hasLongLag(node) ||
  Math.abs(node.clockSkewMs) > 5_000;

const Row = ({
  node,
  version,
}: {
  readonly node: NodeEntry;
  readonly version: string | null;
}): JSX.Element => {
  const buffer = fullest(node, /in_flight|window|memory/);
  const spool = fullest(node, /spool/);
  const since = node.startedAt === null ? null : (serverNow.value - node.startedAt) / 1000;
  return (
    <tr>
      <td class={needsAttention(node) ? 'strong' : ''} title={node.address}>
        {node.name}
        {node.down && node.reason !== null && (
          <div class="small muted">
            No answer since {when(node.silentSince, serverNow.value)}: {node.reason}
          </div>
        )}
        {!node.down && node.state !== 'running' && (
          <div class="small muted">{node.errors[0]?.text ?? node.state}</div>
        )}
      </td>
      <td class="muted">{node.role}</td>
      <td>
        <Beats beats={node.beats} />
      </td>
      <td class={node.version === version ? 'muted' : ''}>{node.version ?? 'unknown'}</td>
      <td class="right muted">{since === null ? '–' : duration(since)}</td>
      <td class={`right${hasLongLag(node) ? ' strong' : ''}`}>
        {node.lagSeconds === null ? '–' : duration(node.lagSeconds)}
      </td>
      <td class="right">{node.down ? '–' : `${bytes(node.bytesPerSecond)}/s`}</td>
      <td>{buffer === undefined ? <span class="muted">–</span> : <Fill {...buffer} />}</td>
      <td>{spool === undefined ? <span class="muted">–</span> : <Fill {...spool} />}</td>
      <td class="right muted">{skew(node.clockSkewMs)}</td>
    </tr>
  );
};

const Group = ({
  title,
  nodes,
  of,
  what,
  version,
}: {
  readonly title: string;
  readonly nodes: readonly NodeEntry[];
  /** How many there are of them in all, where those that are not here need attention. */
  readonly of?: number;
  readonly what?: string;
  readonly version: string | null;
}): JSX.Element | null => {
  const [isWhole, setWhole] = useState(false);
  if (nodes.length === 0) return null;
  const shown = of === undefined || isWhole ? nodes : nodes.slice(0, SHOWN);
  const more = nodes.length - shown.length;
  return (
    <tbody>
      <tr class="group">
        <td colSpan={10}>
          {title}{' '}
          <span class="muted small">
            {of === undefined ? nodes.length : `${nodes.length} of ${of}, all well`}
          </span>
        </td>
      </tr>
      {shown.map((node) => (
        <Row key={`${node.name} ${node.address}`} node={node} version={version} />
      ))}
      {more > 0 && (
        <tr>
          <td colSpan={10}>
            <button class="link" type="button" onClick={() => setWhole(true)}>
              Show {more} more {what}, all well
            </button>
          </td>
        </tr>
      )}
    </tbody>
  );
};

/** The version that most have. */
const usualVersion = (nodes: readonly NodeEntry[]): string | null =>
  [...Map.groupBy(nodes, ({ version }) => version)].toSorted((a, b) => b[1].length - a[1].length)[0]?.[0] ??
  null;

const headline = (nodes: readonly NodeEntry[]): string => {
  const down = nodes.filter((node) => node.down);
  if (nodes.length === 0) return 'No node has registered.';
  if (down.length === 1) return `${down[0]?.name} does not answer.`;
  if (down.length > 1) return `${down.length} of ${nodes.length} nodes do not answer.`;
  const full = nodes.filter((node) => fill(node) !== undefined);
  const filling =
    full.length === 0
      ? ''
      : ` ${full.length === 1 ? `${full[0]?.name} is` : `${full.length} are`} filling up.`;
  return `${nodes.length === 1 ? 'The node is alive.' : `All ${nodes.length} nodes are alive.`}${filling}`;
};

/** What is behind the headline: of at most three nodes. */
const sentences = (nodes: readonly NodeEntry[]): string =>
  nodes
    .flatMap((node) => {
      const bar = fill(node);
      if (node.down) return [`${node.name}: ${node.reason ?? 'no answer'}.`];
      if (bar === undefined)
        return hasLongLag(node) ? [`${node.name} lags ${duration(node.lagSeconds ?? 0)}.`] : [];
      const name = bar.name.replace(/_bytes$/, '').replaceAll('_', ' ');
      return [`The ${name} of ${node.name} is ${Math.floor((bar.value / bar.limit) * 100)} % full.`];
    })
    .slice(0, 3)
    .join(' ');

const letterOf = (nodes: readonly NodeEntry[]): string =>
  nodes.length === 0 ? '.' : nodes.some(({ down }) => down) ? 'N' : nodes.some(fill) ? 'L' : 'S';

const matcher = (filter: string): ((node: NodeEntry) => boolean) => {
  const { states, roles, isNamed } = parseFilter(filter);
  return ({ name, role, state }) =>
    isNamed(name) &&
    (roles.length === 0 || roles.some((wanted) => role.includes(wanted))) &&
    (states.length === 0 || states.some((wanted) => state.startsWith(wanted)));
};

const byName = new Intl.Collator('en', { numeric: true });

const Groups = ({
  nodes,
  all,
  isByName,
}: {
  readonly nodes: readonly NodeEntry[];
  readonly all: readonly NodeEntry[];
  readonly isByName: boolean;
}): JSX.Element => {
  const version = usualVersion(all);
  if (isByName) return <Group title="All nodes" nodes={nodes} version={version} />;
  const rest = nodes.filter((node) => !needsAttention(node));
  const agents = (of: readonly NodeEntry[]): NodeEntry[] => of.filter(({ role }) => role === 'agent');
  const others = (of: readonly NodeEntry[]): NodeEntry[] => of.filter(({ role }) => role !== 'agent');
  return (
    <>
      <Group title="Needs attention" nodes={nodes.filter(needsAttention)} version={version} />
      <Group
        {...{ title: 'Monitor, sinks and relays', what: 'nodes', version }}
        nodes={others(rest)}
        of={others(nodes).length}
      />
      <Group
        {...{ title: 'Agents', what: 'agents', version }}
        nodes={agents(rest)}
        of={agents(nodes).length}
      />
    </>
  );
};

const Table = ({
  data,
  nodes,
  isByName,
}: {
  readonly data: NodesAnswer;
  readonly nodes: readonly NodeEntry[];
  readonly isByName: boolean;
}): JSX.Element => (
  <div class="scroll-table" tabIndex={0} role="region" aria-label="Nodes">
    <table class="nodes">
      <thead>
        <tr>
          <th>Node</th>
          <th>Role</th>
          <th>Last 40 beats, {duration((40 * data.checkIntervalMs) / 1000)}</th>
          <th>Version</th>
          <th class="right">Up</th>
          <th class="right">Lag</th>
          <th class="right">Throughput</th>
          <th>Window</th>
          <th>Spool</th>
          <th class="right">Clock</th>
        </tr>
      </thead>
      <Groups nodes={nodes} all={data.nodes} isByName={isByName} />
    </table>
  </div>
);

const Marks = (): JSX.Element => (
  <p class="marks small muted">
    {(
      [
        ['a', 'answered'],
        ['s', 'answered after more than 1 s'],
        ['n', 'no answer'],
      ] as const
    ).map(([beat, words]) => (
      <span key={beat}>
        <span class="beats one">
          <i class={beat} />
        </span>{' '}
        {words}
      </span>
    ))}
    <span>Marks on a bar: 60 % and 85 %.</span>
  </p>
);

export const NodesView = (): JSX.Element => {
  const { data, error } = useQuery<NodesAnswer>('/api/nodes', ['nodes']);
  const { filter = '', order } = address.value.params;
  const all = (data?.nodes ?? []).toSorted((a, b) => byName.compare(a.name, b.name));
  const nodes = all.filter(matcher(filter));
  const isByName = order === 'name';
  return (
    <>
      <header class="verdict view" aria-live="polite">
        <StateCell letter={letterOf(all)} />
        <h1>{data === undefined ? 'Reading …' : headline(all)}</h1>
        <p>{sentences(all)}</p>
      </header>
      {error !== undefined && <p class="notice">Nodes could not be read: {error}</p>}
      <div class="controls">
        <input
          class="field"
          type="search"
          aria-label="Filter nodes"
          placeholder="Filter nodes, or role:sink"
          value={filter}
          onInput={(event) => change({ filter: event.currentTarget.value }, true)}
        />
        <div class="segments" role="group" aria-label="Order">
          <button type="button" aria-pressed={!isByName} onClick={() => change({ order: undefined }, true)}>
            Problems first
          </button>
          <button type="button" aria-pressed={isByName} onClick={() => change({ order: 'name' }, true)}>
            By name
          </button>
        </div>
        <span class="muted small" role="status">
          {filter !== '' && `${nodes.length} of ${all.length} nodes shown`}
        </span>
      </div>
      {data !== undefined && <Table {...{ data, nodes, isByName }} />}
      <Marks />
    </>
  );
};
