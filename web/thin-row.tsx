/**
 * A host without a problem as a row of 5 px: one element, painted as layers of a background, so that hundreds of them cost little.
 *
 *   background = gaps between the columns (of all rows the same), then one layer for each run of equal letters
 */
import type { JSX } from 'preact';
import { type MatrixRow, THIN_PITCH, type Zoom } from './matrix-model.ts';
import { rowWords, startsGroup } from './matrix-words.ts';

const CELL = 33;
const PITCH = 35;
const GROUP_GAP = 8;
/** Every so many rows has its name beside it. */
const NAMED_EVERY = 20;

/** Where each column begins. */
export const columnLefts = (columns: readonly string[], zoom: Zoom): number[] => {
  let groups = 0;
  return columns.map((label, n) => {
    if (n > 0 && startsGroup(zoom, label)) groups++;
    return n * PITCH + groups * GROUP_GAP;
  });
};

export const thinWidth = (lefts: readonly number[]): number => (lefts.at(-1) ?? 0) + CELL;

/** Lines in the colour of the page where columns end. */
export const gapsOf = (lefts: readonly number[]): string => {
  const stops = lefts.flatMap((left, n) => {
    const next = lefts[n + 1];
    const end = left + CELL;
    return next === undefined ? [] : [`transparent ${left}px ${end}px`, `var(--page) ${end}px ${next}px`];
  });
  return stops.length === 0 ? 'none' : `linear-gradient(90deg, ${stops.join(', ')}, transparent 0)`;
};

const solid = (name: string): string => `linear-gradient(var(--${name}), var(--${name}))`;

/** At 5 px there is no room for glyphs: fills and textures are those of the cells. */
const FILLS: Readonly<Record<string, string>> = {
  S: solid('sealed'),
  O: 'linear-gradient(color-mix(in srgb, var(--sealed) 45%, var(--page)) 50%, var(--sealed) 50%)',
  E: 'linear-gradient(var(--sealed) 1px, transparent 1px 4px, var(--sealed) 4px)',
  X: 'repeating-linear-gradient(135deg, var(--removed) 0 1px, transparent 1px 4px)',
  '.': `repeating-linear-gradient(90deg, transparent 0 15px, var(--edge) 15px 18px, transparent 18px ${PITCH}px)`,
  R: solid('refused'),
  I: solid('incomplete'),
  N: solid('silent'),
  L: solid('late'),
};

/** A function that paints letters; of rows that look the same only once. */
export const createPainter = (columns: readonly string[], zoom: Zoom): ((row: MatrixRow) => string) => {
  const lefts = columnLefts(columns, zoom);
  const known = new Map<string, string>();
  const paint = (letters: readonly string[]): string => {
    const layers: string[] = [];
    for (let start = 0; start < letters.length;) {
      const letter = letters[start] ?? ' ';
      let end = start + 1;
      // A texture begins again after a wide gap, so that it stays in the middle of its cells.
      while (end < letters.length && letters[end] === letter && !startsGroup(zoom, columns[end] ?? '')) end++;
      const [from, to] = [lefts[start] ?? 0, (lefts[end - 1] ?? 0) + CELL];
      const fill = FILLS[letter];
      const [top, height] = letter === '.' ? ['1px', '3px'] : ['0', '100%'];
      if (fill !== undefined) layers.push(`${fill} ${from}px ${top} / ${to - from}px ${height} no-repeat`);
      start = end;
    }
    return layers.join(', ');
  };
  return ({ coded, letters }) => {
    const found = known.get(coded) ?? paint(letters);
    known.set(coded, found);
    return found;
  };
};

export interface ThinRowProps {
  readonly row: MatrixRow;
  readonly stream: string;
  readonly zoom: Zoom;
  /** Of all rows, and among the thin ones. */
  readonly index: number;
  readonly nth: number;
  readonly top: number;
  readonly columns: number;
  readonly painted: string;
  /** The column that is focused, where it is this row. */
  readonly focused: number | undefined;
}

export const ThinRow = ({
  row,
  stream,
  zoom,
  index,
  nth,
  top,
  columns,
  painted,
  focused,
}: ThinRowProps): JSX.Element => (
  <div
    class={`row thin${row.isUnknown ? ' unknown' : ''}`}
    role="row"
    aria-rowindex={index + 2}
    style={{ top: `${top}px`, height: `${THIN_PITCH}px` }}
  >
    <span
      class={`host${nth % NAMED_EVERY === 0 ? ' named' : ''}${focused === undefined ? '' : ' focus'}`}
      role="rowheader"
    >
      {row.host}
    </span>
    <span
      role="gridcell"
      class="thin-cells"
      tabIndex={focused === undefined ? -1 : 0}
      data-row={index}
      data-column={focused ?? columns - 1}
      aria-colindex={2}
      aria-colspan={columns}
      aria-label={`${row.host}, ${stream}, ${rowWords(row, zoom)}. Enter shows it in full.`}
      style={{ background: painted === '' ? 'var(--gaps)' : `var(--gaps), ${painted}` }}
    />
  </div>
);
