/** The matrix of a stream: hosts × hours, days or months; a cell opens its hour. */
import type { JSX } from 'preact';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import type { StatesAnswer, StructureAnswer, VerdictAnswer } from '../../src/monitor/api/schemas.ts';
import { useQuery } from '../api.ts';
import { decode, StateCell, STATES } from '../cell.tsx';
import { Drawer } from '../drawer.tsx';
import { count, dayName, labelOf, timeOf, when } from '../format.ts';
import { serverNow } from '../live.ts';
import { Matrix, type MatrixRow } from '../matrix.tsx';
import { address, change } from '../route.ts';
import { VerdictLine } from '../verdict.tsx';

const ZOOMS = ['hours', 'days', 'months'] as const;
type Zoom = (typeof ZOOMS)[number];
const HOUR_MS = 3_600_000;
/** How far one step to earlier or later goes, in hours. */
const STEP: Readonly<Record<Zoom, number>> = { hours: 24, days: 31 * 24, months: 366 * 24 };

/** `web*`, `state:late`; names match in part. */
const matcher = (filter: string): ((row: MatrixRow) => boolean) => {
  const parts = filter
    .trim()
    .split(/\s+/)
    .filter((part) => part !== '');
  const tests = parts.map((part): ((row: MatrixRow) => boolean) => {
    const state = /^state:(.+)$/.exec(part)?.[1];
    if (state !== undefined) {
      const letter = STATES.find(([, name]) => name.startsWith(state))?.[0];
      return ({ letters }) => letter !== undefined && letters.includes(letter);
    }
    const pattern = new RegExp(
      part
        .split('*')
        .map((each) => each.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
        .join('.*'),
      'i',
    );
    return ({ host }) => pattern.test(host);
  });
  return (row) => tests.every((test) => test(row));
};

const Streams = ({
  structure,
  stream,
}: {
  readonly structure: StructureAnswer;
  readonly stream: string;
}): JSX.Element | null =>
  structure.streams.length < 2 ? null : (
    <div class="tabs" role="tablist" aria-label="Streams">
      {structure.streams.map((each) => (
        <button
          key={each}
          type="button"
          role="tab"
          aria-selected={each === stream}
          onClick={() => change({ stream: each, hour: undefined })}
        >
          {each}
        </button>
      ))}
    </div>
  );

const Controls = ({
  zoom,
  columns,
}: {
  readonly zoom: Zoom;
  readonly columns: readonly string[];
}): JSX.Element => {
  const input = useRef<HTMLInputElement>(null);
  const { params } = address.value;
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const { target } = event;
      if (event.ctrlKey || event.metaKey || event.altKey || target instanceof HTMLInputElement) return;
      const index = ['1', '2', '3'].indexOf(event.key);
      if (event.key === '/') {
        event.preventDefault();
        input.current?.focus();
      } else if (index >= 0) change({ zoom: ZOOMS[index], from: undefined, to: undefined, hour: undefined });
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, []);
  const [first = '', last = ''] = [columns[0], columns.at(-1)];
  const move = (hours: number): void => {
    const to = Math.min(timeOf(last) + hours * HOUR_MS, serverNow.value);
    const length = timeOf(last) - timeOf(first);
    const isNow = to >= serverNow.value - HOUR_MS;
    change({ to: isNow ? undefined : labelOf(to), from: isNow ? undefined : labelOf(to - length) });
  };
  return (
    <div class="controls">
      <input
        ref={input}
        class="field"
        type="search"
        aria-label="Filter hosts"
        placeholder="Filter hosts, or state:late"
        value={params['filter'] ?? ''}
        onInput={(event) => change({ filter: event.currentTarget.value }, true)}
      />
      <div class="segments" role="group" aria-label="Zoom">
        {ZOOMS.map((each) => (
          <button
            key={each}
            type="button"
            aria-pressed={zoom === each}
            onClick={() => change({ zoom: each, from: undefined, to: undefined, hour: undefined })}
          >
            {each[0]?.toUpperCase()}
            {each.slice(1)}
          </button>
        ))}
      </div>
      <div class="push">
        <span class="muted small hide-small">
          {first !== '' &&
            `${dayName(timeOf(first))} to ${params['to'] === undefined ? 'now' : when(timeOf(last), serverNow.value)}`}
        </span>
        <button class="button" type="button" onClick={() => move(-STEP[zoom])}>
          Earlier
        </button>
        <button
          class="button"
          type="button"
          disabled={params['to'] === undefined}
          onClick={() => move(STEP[zoom])}
        >
          Later
        </button>
      </div>
    </div>
  );
};

