/** One hour: what was read and stored, packs, when they came, outputs, the seal and how to check it. */
import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { HourAnswer } from '../src/monitor/api/schemas.ts';
import { useQuery } from './api.ts';
import { nameOf, StateCell } from './cell.tsx';
import {
  bytes,
  clock,
  clockSeconds,
  count,
  dayName,
  difference,
  duration,
  labelOf,
  timeOf,
} from './format.ts';
import { change } from './route.ts';

const HOUR_MS = 3_600_000;
const MOST_MARKS = 60;

const Copy = ({ text }: { readonly text: string }): JSX.Element => {
  const [done, setDone] = useState(false);
  const copy = (): void => {
    navigator.clipboard.writeText(text).then(
      () => {
        setDone(true);
        setTimeout(() => setDone(false), 2_000);
      },
      () => undefined,
    );
  };
  return (
    <div class="copy">
      <code tabIndex={0}>{text}</code>
      <button class="button" type="button" onClick={copy}>
        {done ? 'Copied' : 'Copy'}
      </button>
    </div>
  );
};

const Part = ({
  title,
  note,
  children,
}: {
  readonly title: string;
  readonly note?: string;
  readonly children: ComponentChildren;
}) => (
  <section>
    <h2>
      {title} {note !== undefined && <span class="muted">{note}</span>}
    </h2>
    {children}
  </section>
);

/** The headline: the state, and what is missing of it. */
const headline = ({ state, segment, gaps }: HourAnswer): string => {
  const name = `${nameOf(state)[0]?.toUpperCase()}${nameOf(state).slice(1)}`;
  const missing = gaps.reduce((sum, { from, to }) => sum + to - from + 1, 0);
  if (missing > 0 && segment !== null) {
    const [first] = gaps;
    return missing === 1
      ? `${name}. Pack ${first?.from} is missing.`
      : `${name}. ${count(missing)} packs are missing.`;
  }
  if (segment?.reason !== undefined) return `${name}. ${segment.reason}`;
  if (segment !== null && segment.expectedPacks === null) return `${name}. Its end has not come yet.`;
  return `${name}.`;
};

const Difference = ({ value }: { readonly value: number }): JSX.Element => (
  <td class={`right ${value === 0 ? 'muted' : 'strong'}`}>{difference(value)}</td>
);

const Comparison = ({ hour }: { readonly hour: HourAnswer }): JSX.Element | null => {
  const { segment, seal } = hour;
  if (segment === null) return null;
  const rows = [
    ['Packs', segment.expectedPacks, segment.packs],
    ['Lines', segment.expectedLines, segment.lines],
    ['Bytes', segment.expectedBytes, segment.bytes],
  ] as const;
  return (
    <table>
      <thead>
        <tr>
          <th />
          <th class="right">{hour.host} read</th>
          <th class="right">{hour.sink} has</th>
          <th class="right">Difference</th>
        </tr>
      </thead>
      <tbody>
        {rows.map(([name, read, has]) => (
          <tr key={name}>
            <td>{name}</td>
            <td class="right">{read === null ? 'unknown' : count(read)}</td>
            <td class="right">{count(has)}</td>
            {read === null ? <td class="right muted">unknown</td> : <Difference value={has - read} />}
          </tr>
        ))}
        <tr>
          <td>SHA-256</td>
          <td class="right mono">
            {seal === null ? '' : `${seal.sha256.slice(0, 8)}…${seal.sha256.slice(-8)}`}
          </td>
          <td class="right muted">{seal === null ? 'none yet' : 'the same'}</td>
          <td />
        </tr>
      </tbody>
    </table>
  );
};

const PackStrip = ({ hour }: { readonly hour: HourAnswer }): JSX.Element | null => {
  const { packs, gaps, segment } = hour;
  if (segment === null) return null;
  const total = Math.max(segment.expectedPacks ?? 0, packs.at(-1)?.id ?? 0);
  const per = Math.max(1, Math.ceil(total / MOST_MARKS));
  const isMissing = (from: number, to: number): boolean =>
    gaps.some((gap) => gap.from <= to && gap.to >= from);
  const marks = Array.from(
    { length: Math.ceil(total / per) },
    (_, n) => [n * per + 1, Math.min(total, (n + 1) * per)] as const,
  );
  const latencies = packs
    .filter(({ bytes: size }) => size > 0)
    .map(({ arrivedAt, time }) => Math.max(0, arrivedAt - time) / 1000);
  const sorted = latencies.toSorted((a, b) => a - b);
  const note =
    sorted.length === 0
      ? `${count(total)}`
      : `${count(total)}, latency ${duration(sorted[sorted.length >> 1] ?? 0)} in the middle, ${duration(sorted.at(-1) ?? 0)} at most`;
  return (
    <Part title="Packs" note={note}>
      <div class="packs" role="img" aria-label={`${total} packs, ${gaps.length} gaps`}>
        {marks.map(([from, to]) => (
          <i
            key={from}
            class={isMissing(from, to) ? 'gap' : ''}
            title={from === to ? `Pack ${from}` : `Packs ${from} to ${to}`}
          />
        ))}
      </div>
      {gaps.map(({ from, to, reason, bytes: lost }) => (
        <p key={from} class="small">
          <b class="strong">{from === to ? `Pack ${from}` : `Packs ${from} to ${to}`}:</b>{' '}
          {reason === 'missing' ? 'has not come.' : `its bytes are gone for good: ${reason}.`}
          {lost !== undefined && ` ${bytes(lost)}.`}
        </p>
      ))}
    </Part>
  );
};

