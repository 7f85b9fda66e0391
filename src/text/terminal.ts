/** What the commands print: colours where a terminal shows them, tables that fit it, numbers that people can read. */
import type { WriteStream } from 'node:tty';
import { printable } from '../telemetry/printable.ts';

const CODES = {
  bold: 1,
  dim: 2,
  red: 31,
  green: 32,
  yellow: 33,
  blue: 34,
  magenta: 35,
  cyan: 36,
  grey: 90,
} as const;

export type Colour = keyof typeof CODES;
export type Paint = (colour: Colour, text: string) => string;

/** What a stream is shown on. */
export interface Display {
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** A stream that text is written to: what is needed of `process.stdout`. */
export type TextOutput = Pick<WriteStream, 'write'> & Display;

/** Colours text for this stream: only on a terminal, and not where NO_COLOR is set (https://no-color.org). */
export const painter = (stream: TextOutput, env: NodeJS.ProcessEnv = process.env): Paint =>
  stream.isTTY === true && !env['NO_COLOR'] && env['TERM'] !== 'dumb'
    ? (colour, text) => `\x1b[${CODES[colour]}m${text}\x1b[0m`
    : (_colour, text) => text;

/** Columns of the terminal; unlimited where the output is a file or a pipe, so that nothing is cut off there. */
export const widthOf = (stream: Display): number =>
  stream.isTTY === true ? (stream.columns ?? 80) : Infinity;

export interface Column<Row> {
  readonly title: string;
  /** The text of a cell, without colours. */
  cell(row: Row): string;
  readonly align?: 'left' | 'right';
  /** Colours the cell after it was fitted. */
  readonly paint?: (text: string, row: Row) => string;
  /** The column with the smallest importance gives way first when the terminal is narrow; default 1. */
  readonly importance?: number;
  /** Narrowest width the column is cut to; default 4, or its content. */
  readonly minWidth?: number;
}

const GAP = '  ';
const segmenter = new Intl.Segmenter();

const graphemes = (text: string): string[] => Array.from(segmenter.segment(text), (each) => each.segment);

/** Cuts text to `width` characters, the last of them `…` when something is left out. */
export const truncate = (text: string, width: number): string => {
  if (text.length <= width) return text;
  const parts = graphemes(text);
  return parts.length <= width ? text : `${parts.slice(0, Math.max(0, width - 1)).join('')}…`;
};

const pad = (text: string, width: number, align: 'left' | 'right'): string => {
  const fill = ' '.repeat(Math.max(0, width - graphemes(text).length));
  return align === 'right' ? fill + text : text + fill;
};

/**
 * Lines of a table with a header. Where it is wider than `width`, the columns of least importance are narrowed first, then
 * left out; the most important one always stays.
 */
export const table = <Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  width: number,
  paint: Paint = (_colour, text) => text,
): string[] => {
  const cells = rows.map((row) => columns.map((column) => printable(column.cell(row))));
  const natural = columns.map((column, index) =>
    cells.reduce(
      (widest, row) => Math.max(widest, graphemes(row[index]!).length),
      graphemes(column.title).length,
    ),
  );
  const widths = fit(columns, natural, width);
  const line = (texts: readonly string[], finish: (text: string, index: number) => string): string =>
    columns
      .flatMap((column, index) => {
        const room = widths[index]!;
        if (room === 0) return [];
        return [finish(pad(truncate(texts[index]!, room), room, column.align ?? 'left'), index)];
      })
      .join(GAP)
      .trimEnd();
  return [
    line(
      columns.map((column) => column.title),
      (text) => paint('bold', text),
    ),
    ...rows.map((row, at) => line(cells[at]!, (text, index) => columns[index]!.paint?.(text, row) ?? text)),
  ];
};

/** The width of each column, 0 for one that is left out. */
const fit = <Row>(columns: readonly Column<Row>[], natural: readonly number[], width: number): number[] => {
  const leastFirst = columns.map((_, index) => index);
  leastFirst.sort((a, b) => (columns[a]!.importance ?? 1) - (columns[b]!.importance ?? 1) || b - a);
  for (let kept = leastFirst; ; kept = kept.slice(1)) {
    const widths = columns.map((_, index) => (kept.includes(index) ? natural[index]! : 0));
    let excess = widths.reduce((sum, each) => sum + each, GAP.length * (kept.length - 1)) - width;
    for (const index of kept) {
      const floor = kept.length === 1 ? 1 : Math.min(natural[index]!, columns[index]!.minWidth ?? 4);
      const cut = Math.min(Math.max(0, excess), Math.max(0, natural[index]! - floor));
      widths[index] = natural[index]! - cut;
      excess -= cut;
    }
    if (excess <= 0 || kept.length <= 1) return widths;
  }
};

/** `3,412,889` */
export const formatCount = (count: number): string => count.toLocaleString('en-US');

/** `1.4 MiB`, `3 B`: for reading, also of rates; {@link file://../config/units.ts} has the exact form. */
export const formatBytes = (bytes: number): string => {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = Math.round(bytes);
  let unit = 0;
  while (value >= 1023.95 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
};
