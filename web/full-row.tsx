/** A host as a row of cells at full height; and the row of the worst of all hosts. */
import type { JSX } from 'preact';
import { useMemo, useRef } from 'preact/hooks';
import { classOf, Glyph } from './cell.tsx';
import { count } from './format.ts';
import { serverNow } from './live.ts';
import { hasProblem, type MatrixRow, type Zoom } from './matrix-model.ts';
import { columnWords, isOver, startsGroup, stateWords, troubleWords } from './matrix-words.ts';
import { isProblem } from './states.ts';

const isSealed = (letter: string): boolean => letter === 'S' || letter === 'E';
const isDue = (letter: string): boolean => 'RINLSE'.includes(letter);

const cellClass = (zoom: Zoom, letter: string, label: string, column: number): string =>
  `${classOf(letter)}${letter === 'O' && isOver(label) ? ' over' : ''}${zoom === 'hours' ? '' : ' day'}${
    column > 0 && startsGroup(zoom, label) ? ' midnight' : ''
  }`;

/** `46 of 47`, and what is wrong with the others. */
const Sum = ({
  row,
  zoom,
  unpin,
}: {
  readonly row: MatrixRow;
  readonly zoom: Zoom;
  readonly unpin: (() => void) | undefined;
}): JSX.Element => {
  // One state has room beside the cells; the others are named on hover, and stand in the cells.
  const [worst, ...others] = troubleWords(row);
  const sealed = count(row.letters.filter(isSealed).length);
  return (
    <span class="sum" role={unpin === undefined ? 'presentation' : 'gridcell'}>
      {zoom === 'hours' && (
        <span class="of">
          {worst === undefined ? sealed : <b>{sealed}</b>} of {count(row.letters.filter(isDue).length)}
        </span>
      )}
      {worst !== undefined && (
        <b title={others.length === 0 ? undefined : [worst, ...others].join(', ')}>
          {worst}
          {others.length > 0 && ' …'}
        </b>
      )}
      {unpin !== undefined && (
        <button class="link" type="button" tabIndex={-1} onClick={unpin}>
          Unpin
        </button>
      )}
    </span>
  );
};

/** Columns whose state is another one than when this row was last drawn. */
const useChanged = ({ letters, coded }: MatrixRow, columns: readonly string[]): ReadonlySet<string> => {
  const before = useRef<ReadonlyMap<string, string>>(new Map());
  return useMemo(() => {
    const now = new Map(columns.map((label, n) => [label, letters[n] ?? ' ']));
    const changed = [...now].filter(([label, letter]) => (before.current.get(label) ?? letter) !== letter);
    before.current = now;
    return new Set(changed.map(([label]) => label));
  }, [coded, columns[0], columns.at(-1)]);
};

export interface FullRowProps {
  readonly row: MatrixRow;
  readonly stream: string;
  readonly zoom: Zoom;
  readonly columns: readonly string[];
  readonly lateAfterMs: number;
  readonly index: number;
  readonly top: number;
  /** The column that is focused, where it is this row. */
  readonly focused: number | undefined;
  /** The hour that is open, where it is this host's. */
  readonly open: string | undefined;
  /** Columns before this one are scrolled out of sight. */
  readonly hidden: number;
  readonly unpin: (() => void) | undefined;
}

export const FullRow = (props: FullRowProps): JSX.Element => {
  const { row, stream, zoom, columns, lateAfterMs, index, focused, open, hidden } = props;
  const changed = useChanged(row, columns);
  // How late an hour is grows by the minute.
  const minute = row.letters.includes('L') ? Math.floor(serverNow.peek() / 60_000) : 0;
  // What did not change is the same object as before, and is not compared again.
  const cells = useMemo(
    () =>
      row.letters.map((letter, column) => {
        const label = columns[column] ?? '';
        const weight = zoom === 'hours' ? undefined : (row.weights[column] ?? 0);
        return (
          <span
            key={label}
            role="gridcell"
            tabIndex={focused === column ? 0 : -1}
            data-row={index}
            data-column={column}
            aria-colindex={column + 2}
            aria-label={`${row.host}, ${stream}, ${columnWords(zoom, label)}, ${stateWords(letter, { label, weight, lateAfterMs })}`}
            class={`${cellClass(zoom, letter, label, column)}${open === label ? ' open' : ''}${changed.has(label) ? ' changed' : ''}`}
          >
            <Glyph letter={letter} />
            {weight !== undefined && isProblem(letter) && <b>{weight}</b>}
          </span>
        );
      }),
    [
      row.coded,
      row.weights.join(),
      columns[0],
      columns.at(-1),
      stream,
      zoom,
      lateAfterMs,
      index,
      focused,
      open,
      changed,
      minute,
    ],
  );
  const toTheLeft = row.letters.slice(0, hidden).filter(isProblem).length;
  return (
    <div
      class={`row${row.isUnknown ? ' unknown' : ''}`}
      role="row"
      aria-rowindex={index + 2}
      style={{ top: `${props.top}px` }}
    >
      <span
        class={`host${hasProblem(row) ? ' trouble' : ''}${focused === undefined ? '' : ' focus'}`}
        role="rowheader"
        title={row.host}
      >
        <span class="name">{row.host}</span>
        {toTheLeft > 0 && (
          <small class="muted" aria-label={`, ${toTheLeft} more to the left`}>
            ‹{toTheLeft}
          </small>
        )}
      </span>
      {cells}
      <Sum row={row} zoom={zoom} unpin={props.unpin} />
    </div>
  );
};

export const WorstRow = ({
  worst,
  rows,
  columns,
  zoom,
}: {
  readonly worst: readonly string[];
  readonly rows: readonly MatrixRow[];
  readonly columns: readonly string[];
  readonly zoom: Zoom;
}): JSX.Element => {
  const sum = useMemo(() => {
    if (zoom !== 'hours') {
      const hosts = rows.filter(hasProblem).length;
      return hosts === 0 ? null : <b>{hosts === 1 ? '1 host' : `${count(hosts)} hosts`}</b>;
    }
    const letters = rows.flatMap((row) => row.letters);
    return (
      <span class="of">
        <b>{count(letters.filter(isSealed).length)}</b> of {count(letters.filter(isDue).length)}
      </span>
    );
  }, [rows, zoom]);
  return (
    <div class="row worst" role="presentation">
      <span class="host strong">
        <span class="name">
          Worst<span class="hide-small"> host</span>
        </span>
      </span>
      {worst.map((letter, n) => (
        <span key={columns[n]} class={cellClass(zoom, letter, columns[n] ?? '', n)}>
          <Glyph letter={letter} />
          {zoom !== 'hours' && isProblem(letter) && (
            <b>{rows.filter(({ letters }) => letters[n] === letter).length}</b>
          )}
        </span>
      ))}
      <span class="sum">{sum}</span>
    </div>
  );
};
