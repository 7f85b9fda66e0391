/**
 * Hosts × columns as a grid that keyboards and screen readers walk: one tab stop, arrows, Home and End. Only the rows near the window
 * are drawn, so that hundreds of hosts stay smooth. Which row stands where: see matrix-model.ts.
 */
import { signal } from '@preact/signals';
import type { JSX, RefObject } from 'preact';
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { StateCell } from './cell.tsx';
import { timeOf } from './format.ts';
import { FullRow, WorstRow } from './full-row.tsx';
import { serverNow } from './live.ts';
import { LongHeads } from './matrix-heads.tsx';
import {
  type Focused,
  heightOf,
  type Layout,
  type MatrixRow,
  moved,
  nextProblem,
  type Place,
  placeOf,
  rowAt,
  THIN_HEAD,
  topOf,
  windowStart,
  type Zoom,
} from './matrix-model.ts';
import { columnWords, rowWords, stateWords } from './matrix-words.ts';
import { isSingleKey } from './preferences.ts';
import { address, change } from './route.ts';
import { isProblem, wordsOf } from './states.ts';
import { HourHeads } from './strip.tsx';
import { createPainter, gapsOf, columnLefts, ThinRow, thinWidth } from './thin-row.tsx';
import { type Hint, type Hints, placeOfEvent, Tooltip, useHint } from './tooltip.tsx';

export interface MatrixProps {
  readonly stream: string;
  readonly zoom: Zoom;
  /** Labels: `2026112216`, `20261122`, `202611`. */
  readonly columns: readonly string[];
  readonly worst: readonly string[];
  /** The rows that are shown, in order. */
  readonly layout: Layout;
  /** Of the filter or not: what the top row stands for. */
  readonly all: readonly MatrixRow[];
  readonly lateAfterMs: number;
  readonly pinned: readonly string[];
  pin(host: string): void;
  unpin(host: string): void;
  readonly open: { readonly host: string; readonly column: string } | undefined;
}

const HOUR_MS = 3_600_000;
const OVERSCAN_PX = 240;

/** Host and time that are focused: a change of zoom keeps them. */
export const focusedCell = signal<Focused | undefined>(undefined);

/** Which rows are near the window. */
const useVisible = (box: RefObject<HTMLDivElement | null>, layout: Layout): readonly [number, number] => {
  const [range, setRange] = useState<readonly [number, number]>([0, 60]);
  useLayoutEffect(() => {
    const look = (): void => {
      const top = -(box.current?.getBoundingClientRect().top ?? 0);
      const from = Math.max(0, rowAt(layout, Math.max(0, top - OVERSCAN_PX)));
      const to = Math.min(layout.rows.length, rowAt(layout, top + innerHeight + OVERSCAN_PX) + 1);
      setRange((before) => (before[0] === from && before[1] === to ? before : [from, to]));
    };
    look();
    addEventListener('scroll', look, { passive: true });
    addEventListener('resize', look);
    return () => {
      removeEventListener('scroll', look);
      removeEventListener('resize', look);
    };
  }, [layout]);
  return range;
};

/** The newest columns stand at the right: the view follows them while it is there, and says so where it is not. */
const useRightEnd = (scroller: RefObject<HTMLDivElement | null>, columns: readonly string[], zoom: Zoom) => {
  const isAtEnd = useRef(true);
  const [fresh, setFresh] = useState(0);
  const [hidden, setHidden] = useState(0);
  const last = useRef<readonly [string | undefined, Zoom]>([undefined, zoom]);
  const toEnd = (): void => {
    const { current } = scroller;
    if (current !== null) current.scrollLeft = current.scrollWidth;
    setFresh(0);
  };
  const look = (): void => {
    const { current } = scroller;
    if (current === null) return;
    // Where nothing is hidden, heads stay in the window while the page scrolls.
    current.classList.toggle('fits', (current.firstElementChild?.scrollWidth ?? 0) <= current.clientWidth);
    isAtEnd.current = current.scrollLeft + current.clientWidth >= current.scrollWidth - 8;
    if (isAtEnd.current) setFresh(0);
    const edge = (current.querySelector('.worst .host')?.getBoundingClientRect().right ?? 0) - 2;
    const cells = [...current.querySelectorAll('.worst .cell')];
    setHidden(cells.filter((cell) => cell.getBoundingClientRect().left < edge).length);
  };
  useLayoutEffect(() => {
    const [label, before] = last.current;
    last.current = [columns.at(-1), zoom];
    const isOther = label === undefined || before !== zoom || !columns.includes(label);
    if (isOther || isAtEnd.current) toEnd();
    else setFresh((n) => n + columns.length - 1 - columns.indexOf(label));
    look();
    addEventListener('resize', look);
    return () => removeEventListener('resize', look);
  }, [columns.at(-1), zoom]);
  return { fresh, hidden, toEnd, look };
};