const Legend = ({
  counts,
  zoom,
}: {
  readonly counts: Readonly<Record<string, number>>;
  readonly zoom: Zoom;
}): JSX.Element => {
  const { params } = address.value;
  const filter = params['filter'] ?? '';
  return (
    <div class="legend">
      <span class="muted">Host {zoom}</span>
      {STATES.map(([letter, name, words]) => {
        const term = `state:${name}`;
        const isOn = filter.includes(term);
        return (
          <button
            key={letter}
            type="button"
            title={words}
            aria-pressed={isOn}
            onClick={() =>
              change({ filter: isOn ? filter.replace(term, '').trim() : `${filter} ${term}`.trim() }, true)
            }
          >
            <StateCell letter={letter} />
            {name[0]?.toUpperCase()}
            {name.slice(1)} <b class="strong">{count(counts[letter] ?? 0)}</b>
          </button>
        );
      })}
    </div>
  );
};

const rowsOf = (states: StatesAnswer): MatrixRow[] => {
  const weights = new Map(states.weights ?? []);
  return states.hosts.map(([host, coded]) => ({
    host,
    letters: decode(coded),
    weights: weights.get(host) ?? [],
  }));
};

const queryOf = (params: Readonly<Record<string, string>>): string => {
  const wanted = ['stream', 'zoom', 'from', 'to'].flatMap((name) => {
    const value = params[name];
    return value === undefined ? [] : [[name, value] as [string, string]];
  });
  return new URLSearchParams(wanted).toString();
};

const Empty = ({
  stream,
  filter,
  all,
}: {
  readonly stream: string;
  readonly filter: string;
  readonly all: number;
}): JSX.Element =>
  all > 0 ? (
    <p class="notice">
      No host matches "{filter}".{' '}
      <button class="link" type="button" onClick={() => change({ filter: undefined })}>
        Clear filter.
      </button>
    </p>
  ) : (
    <p class="notice">
      {stream === '' ? 'No hour has come yet.' : `Nothing is expected for ${stream}.`}{' '}
      <code>logd expect add {stream || 'STREAM'} HOST</code> changes that.
    </p>
  );

export const CompletenessView = ({
  verdict,
}: {
  readonly verdict: VerdictAnswer | undefined;
}): JSX.Element => {
  const { params } = address.value;
  const zoom = ZOOMS.find((each) => each === params['zoom']) ?? 'hours';
  const query = queryOf(params);
  const { data: structure, error } = useQuery<StructureAnswer>(`/api/completeness/structure?${query}`, [
    'hours',
    'verdict',
  ]);
  const { data: states, error: stateError } = useQuery<StatesAnswer>(`/api/completeness/states?${query}`, [
    'hours',
    'verdict',
  ]);
  const rows = useMemo(() => (states === undefined ? [] : rowsOf(states)), [states]);
  const filter = params['filter'] ?? '';
  const shown = useMemo(() => rows.filter(matcher(filter)), [rows, filter]);
  const [openHost, openHour] = (params['hour'] ?? '').split('/');
  const failure = error ?? stateError;
  if (structure === undefined || states === undefined)
    return (
      <>
        <VerdictLine verdict={verdict} view />
        <p class="notice">{failure ?? 'Reading the hours.'}</p>
      </>
    );
  return (
    <div class={openHour === undefined ? '' : 'beside-drawer'}>
      <Streams structure={structure} stream={structure.stream} />
      <VerdictLine verdict={verdict} view />
      <Controls zoom={zoom} columns={structure.columns} />
      <Legend counts={states.counts} zoom={zoom} />
      {failure !== undefined && <p class="notice">{failure}</p>}
      {filter !== '' && (
        <p class="muted small" role="status">
          {shown.length} of {rows.length} hosts shown
        </p>
      )}
      {shown.length === 0 ? (
        <Empty stream={structure.stream} filter={filter} all={rows.length} />
      ) : (
        <Matrix
          stream={structure.stream}
          zoom={zoom}
          columns={structure.columns}
          worst={decode(states.worst)}
          rows={shown}
          open={
            openHost === undefined || openHour === undefined
              ? undefined
              : { host: openHost, column: openHour }
          }
        />
      )}
      <p class="rule">
        <span>
          <b>The top row shows the worst host:</b> refused, then incomplete, silent, late, receiving, sealed,
          empty.
        </span>
        <span class="hide-small">
          <kbd>↑</kbd> <kbd>↓</kbd> <kbd>←</kbd> <kbd>→</kbd> move <kbd>N</kbd> next problem <kbd>Enter</kbd>{' '}
          open
        </span>
      </p>
      {openHost !== undefined && openHost !== '' && openHour !== undefined && (
        <Drawer stream={structure.stream} host={openHost} hour={openHour} />
      )}
    </div>
  );
};
