/** One hour of one host and stream, beside the matrix: what is missing, and what can be done about it. Not modal. */
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import type { HourAnswer } from '../src/monitor/api/schemas.ts';
import { useQuery } from './api.ts';
import { nameOf, StateCell } from './cell.tsx';
import { CopyButton } from './copy.tsx';
import { Comparison, Outputs, PackStrip, SealPart, SourcePart, Timeline } from './drawer-parts.tsx';
import { clock, count, labelOf, timeOf } from './format.ts';
import { focusedCell } from './matrix.tsx';
import { pathOf, Repull } from './repull.tsx';
import { change } from './route.ts';
import './drawer.css';

const HOUR_MS = 3_600_000;

interface OpenHour {
  readonly stream: string;
  readonly host: string;
  readonly hour: string;
}

/** The headline: the state, and what is missing of it. */
const headline = ({ state, segment, gaps }: HourAnswer): string => {
  const name = `${nameOf(state)[0]?.toUpperCase()}${nameOf(state).slice(1)}`;
  const missing = gaps.reduce((sum, { from, to }) => sum + to - from + 1, 0);
  if (missing > 0)
    return missing === 1
      ? `${name}. Pack ${gaps[0]?.from} is missing.`
      : `${name}. ${count(missing)} packs are missing.`;
  if (segment === null) return `${name}.`;
  if (segment.reason !== undefined) return `${name}. ${segment.reason}`;
  if (segment.state === 'sealed') return `${name}. Nothing is missing.`;
  return segment.expectedPacks === null ? `${name}. Its end has not come yet.` : `${name}.`;
};

/** `Tuesday 24 November`. */
const dayInWords = (at: number): string =>
  new Date(at).toLocaleDateString('en-GB', {
    timeZone: 'UTC',
    weekday: 'long',
    day: 'numeric',
    month: 'long',
  });

const nothingThere = ({ state, host, unknownSince }: HourAnswer): string => {
  if (unknownSince !== null)
    return `What ${host} sent since ${clock(unknownSince)} is unknown: its sink does not answer.`;
  if (state === 'N') return `${host} is expected here, and no pack of this hour has come.`;
  return state === '.' ? `${host} was not expected at this hour.` : 'No sink has anything of this hour.';
};

/** The seal and its counts, to be kept with a report. */
const proofOf = ({ host, stream, label, sink, seal }: HourAnswer): string =>
  JSON.stringify({ host, stream, hour: label, sink, ...seal }, undefined, 2);

const Actions = ({ hour }: { readonly hour: HourAnswer }): JSX.Element => (
  <Repull hour={hour}>
    {hour.seal !== null && <CopyButton text={proofOf(hour)} label="Copy proof" primary />}
    <CopyButton text={location.href} label="Copy link" />
    {hour.seal !== null && hour.offer === null && (
      <span class="muted small">The seal, its counts and its SHA-256 as JSON.</span>
    )}
  </Repull>
);

const Found = ({ hour }: { readonly hour: HourAnswer }): JSX.Element => {
  const { segment } = hour;
  if (segment === null) return <p>{hour.error ?? nothingThere(hour)}</p>;
  return (
    <>
      <Actions hour={hour} />
      {[Comparison, PackStrip, Timeline, Outputs, SealPart, SourcePart].map((Part, n) => (
        <Part key={n} hour={hour} segment={segment} />
      ))}
    </>
  );
};

/** Closes; the focus goes back to the cell that was open. */
const close = (): void => {
  const cell = document.querySelector<HTMLElement>(
    '[role=gridcell].open, [role=grid] [role=gridcell][tabindex="0"]',
  );
  change({ hour: undefined });
  cell?.focus();
};

const Head = ({
  open,
  data,
}: {
  readonly open: OpenHour;
  readonly data: HourAnswer | undefined;
}): JSX.Element => {
  const start = data?.begins ?? timeOf(open.hour);
  const end = data?.ends ?? start + HOUR_MS;
  const go = (at: number): void => change({ hour: `${open.host}/${labelOf(at)}` });
  return (
    <>
      <div class="bar-of-hours">
        <button class="link" type="button" onClick={() => go(2 * start - end)}>
          {clock(2 * start - end)} before
        </button>
        <button class="link" type="button" onClick={() => go(end)}>
          {clock(end)} after
        </button>
        <button class="link close" type="button" onClick={close}>
          Close <kbd>Esc</kbd>
        </button>
      </div>
      <header>
        <StateCell letter={data?.state ?? ' '} />
        <h2>{data === undefined ? 'Reading …' : headline(data)}</h2>
        <p>
          {open.host}, {open.stream}, {dayInWords(start)}, {clock(start)} to {clock(end)} UTC
        </p>
      </header>
    </>
  );
};

export const Drawer = (open: OpenHour): JSX.Element => {
  const { host, hour } = open;
  const { data: answer, error } = useQuery<HourAnswer>(pathOf(open), ['hours']);
  // The answer of the hour before stays until the next has come: it must not be shown as this one.
  const data =
    answer?.host === host && answer.hour === hour && answer.stream === open.stream ? answer : undefined;
  // However it was opened, the keys of the matrix go on from here.
  useEffect(() => {
    focusedCell.value = { host, label: hour };
  }, [host, hour]);
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const isTyping = event.target instanceof HTMLInputElement;
      if (event.key === 'Escape' && !event.defaultPrevented && !isTyping) close();
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, []);
  return (
    <aside class="drawer" tabIndex={-1} aria-label={`Hour ${clock(timeOf(hour))} of ${host}`}>
      <Head open={open} data={data} />
      {error !== undefined && <p class="notice">{error}</p>}
      {data !== undefined && <Found key={`${host}/${hour}`} hour={data} />}
    </aside>
  );
};
