/** Every node: its last beats, how far behind it is, how full its buffers are. */
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { NodeEntry, NodesAnswer } from '../../src/monitor/api/schemas.ts';
import { useQuery } from '../api.ts';
import { StateCell } from '../cell.tsx';
import { bytes, duration, when } from '../format.ts';
import { serverNow } from '../live.ts';
import { address, change } from '../route.ts';

const WARM = 0.6;
const HOT = 0.85;
const SHOWN = 60;

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

const isFull = (node: NodeEntry): boolean =>
  node.bars.some(({ value, limit }) => limit > 0 && value / limit >= WARM);
const needsAttention = (node: NodeEntry): boolean =>
  node.down ||
  node.missed > 0 ||
  node.state !== 'running' ||
  isFull(node) ||
  Math.abs(node.clockSkewMs) > 5_000;

const Row = ({ node }: { readonly node: NodeEntry }): JSX.Element => {
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
      <td class="muted">{node.version ?? 'unknown'}</td>
      <td class="right muted">{since === null ? '–' : duration(since)}</td>
      <td class="right">{node.lagSeconds === null ? '–' : duration(node.lagSeconds)}</td>
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
}: {
  readonly title: string;
  readonly nodes: readonly NodeEntry[];
}): JSX.Element | null => {
  const [all, setAll] = useState(false);
  if (nodes.length === 0) return null;
  const shown = all ? nodes : nodes.slice(0, SHOWN);
  return (
    <tbody>
      <tr class="group">
        <td colSpan={10}>
          {title} <span class="muted small">{nodes.length}</span>
        </td>
      </tr>
      {shown.map((node) => (
        <Row key={`${node.name} ${node.address}`} node={node} />
      ))}
      {shown.length < nodes.length && (
        <tr>
          <td colSpan={10}>
            <button class="link" type="button" onClick={() => setAll(true)}>
              Show {nodes.length - shown.length} more
            </button>
          </td>
        </tr>
      )}
    </tbody>
  );
};

const headline = (nodes: readonly NodeEntry[]): string => {
  const down = nodes.filter(({ down }) => down);
  if (nodes.length === 0) return 'No node has registered.';
  if (down.length === 1) return `${down[0]?.name} does not answer.`;
  if (down.length > 1) return `${down.length} of ${nodes.length} nodes do not answer.`;
  return nodes.length === 1 ? 'The node is alive.' : `All ${nodes.length} nodes are alive.`;
};

const matches =
  (filter: string) =>
  (node: NodeEntry): boolean =>
    filter
      .trim()
      .split(/\s+/)
      .every((part) => {
        const role = /^role:(.+)$/.exec(part)?.[1];
        return role === undefined ? node.name.includes(part) : node.role.includes(role);
      });

export const NodesView = (): JSX.Element => {
  const { data, error } = useQuery<NodesAnswer>('/api/nodes', ['nodes']);
  const filter = address.value.params['filter'] ?? '';
  const all = data?.nodes ?? [];
  const nodes = all.filter(matches(filter));
  const trouble = nodes.filter(needsAttention);
  const rest = nodes.filter((node) => !needsAttention(node));
  return (
    <>
      <header class="verdict view" aria-live="polite">
        <StateCell letter={all.some(({ down }) => down) ? 'N' : all.length === 0 ? '.' : 'S'} />
        <h1>{data === undefined ? 'Reading …' : headline(all)}</h1>
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
      </div>
      <div class="scroll-table" tabIndex={0} role="region" aria-label="Nodes">
        <table>
          <thead>
            <tr>
              <th>Node</th>
              <th>Role</th>
              <th>Last 40 beats</th>
              <th>Version</th>
              <th class="right">Up</th>
              <th class="right">Lag</th>
              <th class="right">Throughput</th>
              <th>Window</th>
              <th>Spool</th>
              <th class="right">Clock</th>
            </tr>
          </thead>
          <Group title="Needs attention" nodes={trouble} />
          <Group title="Monitor, sinks and relays" nodes={rest.filter(({ role }) => role !== 'agent')} />
          <Group title="Agents" nodes={rest.filter(({ role }) => role === 'agent')} />
        </table>
      </div>
      <p class="rule">
        <span>
          A full bar answered, half a bar after more than 1 s, a dot did not answer. Marks on a fill bar: 60 %
          and 85 %.
        </span>
      </p>
    </>
  );
};