const openCell = ({ row, column }: Place, props: MatrixProps): void => {
  const [host, label] = [props.layout.rows[row]?.host, props.columns[column]];
  if (host === undefined || label === undefined) return;
  if (row >= props.layout.full) return props.pin(host);
  if (props.zoom === 'hours') return change({ hour: `${host}/${label}` });
  focusedCell.value = { host, label };
  return props.zoom === 'days'
    ? change({ zoom: 'hours', from: `${label}00`, to: `${label}23` })
    : change({ zoom: 'days', from: `${label}0100`, to: undefined });
};

const Words = ({ hint, props }: { readonly hint: Hint; readonly props: MatrixProps }): JSX.Element | null => {
  const { zoom, stream, columns, lateAfterMs } = props;
  const row = props.layout.rows[hint.place.row];
  const letter = row?.letters[hint.place.column];
  const label = columns[hint.place.column];
  if (row === undefined || letter === undefined || label === undefined) return null;
  if (hint.place.row >= props.layout.full)
    return (
      <>
        <strong>{row.host}</strong>
        <div>{rowWords(row, zoom)}</div>
        <div class="muted">Enter shows it in full</div>
      </>
    );
  const weight = zoom === 'hours' ? undefined : (row.weights[hint.place.column] ?? 0);
  const words = stateWords(letter, { label, weight, lateAfterMs });
  return (
    <>
      <strong>
        <StateCell letter={letter} />
        {words[0]?.toUpperCase()}
        {words.slice(1)}
      </strong>
      <div>
        {row.host}, {stream}, {columnWords(zoom, label)}
      </div>
      <div>{row.isUnknown ? 'Its sink does not answer: this is what was known last.' : wordsOf(letter)}</div>
      <div class="muted">{zoom === 'hours' ? 'Enter opens the hour' : 'Enter shows its hours'}</div>
    </>
  );
};

/** Brings a row into the window before it is focused: it may not be drawn yet. */
const bringIn = (box: HTMLElement | null, layout: Layout, row: number): void => {
  const top = (box?.getBoundingClientRect().top ?? 0) + topOf(layout, row);
  if (top < 150 || top > innerHeight - 60) scrollBy({ top: top - innerHeight / 2 });
};

/** What is focused, and how it moves. */
const useFocus = (props: MatrixProps, box: RefObject<HTMLDivElement | null>, hints: Hints) => {
  const { layout, columns } = props;
  const place = placeOf(focusedCell.value, layout.rows, columns);
  /** What a key led to: it gets the focus once it is drawn, as a full row or a thin one. */
  const wanted = useRef<(Focused & { readonly isFull: boolean }) | undefined>(undefined);
  const host = layout.rows[place.row]?.host ?? '';
  useEffect(() => {
    // An effect of an earlier drawing may come first: it knows another place.
    const { current } = wanted;
    if (current?.host !== host || current.label !== columns[place.column]) return;
    if (current.isFull !== place.row < layout.full) return;
    const cell = box.current?.querySelector<HTMLElement>('[role=gridcell][tabindex="0"]');
    if (cell === null || cell === undefined) return bringIn(box.current, layout, place.row);
    wanted.current = undefined;
    cell.focus();
  });
  const take = ({ row, column }: Place): void => {
    focusedCell.value = { host: layout.rows[row]?.host ?? '', label: columns[column] ?? '' };
  };
  const go = (next: Place): void => {
    take(next);
    wanted.current = { ...(focusedCell.peek() ?? { host, label: '' }), isFull: next.row < layout.full };
    bringIn(box.current, layout, next.row);
    if (place.row === next.row && place.column === next.column)
      box.current?.querySelector<HTMLElement>('[role=gridcell][tabindex="0"]')?.focus();
    if (address.peek().params['hour'] !== undefined) openCell(next, props);
  };
  /** Pins or unpins the row: it moves, and the focus goes with it. */
  const move = (isFull: boolean): void => {
    take(place);
    wanted.current = { host, label: columns[place.column] ?? '', isFull };
    if (isFull) props.pin(host);
    else props.unpin(host);
  };
  const toProblem = (step: 1 | -1): void => {
    const next = nextProblem(place, layout.rows, windowStart(columns, serverNow.peek()), step);
    if (next !== undefined) go(next);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === 'Escape') return hints.hide();
    const isAct = event.key === 'Enter' || event.key === ' ';
    const isUnpin = (event.key === 'Delete' || event.key === 'Backspace') && props.pinned.includes(host);
    const next =
      event.metaKey || event.altKey ? undefined : moved(event, place, [layout.rows.length, columns.length]);
    if (!isAct && !isUnpin && next === undefined) return undefined;
    event.preventDefault();
    if (next !== undefined) return go(next);
    if (isUnpin) return move(false);
    return place.row >= layout.full ? move(true) : openCell(place, props);
  };
  return { place, take, toProblem, onKeyDown };
};

/** `N` and `Shift+N` anywhere on the page, and the button for those who have no keys. */
export const problemStep = signal<{ readonly step: 1 | -1 } | undefined>(undefined);

