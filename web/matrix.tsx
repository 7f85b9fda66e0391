/**
 * Hosts × columns as a grid that keyboards and screen readers walk: one tab stop, arrows, Home and End, N for the next problem. Only the
 * rows near the window are drawn, so that hundreds of hosts stay smooth.
 */
import type { JSX, RefObject } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { classOf, Glyph, isProblem, nameOf, StateCell, wordsOf } from './cell.tsx';
import { count, dayName, hourInWords, monthName, timeOf } from './format.ts';
import { serverNow } from './live.ts';
import { address, change } from './route.ts';
import { HourHeads } from './strip.tsx';

export interface MatrixRow {
  readonly host: string;
  readonly letters: readonly string[];
  /** Days and months: how many hours have the state that is shown. */
  readonly weights: readonly number[];
}

export interface MatrixProps {
  readonly stream: string;
  readonly zoom: 'hours' | 'days' | 'months';
  /** Labels: `2026112216`, `20261122`, `202611`. */
  readonly columns: readonly string[];
  readonly worst: readonly string[];
  readonly rows: readonly MatrixRow[];
  readonly open: { readonly host: string; readonly column: string } | undefined;
}

interface Place {
  readonly row: number;
  readonly column: number;
}

const HOUR_MS = 3_600_000;
const OVERSCAN = 12;
const PAGE_ROWS = 10;
const TOOLTIP_MS = 150;

const columnWords = (zoom: MatrixProps['zoom'], label: string): string =>
  zoom === 'hours' ? hourInWords(label) : zoom === 'days' ? dayName(timeOf(label)) : monthName(label);

const startsGroup = (zoom: MatrixProps['zoom'], label: string): boolean =>
  zoom === 'hours'
    ? label.endsWith('00')
    : zoom === 'days'
      ? new Date(timeOf(label)).getUTCDay() === 1
      : label.endsWith('01');

/** Which rows are near the window. */
const useVisible = (
  box: RefObject<HTMLDivElement | null>,
  length: number,
  pitch: number,
): readonly [number, number] => {
  const [range, setRange] = useState<readonly [number, number]>([0, Math.min(length, 60)]);
  useLayoutEffect(() => {
    const look = (): void => {
      const top = -(box.current?.getBoundingClientRect().top ?? 0);
      const from = Math.max(0, Math.floor(top / pitch) - OVERSCAN);
      const to = Math.min(length, Math.ceil((top + innerHeight) / pitch) + OVERSCAN);
      setRange((before) => (before[0] === from && before[1] === to ? before : [from, to]));
    };
    look();
    addEventListener('scroll', look, { passive: true });
    addEventListener('resize', look);
    return () => {
      removeEventListener('scroll', look);
      removeEventListener('resize', look);
    };
  }, [length, pitch]);
  return range;
};

const clamp = (value: number, length: number): number => Math.max(0, Math.min(length - 1, value));

/** Where a key leads, or undefined where it is none of ours. */
const moved = (event: KeyboardEvent, { row, column }: Place, props: MatrixProps): Place | undefined => {
  const [rows, columns] = [props.rows.length, props.columns.length];
  switch (event.key) {
    case 'ArrowUp':
      return { row: clamp(row - 1, rows), column };
    case 'ArrowDown':
      return { row: clamp(row + 1, rows), column };
    case 'ArrowLeft':
      return { row, column: clamp(column - 1, columns) };
    case 'ArrowRight':
      return { row, column: clamp(column + 1, columns) };
    case 'PageUp':
      return { row: clamp(row - PAGE_ROWS, rows), column };
    case 'PageDown':
      return { row: clamp(row + PAGE_ROWS, rows), column };
    case 'Home':
      return { row: event.ctrlKey ? 0 : row, column: 0 };
    case 'End':
      return { row: event.ctrlKey ? rows - 1 : row, column: columns - 1 };
    case 'n':
    case 'N':
      return nextProblem({ row, column }, props, event.shiftKey ? -1 : 1);
    default:
      return undefined;
  }
};

/** The next problem in the order of the verdict: worst state first, newest column first. */
const nextProblem = (from: Place, { rows }: MatrixProps, step: 1 | -1): Place | undefined => {
  const problems = rows
    .flatMap(({ letters }, row) =>
      letters.flatMap((letter, column) => (isProblem(letter) ? [{ row, column, letter }] : [])),
    )
    .sort(
      (a, b) => 'RINL'.indexOf(a.letter) - 'RINL'.indexOf(b.letter) || b.column - a.column || a.row - b.row,
    );
  if (problems.length === 0) return undefined;
  const at = problems.findIndex(({ row, column }) => row === from.row && column === from.column);
  return problems[(at + step + problems.length) % problems.length];
};

const isSealed = (letter: string): boolean => letter === 'S' || letter === 'E';
const isDue = (letter: string): boolean => 'RINLSE'.includes(letter);