const Timeline = ({ hour }: { readonly hour: HourAnswer }): JSX.Element | null => {
  const { segment, packs, seal } = hour;
  if (segment === null || packs.length === 0) return null;
  const start = Math.min(timeOf(hour.hour), segment.firstArrival);
  const end = Math.max(timeOf(hour.hour) + HOUR_MS, segment.lastArrival, seal?.sealedAt ?? 0);
  const at = (time: number): string => `${(100 * (time - start)) / Math.max(1, end - start)}%`;
  const steps = [
    [segment.firstArrival, 'The first pack came.'],
    [segment.lastArrival, 'The last pack came.'],
    ...(seal === null
      ? []
      : [[seal.sealedAt, `Sealed${seal.generation > 1 ? `, generation ${seal.generation}` : ''}.`] as const]),
  ] as const;
  return (
    <Part title="Timeline" note="each mark is a pack arriving">
      <div class="timeline">
        {packs.map(({ id, arrivedAt }) => (
          <i key={id} style={{ left: at(arrivedAt) }} />
        ))}
        <span class="start" style={{ left: '0%' }}>
          {clock(start)}
        </span>
        <span class="end" style={{ left: '100%' }}>
          {clock(end)}
        </span>
      </div>
      {steps.map(([time, words]) => (
        <p key={words} class="small">
          <span class="muted">{clockSeconds(time)}</span> {words}
        </p>
      ))}
    </Part>
  );
};

const Outputs = ({ hour }: { readonly hour: HourAnswer }): JSX.Element | null =>
  hour.outputs.length === 0 ? null : (
    <Part title="Outputs" note="in = delivered + dropped + rejected">
      <table>
        <thead>
          <tr>
            <th />
            <th class="right">Delivered</th>
            <th class="right">Dropped</th>
            <th class="right">Rejected</th>
            <th />
          </tr>
        </thead>
        <tbody>
          {hour.outputs.map(({ output, delivered, dropped, rejected, done, error }) => (
            <tr key={output}>
              <td>{output}</td>
              <td class="right">{count(delivered)}</td>
              <td class={`right ${dropped === 0 ? 'muted' : ''}`}>{count(dropped)}</td>
              <td class={`right ${rejected === 0 ? 'muted' : 'strong'}`}>{count(rejected)}</td>
              <td class="muted">{error ?? (done ? 'Has everything' : 'Not all yet')}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Part>
  );

const SealPart = ({ hour }: { readonly hour: HourAnswer }): JSX.Element => (
  <Part title="Seal">
    {hour.seal === null ? (
      <p>
        Not sealed. When every pack is here, the sink compares the hour with the SHA-256 that {hour.host}{' '}
        computed while reading, and seals it.
      </p>
    ) : (
      <>
        <p>
          Sealed {dayName(hour.seal.sealedAt)} {clockSeconds(hour.seal.sealedAt)}: {count(hour.seal.lines)}{' '}
          lines, {bytes(hour.seal.bytes)}.
        </p>
        <Copy text={hour.seal.sha256} />
        <p class="small">
          To check it yourself, compare the source with the store; or run sha256sum on the file on {hour.host}
          : it must print the same value.
        </p>
        <Copy
          text={`logd audit -c sink.yaml --host ${hour.host} --stream ${hour.stream} --hour ${hour.hour}`}
        />
      </>
    )}
  </Part>
);

const neighbour = (hour: string, step: number): string => labelOf(timeOf(hour) + step * HOUR_MS);

export const Drawer = ({
  stream,
  host,
  hour,
}: {
  readonly stream: string;
  readonly host: string;
  readonly hour: string;
}): JSX.Element => {
  const { data, error } = useQuery<HourAnswer>(
    `/api/hours/${encodeURIComponent(stream)}/${encodeURIComponent(host)}/${hour}`,
    ['hours'],
  );
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.key === 'Escape') change({ hour: undefined });
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, []);
  const open = (step: number): void => change({ hour: `${host}/${neighbour(hour, step)}` });
  const start = timeOf(hour);
  return (
    <aside class="drawer" aria-label={`Hour ${clock(start)} of ${host}`}>
      <button class="link close" type="button" onClick={() => change({ hour: undefined })}>
        Close <kbd>Esc</kbd>
      </button>
      <div class="actions">
        <button class="link" type="button" onClick={() => open(-1)}>
          {clock(start - HOUR_MS)} before
        </button>
        <button class="link" type="button" onClick={() => open(1)}>
          {clock(start + HOUR_MS)} after
        </button>
      </div>
      <header>
        <StateCell letter={data?.state ?? ' '} />
        <h2>{data === undefined ? 'Reading …' : headline(data)}</h2>
        <p>
          {host}, {stream}, {dayName(start)}, {clock(start)} to {clock(start + HOUR_MS)} UTC
        </p>
      </header>
      {(error ?? data?.error) !== undefined && <p class="notice">{error ?? data?.error}</p>}
      {data !== undefined && data.segment === null && data.error === undefined && (
        <p>
          {data.state === 'N'
            ? `${host} is expected here, and no pack of this hour has come.`
            : `No sink has anything of this hour.`}
        </p>
      )}
      {data !== undefined && data.segment !== null && (
        <>
          <Comparison hour={data} />
          <PackStrip hour={data} />
          <Timeline hour={data} />
          <Outputs hour={data} />
          <SealPart hour={data} />
        </>
      )}
    </aside>
  );
};
