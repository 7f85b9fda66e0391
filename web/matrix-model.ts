/**
 * The matrix as numbers: which rows stand where, which problem comes next, where a key leads. Nothing is drawn here.
 *
 *   ┌ full rows: hosts with a problem, pinned hosts; or all hosts
 *   ├ a line of words: "189 hosts without a problem"
 *   └ thin rows: all others, 5 px each and 1 px between
 */
import { isProblem } from './states.ts';

export type Zoom = 'hours' | 'days' | 'months';
export type Order = 'problems' | 'name';

export interface MatrixRow {
  readonly host: string;
  /** The letters as the server sent them: rows with the same text look the same. */
  readonly coded: string;
  readonly letters: readonly string[];
  /** Days and months: how many hours have the state that is shown. */
  readonly weights: readonly number[];
  /** What is shown is the last that was known: its sink does not answer. */
  readonly isUnknown: boolean;
}

export interface Place {
  readonly row: number;
  readonly column: number;
}

export interface Layout {
  readonly rows: readonly MatrixRow[];
  /** How many of them, from the first on, are drawn in full. */
  readonly full: number;
  readonly pitch: number;
}

export const THIN_PITCH = 6;
export const THIN_HEAD = 48;
/** Fewer hosts than these are drawn in full: they fit a window. */
const MOST_FULL = 24;
const PAGE_ROWS = 10;
const WORST_FIRST = 'RINL';

export const hasProblem = ({ letters }: MatrixRow): boolean => letters.some(isProblem);

/** A problem as the verdict ranks it: those of today and yesterday before older ones, the worst state first, then the newest. */
const compare = (
  [aColumn, aLetter, aRow]: readonly [number, string, number],
  [bColumn, bLetter, bRow]: readonly [number, string, number],
  window: number,
): number =>
  Number(bColumn >= window) - Number(aColumn >= window) ||
  WORST_FIRST.indexOf(aLetter) - WORST_FIRST.indexOf(bLetter) ||
  bColumn - aColumn ||
  aRow - bRow;

/** The first column of yesterday: problems from there on come first. */
export const windowStart = (columns: readonly string[], now: number): number => {
  const yesterday = new Date(now - 86_400_000).toISOString().slice(0, 10).replaceAll('-', '');
  const found = columns.findIndex(
    (label) => label.slice(0, 8) >= yesterday.slice(0, Math.min(8, label.length)),
  );
  return found < 0 ? columns.length : found;
};

const problemsOf = (rows: readonly MatrixRow[], window: number): [number, string, number][] =>
  rows
    .flatMap(({ letters }, row) =>
      letters.flatMap((letter, column): [number, string, number][] =>
        isProblem(letter) ? [[column, letter, row]] : [],
      ),
    )
    .sort((a, b) => compare(a, b, window));

/** Hosts with a problem, in the order of their first one. */
export const troubledHosts = (rows: readonly MatrixRow[], window: number): string[] => [
  ...new Set(problemsOf(rows, window).map(([, , row]) => rows[row]?.host ?? '')),
];

/** Rows with `top` before all others; these are thin where they are many and not asked for by name. */
export const layoutOf = (
  rows: readonly MatrixRow[],
  options: {
    readonly top: readonly string[];
    readonly pinned: readonly string[];
    readonly isThin: boolean;
    readonly pitch: number;
  },
): Layout => {
  const { pitch, isThin } = options;
  const byHost = new Map(rows.map((row) => [row.host, row]));
  const first = [...new Set([...options.top, ...options.pinned])].flatMap((host) => byHost.get(host) ?? []);
  const isFirst = new Set(first.map(({ host }) => host));
  const others = rows.filter(({ host }) => !isFirst.has(host));
  const all = [...first, ...others];
  return { rows: all, pitch, full: isThin && others.length > MOST_FULL ? first.length : all.length };
};

export const topOf = ({ full, pitch }: Layout, row: number): number =>
  row < full ? row * pitch : full * pitch + THIN_HEAD + (row - full) * THIN_PITCH;

export const heightOf = (layout: Layout): number => topOf(layout, layout.rows.length);

/** The row at so many pixels below the first. */
export const rowAt = ({ full, pitch }: Layout, top: number): number =>
  top < full * pitch
    ? Math.floor(top / pitch)
    : full + Math.max(0, Math.floor((top - full * pitch - THIN_HEAD) / THIN_PITCH));

const clamp = (value: number, length: number): number => Math.max(0, Math.min(length - 1, value));

/** The next problem in the order of the verdict. */
export const nextProblem = (
  from: Place,
  rows: readonly MatrixRow[],
  window: number,
  step: 1 | -1,
): Place | undefined => {
  const problems = problemsOf(rows, window);
  if (problems.length === 0) return undefined;
  const at = problems.findIndex(([column, , row]) => row === from.row && column === from.column);
  const start = at < 0 && step < 0 ? 0 : at;
  const [column, , row] = problems[(start + step + problems.length) % problems.length] ?? [0, '', 0];
  return { row, column };
};

/** Where a key leads, or undefined where it is none of the grid's. */
export const moved = (
  { key, ctrlKey }: { readonly key: string; readonly ctrlKey: boolean },
  { row, column }: Place,
  [rows, columns]: readonly [number, number],
): Place | undefined => {
  switch (key) {
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
      return { row: ctrlKey ? 0 : row, column: 0 };
    case 'End':
      return { row: ctrlKey ? rows - 1 : row, column: columns - 1 };
    default:
      return undefined;
  }
};

/** What is focused, by name: it stays the same when rows, columns or the zoom change. */
export interface Focused {
  readonly host: string;
  readonly label: string;
}

/** Where it stands now: of a shorter label the last column in it, of a longer one the column that it is in. */
export const placeOf = (
  focused: Focused | undefined,
  rows: readonly MatrixRow[],
  columns: readonly string[],
): Place => {
  const row = rows.findIndex(({ host }) => host === focused?.host);
  const column = columns.findLastIndex(
    (label) => focused !== undefined && (label.startsWith(focused.label) || focused.label.startsWith(label)),
  );
  return { row: Math.max(0, row), column: column < 0 ? columns.length - 1 : column };
};