/** `46 of 47`, and what is wrong with the others. */
const Sum = ({ letters }: { readonly letters: readonly string[] }): JSX.Element => {
  const trouble = 'RINL'.split('').flatMap((letter) => {
    const found = letters.filter((each) => each === letter).length;
    return found === 0 ? [] : [`${found} ${nameOf(letter)}`];
  });
  return (
    <span class="sum">
      {count(letters.filter(isSealed).length)} of {count(letters.filter(isDue).length)}
      {trouble.length > 0 && <b>{trouble.join(', ')}</b>}
    </span>
  );
};

/** An open hour whose time is over is drawn fuller. */
const overClass = (letter: string, label: string): string =>
  letter === 'O' && label.length === 10 && timeOf(label) + HOUR_MS <= serverNow.peek() ? ' over' : '';

const Cells = ({
  row,
  props,
  index,
  place,
}: {
  readonly row: MatrixRow;
  readonly props: MatrixProps;
  readonly index: number;
  readonly place: Place | undefined;
}): JSX.Element => {
  const { zoom, columns, open, stream } = props;
  return (
    <>
      {row.letters.map((letter, column) => {
        const label = columns[column] ?? '';
        const isOpen = open?.host === row.host && open.column === label;
        const weight = row.weights[column];
        return (
          <span
            key={label}
            role="gridcell"
            tabIndex={place?.row === index && place.column === column ? 0 : -1}
            data-row={index}
            data-column={column}
            aria-colindex={column + 2}
            aria-label={`${row.host}, ${stream}, ${columnWords(zoom, label)}, ${zoom === 'hours' ? '' : `${weight} `}${nameOf(letter)}`}
            class={`${classOf(letter)}${overClass(letter, label)}${zoom === 'hours' ? '' : ' day'}${isOpen ? ' open' : ''}${
              column > 0 && startsGroup(zoom, label) ? ' midnight' : ''
            }`}
          >
            <Glyph letter={letter} />
            {zoom !== 'hours' && isProblem(letter) && <b>{weight}</b>}
          </span>
        );
      })}
    </>
  );
};

const LongHeads = ({ columns, zoom }: Pick<MatrixProps, 'columns' | 'zoom'>): JSX.Element => (
  <div class="heads" role="presentation">
    <div class="row">
      <span class="host" />
      {columns.map((label, n) => (
        <span key={label} class={`head day date${n > 0 && startsGroup(zoom, label) ? ' midnight' : ''}`}>
          {(n === 0 || (zoom === 'days' ? label.endsWith('01') : label.endsWith('01'))) &&
            (zoom === 'days' ? monthName(label) : label.slice(0, 4))}
        </span>
      ))}
    </div>
    <div class="row">
      <span class="host" />
      {columns.map((label, n) => (
        <span key={label} class={`head day${n > 0 && startsGroup(zoom, label) ? ' midnight' : ''}`}>
          {zoom === 'days' ? label.slice(6) : monthName(label).slice(0, 3)}
        </span>
      ))}
    </div>
  </div>
);

interface Hint {
  readonly place: Place;
  readonly left: number;
  readonly top: number;
}

const Tooltip = ({
  hint,
  props,
}: {
  readonly hint: Hint;
  readonly props: MatrixProps;
}): JSX.Element | null => {
  const row = props.rows[hint.place.row];
  const letter = row?.letters[hint.place.column];
  const label = props.columns[hint.place.column];
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const { current } = box;
    if (current === null) return;
    current.style.left = `${Math.max(8, Math.min(hint.left, innerWidth - current.offsetWidth - 8))}px`;
    current.style.top = `${hint.top + current.offsetHeight + 30 > innerHeight ? hint.top - current.offsetHeight - 10 : hint.top + 28}px`;
  });
  if (row === undefined || letter === undefined || label === undefined) return null;
  return (
    <div class="tooltip" role="tooltip" ref={box}>
      <strong>
        <StateCell letter={letter} />
        {nameOf(letter)[0]?.toUpperCase()}
        {nameOf(letter).slice(1)}
      </strong>
      <div>
        {row.host}, {props.stream}, {columnWords(props.zoom, label)}
      </div>
      <div>{wordsOf(letter)}</div>
      <div class="muted">{props.zoom === 'hours' ? 'Enter opens the hour' : 'Enter shows its hours'}</div>
    </div>
  );
};

const openCell = ({ row, column }: Place, props: MatrixProps): void => {
  const [host, label] = [props.rows[row]?.host, props.columns[column]];
  if (host === undefined || label === undefined) return;
  if (props.zoom === 'hours') return change({ hour: `${host}/${label}` });
  const to = props.zoom === 'days' ? `${label}23` : undefined;
  return change({
    zoom: props.zoom === 'days' ? 'hours' : 'days',
    ...(to === undefined ? { from: `${label}0100`, to: undefined } : { from: `${label}00`, to }),
  });
};

const placeOf = (target: EventTarget | null): Place | undefined => {
  const cell = (target as Element | null)?.closest<HTMLElement>('[role=gridcell]');
  const { row, column } = cell?.dataset ?? {};
  return row === undefined || column === undefined ? undefined : { row: Number(row), column: Number(column) };
};

