/** What stands above the matrix: streams, filter, zoom, order, time, legend. */
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { StructureAnswer } from '../../src/monitor/api/schemas.ts';
import { StateCell } from '../cell.tsx';
import { count, labelOf, timeOf } from '../format.ts';
import { hasTerm, stateTerm, toggleTerm } from '../host-filter.ts';
import { serverNow } from '../live.ts';
import { edgeWords } from '../matrix-heads.tsx';
import { focusedCell, problemStep } from '../matrix.tsx';
import type { Order, Zoom } from '../matrix-model.ts';
import { isSingleKey, isSmall } from '../preferences.ts';
import { address, change } from '../route.ts';
import { STATES } from '../states.ts';

export const ZOOMS = ['hours', 'days', 'months'] as const;
const HOUR_MS = 3_600_000;
/** How far one step to earlier or later goes, in hours. */
const STEP: Readonly<Record<Zoom, number>> = { hours: 24, days: 31 * 24, months: 366 * 24 };
/** What the server shows where nothing is asked for, in hours. */
const SHOWN: Readonly<Record<Zoom, number>> = { hours: 48, days: 31 * 24, months: 366 * 24 };

/** Of one word its first letter is large. */
const title = (word: string): string => `${word[0]?.toUpperCase()}${word.slice(1)}`;

/** Another zoom, around the time that is focused. */
const zoomTo = (zoom: Zoom): void => {
  const label = focusedCell.peek()?.label;
  const at = label === undefined ? undefined : timeOf(label);
  const isShown = at === undefined || serverNow.peek() - at < SHOWN[zoom] * HOUR_MS;
  if (isShown) return change({ zoom, from: undefined, to: undefined, hour: undefined });
  const to = Math.min(at + (SHOWN[zoom] / 2) * HOUR_MS, serverNow.peek());
  return change({
    ...{ zoom, hour: undefined, to: labelOf(to) },
    from: labelOf(to - (SHOWN[zoom] - 1) * HOUR_MS),
  });
};

export const Streams = ({
  structure,
  problems,
}: {
  readonly structure: StructureAnswer;
  readonly problems: Readonly<Record<string, number>>;
}): JSX.Element | null =>
  structure.streams.length < 2 ? null : (
    <div class="tabs" role="tablist" aria-label="Streams">
      {structure.streams.map((each) => (
        <button
          key={each}
          type="button"
          role="tab"
          aria-selected={each === structure.stream}
          onClick={() => change({ stream: each, hour: undefined })}
        >
          {each}
          {(problems[each] ?? 0) > 0 && (
            <span class="count" aria-label={`, ${problems[each]} hours with a problem`}>
              {count(problems[each] ?? 0)}
            </span>
          )}
        </button>
      ))}
    </div>
  );

const FilterField = (): JSX.Element => {
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (!isSingleKey(event)) return;
      const index = ['1', '2', '3'].indexOf(event.key);
      if (event.key === '/') {
        event.preventDefault();
        input.current?.focus();
      } else if (index >= 0) zoomTo(ZOOMS[index] ?? 'hours');
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, []);
  return (
    <span class="field-box">
      <input
        ref={input}
        class="field"
        type="search"
        aria-label="Filter hosts"
        placeholder="Filter hosts, or state:late"
        value={address.value.params['filter'] ?? ''}
        onInput={(event) => change({ filter: event.currentTarget.value }, true)}
      />
      <kbd aria-hidden="true">/</kbd>
    </span>
  );
};

const ORDERS: readonly (readonly [Order, string])[] = [
  ['problems', 'Problems first'],
  ['name', 'By name'],
];

/** Hours are by name, unless there is little room; of days and months the problems come first. */
export const orderOf = (zoom: Zoom, wanted: string | undefined): Order =>
  wanted === 'problems' || wanted === 'name'
    ? wanted
    : zoom === 'hours' && !isSmall.value
      ? 'name'
      : 'problems';

const Times = ({
  zoom,
  columns,
}: {
  readonly zoom: Zoom;
  readonly columns: readonly string[];
}): JSX.Element => {
  const { params } = address.value;
  const [first = '', last = ''] = [columns[0], columns.at(-1)];
  const move = (hours: number): void => {
    const to = Math.min(timeOf(last) + hours * HOUR_MS, serverNow.value);
    const length = timeOf(last) - timeOf(first);
    const isNow = to >= serverNow.value - HOUR_MS;
    change({ to: isNow ? undefined : labelOf(to), from: isNow ? undefined : labelOf(to - length) });
  };
  return (
    <div class="push">
      <span class="muted small hide-small">
        {first !== '' &&
          `${edgeWords(first)} to ${params['to'] === undefined ? (zoom === 'hours' ? 'now' : 'today') : edgeWords(last)}`}
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
  );
};

export const NextProblem = ({ class: name = '' }: { readonly class?: string }): JSX.Element => (
  <button class={`button ${name}`} type="button" onClick={() => (problemStep.value = { step: 1 })}>
    Next problem
  </button>
);

export const Controls = ({
  zoom,
  order,
  columns,
}: {
  readonly zoom: Zoom;
  readonly order: Order;
  readonly columns: readonly string[];
}): JSX.Element => (
  <div class="controls matrix-controls">
    <FilterField />
    <div class="segments" role="group" aria-label="Zoom">
      {ZOOMS.map((each) => (
        <button key={each} type="button" aria-pressed={zoom === each} onClick={() => zoomTo(each)}>
          {title(each)}
        </button>
      ))}
    </div>
    <NextProblem class="only-small" />
    <div class="segments" role="group" aria-label="Order">
      {ORDERS.map(([value, label]) => (
        <button
          key={value}
          type="button"
          aria-pressed={order === value}
          onClick={() => change({ order: value }, true)}
        >
          {label}
        </button>
      ))}
    </div>
    <Times zoom={zoom} columns={columns} />
  </div>
);

/** All states with their counts, of the whole; a click shows hosts with this state only, and those with another one that is chosen. */
export const Legend = ({
  counts,
  zoom,
}: {
  readonly counts: Readonly<Record<string, number>>;
  readonly zoom: Zoom;
}): JSX.Element => {
  const filter = address.value.params['filter'] ?? '';
  return (
    <div class="legend" role="group" aria-label="Show hosts by state">
      <span class="muted hide-small">Host {zoom}</span>
      {STATES.map(([letter, name, words]) => {
        const found = counts[letter] ?? 0;
        return (
          <button
            key={letter}
            class={found === 0 ? 'none' : ''}
            type="button"
            title={words}
            aria-pressed={hasTerm(filter, stateTerm(name))}
            onClick={() => change({ filter: toggleTerm(filter, stateTerm(name)) }, true)}
          >
            <StateCell letter={letter} />
            {title(name)} <b class="strong">{count(found)}</b>
          </button>
        );
      })}
    </div>
  );
};