const useProblemKeys = (toProblem: (step: 1 | -1) => void): void => {
  const latest = useRef(toProblem);
  latest.current = toProblem;
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.key.toLowerCase() === 'n' && isSingleKey(event)) latest.current(event.shiftKey ? -1 : 1);
    };
    addEventListener('keydown', onKey);
    const stop = problemStep.subscribe((wanted) => {
      if (wanted === undefined) return;
      problemStep.value = undefined;
      latest.current(wanted.step);
    });
    return () => {
      removeEventListener('keydown', onKey);
      stop();
    };
  }, []);
};

const ThinHead = ({ layout }: { readonly layout: Layout }): JSX.Element => {
  const others = layout.rows.slice(layout.full);
  const isWell = !others.some(({ letters }) => letters.some(isProblem));
  return (
    <p class="thin-head" style={{ top: `${topOf(layout, layout.full) - THIN_HEAD}px` }}>
      <span>
        <b>
          {others.length} hosts{isWell && ' without a problem'}
        </b>{' '}
        <span class="muted">one thin row each; hover or move to a row to read its name</span>
      </span>
    </p>
  );
};

const Rows = ({
  props,
  box,
  place,
  hidden,
}: {
  readonly props: MatrixProps;
  readonly box: RefObject<HTMLDivElement | null>;
  readonly place: Place;
  readonly hidden: number;
}): JSX.Element => {
  const { layout, columns, zoom, stream, open, lateAfterMs } = props;
  const [from, to] = useVisible(box, layout);
  const paint = useMemo(() => createPainter(columns, zoom), [columns, zoom]);
  const lefts = useMemo(() => columnLefts(columns, zoom), [columns, zoom]);
  const style = {
    height: `${heightOf(layout)}px`,
    '--gaps': gapsOf(lefts),
    '--thin-width': `${thinWidth(lefts)}px`,
  };
  return (
    <div class="rows" role="presentation" ref={box} style={style}>
      {layout.full < layout.rows.length && <ThinHead layout={layout} />}
      {layout.rows.slice(from, to).map((row, n) => {
        const index = from + n;
        const shared = { row, stream, zoom, index, top: topOf(layout, index) };
        const focused = place.row === index ? place.column : undefined;
        return index < layout.full ? (
          <FullRow
            key={row.host}
            {...{ ...shared, columns, lateAfterMs, focused, hidden }}
            open={open?.host === row.host ? open.column : undefined}
            unpin={props.pinned.includes(row.host) ? () => props.unpin(row.host) : undefined}
          />
        ) : (
          <ThinRow
            key={`thin ${row.host}`}
            {...{ ...shared, focused, nth: index - layout.full, columns: columns.length }}
            painted={paint(row)}
          />
        );
      })}
    </div>
  );
};

export const Matrix = (props: MatrixProps): JSX.Element => {
  const { layout, columns, zoom } = props;
  const box = useRef<HTMLDivElement>(null);
  const scroller = useRef<HTMLDivElement>(null);
  const hints = useHint();
  const { place, take, toProblem, onKeyDown } = useFocus(props, box, hints);
  const { fresh, hidden, toEnd, look } = useRightEnd(scroller, columns, zoom);
  useProblemKeys(toProblem);
  // Beside an open hour there is less room: its cell stays in sight.
  const opened = props.open === undefined ? '' : `${props.open.host}/${props.open.column}`;
  useEffect(() => {
    box.current?.querySelector('.cell.open')?.scrollIntoView({ block: 'nearest', inline: 'center' });
  }, [opened]);

  const onClick = (event: MouseEvent): void => {
    const clicked = placeOfEvent(event);
    if (clicked === undefined) return;
    take(clicked);
    openCell(clicked, props);
  };
  return (
    <div class="matrix-box">
      {fresh > 0 && (
        <button class="button fresh" type="button" onClick={toEnd}>
          {fresh} new {zoom.slice(0, -1)}
          {fresh > 1 && 's'}
        </button>
      )}
      <div class="scroller" ref={scroller} onScroll={look}>
        <div
          class="matrix"
          role="grid"
          aria-label={`Completeness of ${props.stream}, ${zoom}`}
          aria-rowcount={layout.rows.length + 1}
          aria-colcount={columns.length + 1}
          onKeyDown={onKeyDown}
          onMouseOver={(event) => hints.show(event, false)}
          onMouseLeave={hints.hideSoon}
          onFocusIn={(event) => hints.show(event, true)}
          onFocusOut={hints.hideSoon}
          onClick={onClick}
        >
          {zoom === 'hours' ? (
            <HourHeads
              from={timeOf(columns[0] ?? '') / HOUR_MS}
              length={columns.length}
              focus={timeOf(columns[place.column] ?? '') / HOUR_MS}
              hidden={hidden}
            />
          ) : (
            <LongHeads columns={columns} zoom={zoom} focus={columns[place.column]} />
          )}
          <WorstRow worst={props.worst} rows={props.all} columns={columns} zoom={zoom} />
          <Rows {...{ props, box, place, hidden }} />
        </div>
      </div>
      {hints.hint !== undefined && (
        <Tooltip hint={hints.hint} hints={hints}>
          <Words hint={hints.hint} props={props} />
        </Tooltip>
      )}
    </div>
  );
};