/** Hover and focus show what a cell means, after a moment. */
const useHint = (): readonly [Hint | undefined, (event: Event, now: boolean) => void, () => void] => {
  const [hint, setHint] = useState<Hint>();
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const hide = (): void => {
    clearTimeout(timer.current);
    setHint(undefined);
  };
  const show = (event: Event, atOnce: boolean): void => {
    const place = placeOf(event.target);
    clearTimeout(timer.current);
    if (place === undefined) return setHint(undefined);
    const { left, top } = (event.target as Element).getBoundingClientRect();
    timer.current = setTimeout(() => setHint({ place, left, top }), atOnce ? 0 : TOOLTIP_MS);
    return undefined;
  };
  return [hint, show, hide];
};

export const Matrix = (props: MatrixProps): JSX.Element => {
  const { rows, columns, zoom, worst } = props;
  const box = useRef<HTMLDivElement>(null);
  const scroller = useRef<HTMLDivElement>(null);
  const [place, setPlace] = useState<Place>({ row: 0, column: Math.max(0, columns.length - 1) });
  /** The cell that a key led to: it gets the focus once it is drawn. */
  const wanted = useRef<Place | undefined>(undefined);
  const pitch = matchMedia('(max-width: 700px)').matches ? 26 : 20;
  const [from, to] = useVisible(box, rows.length, pitch);
  const [hint, show, hide] = useHint();
  const focused = { row: clamp(place.row, rows.length), column: clamp(place.column, columns.length) };

  // The newest hours stand at the right: that is where people look first.
  useEffect(() => {
    if (scroller.current !== null) scroller.current.scrollLeft = scroller.current.scrollWidth;
  }, [columns.at(-1), zoom]);
  // Beside an open hour there is less room: its cell stays in sight.
  const opened = props.open === undefined ? '' : `${props.open.host}/${props.open.column}`;
  useEffect(() => {
    box.current?.querySelector('.cell.open')?.scrollIntoView({ block: 'nearest', inline: 'center' });
  }, [opened]);
  useEffect(() => {
    // An effect of an earlier drawing may come first: it knows another place.
    if (wanted.current?.row !== focused.row || wanted.current.column !== focused.column) return;
    wanted.current = undefined;
    box.current
      ?.querySelector<HTMLElement>(`[data-row="${focused.row}"][data-column="${focused.column}"]`)
      ?.focus();
  });

  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === 'Escape') return hide();
    if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault();
      return openCell(focused, props);
    }
    const next = event.metaKey || event.altKey ? undefined : moved(event, focused, props);
    if (next === undefined) return undefined;
    event.preventDefault();
    wanted.current = next;
    // A row that is not drawn yet comes into the window first.
    const top = (box.current?.getBoundingClientRect().top ?? 0) + next.row * pitch;
    if (top < 150 || top > innerHeight - 60) scrollBy({ top: top - innerHeight / 2 });
    setPlace(next);
    if (address.peek().params['hour'] !== undefined) openCell(next, props);
    return undefined;
  };

  return (
    <div class="scroller" ref={scroller}>
      <div
        class="matrix"
        role="grid"
        aria-label={`Completeness of ${props.stream}, ${zoom}`}
        aria-rowcount={rows.length + 1}
        aria-colcount={columns.length + 1}
        onKeyDown={onKeyDown}
        onMouseOver={(event) => show(event, false)}
        onMouseLeave={hide}
        onFocusIn={(event) => show(event, true)}
        onFocusOut={hide}
        onClick={(event) => {
          const clicked = placeOf(event.target);
          if (clicked === undefined) return;
          setPlace(clicked);
          openCell(clicked, props);
        }}
      >
        {zoom === 'hours' ? (
          <HourHeads
            from={timeOf(columns[0] ?? '') / HOUR_MS}
            length={columns.length}
            focus={timeOf(columns[focused.column] ?? '') / HOUR_MS}
          />
        ) : (
          <LongHeads columns={columns} zoom={zoom} />
        )}
        <div class="row worst" role="presentation">
          <span class="host strong">
            Worst<span class="hide-small"> host</span>
          </span>
          {worst.map((letter, n) => (
            <span
              key={columns[n]}
              class={`${classOf(letter)}${overClass(letter, columns[n] ?? '')}${zoom === 'hours' ? '' : ' day'}${
                n > 0 && startsGroup(zoom, columns[n] ?? '') ? ' midnight' : ''
              }`}
            >
              <Glyph letter={letter} />
            </span>
          ))}
        </div>
        <div class="rows" role="presentation" ref={box} style={{ height: `${rows.length * pitch}px` }}>
          {rows.slice(from, to).map((row, n) => (
            <div
              key={row.host}
              class="row"
              role="row"
              aria-rowindex={from + n + 2}
              style={{ top: `${(from + n) * pitch}px` }}
            >
              <span
                class={`host${row.letters.some(isProblem) ? ' trouble' : ''}${focused.row === from + n ? ' focus' : ''}`}
                role="rowheader"
                title={row.host}
              >
                {row.host}
              </span>
              <Cells row={row} props={props} index={from + n} place={focused} />
              <Sum letters={row.letters} />
            </div>
          ))}
        </div>
      </div>
      {hint !== undefined && <Tooltip hint={hint} props={props} />}
    </div>
  );
};
