/**
 * What the monitor keeps of hours: a letter for each host × stream × hour, in rows by day. It is what sinks report; what only the clock
 * makes of it (late, silent, not expected) is worked out when somebody looks: see cell-states.ts.
 *
 *   s sealed · e sealed with 0 lines · o open · i incomplete · r refused · x removed by retention · . nothing was reported
 */
import type { SegmentRecord } from '../../ledger/ledger.ts';

export type CellLetter = 's' | 'e' | 'o' | 'i' | 'r' | 'x' | '.';

const LETTERS = '.oixesr';
const HOUR_MS = 3_600_000;
export const HOURS_IN_ROW = 24;
const NOTHING = '.'.repeat(HOURS_IN_ROW);

/** Hours since 1970 of a label, read as UTC; undefined for a label of a whole day, or of no hour. */
export const hourIndex = (label: string): number | undefined => {
  const found = /^(\d{4})(\d{2})(\d{2})(\d{2})b?$/.exec(label);
  if (found === null) return undefined;
  const [, year, month, day, hour] = found.map(Number);
  return Date.UTC(year ?? 0, (month ?? 1) - 1, day, hour) / HOUR_MS;
};

/** `2026112216`, of hours since 1970. */
export const labelOf = (index: number): string =>
  new Date(index * HOUR_MS).toISOString().slice(0, 13).replaceAll(/[-T]/g, '');

export const dayOf = (index: number): string => labelOf(index).slice(0, 8);
export const timeOf = (index: number): number => index * HOUR_MS;
export const indexAt = (at: number): number => Math.floor(at / HOUR_MS);

export const letterOf = ({ state, lines, generation, expected }: SegmentRecord): CellLetter => {
  if (state === 'refused') return 'r';
  if (state === 'incomplete') return 'i';
  if (state === 'sealed') return lines === 0 && expected?.bytes === 0 && generation === 1 ? 'e' : 's';
  return 'o';
};

/** Two sinks, or an hour that comes twice when clocks go back: refused shows, then what is sealed, then what is worse. */
export const merged = (one: CellLetter, other: CellLetter): CellLetter =>
  LETTERS.indexOf(one) >= LETTERS.indexOf(other) ? one : other;

interface SheetRow {
  /** Hours since 1970 of the first cell; a multiple of 24. */
  base: number;
  cells: CellLetter[];
}

/** Everything that is known of one host and stream, from all sinks. */
export interface HostHours {
  readonly stream: string;
  readonly host: string;
  /** Hours since 1970 of the first and the last hour that was reported. */
  readonly first: number;
  readonly last: number;
  letter(index: number): CellLetter;
}

export interface HourBook {
  streams(): string[];
  /** Rows of a stream in order of host. */
  rows(stream: string): HostHours[];
  row(stream: string, host: string): HostHours | undefined;
  /** Takes what a sink reported; true where that changes the letter. */
  set(source: string, stream: string, host: string, index: number, letter: CellLetter): boolean;
  /** The cells of a day as that sink reported them: what the store keeps. */
  dayCells(source: string, stream: string, host: string, day: string): string;
  /** Puts back what the store kept. */
  load(source: string, stream: string, host: string, day: string, cells: string): void;
}

const letterIn = (row: SheetRow, index: number): CellLetter => row.cells[index - row.base] ?? '.';

/** Writes a cell, with room made before or behind in whole days. */
const put = (row: SheetRow, index: number, letter: CellLetter): void => {
  if (row.cells.length === 0) row.base = index - (index % HOURS_IN_ROW);
  while (index < row.base) {
    row.cells.unshift(...(NOTHING.split('') as CellLetter[]));
    row.base -= HOURS_IN_ROW;
  }
  while (index >= row.base + row.cells.length) row.cells.push(...(NOTHING.split('') as CellLetter[]));
  row.cells[index - row.base] = letter;
};

/** Rows by stream and host, of one sink. */
const createSheet = () => {
  const streams = new Map<string, Map<string, SheetRow>>();
  return {
    streams,
    get: (stream: string, host: string): SheetRow | undefined => streams.get(stream)?.get(host),
    touch(stream: string, host: string): SheetRow {
      const hosts = streams.get(stream) ?? new Map<string, SheetRow>();
      streams.set(stream, hosts);
      const row = hosts.get(host) ?? { base: 0, cells: [] };
      hosts.set(host, row);
      return row;
    },
  };
};

const firstAndLast = (rows: readonly SheetRow[]): { readonly first: number; readonly last: number } => {
  let [first, last] = [Infinity, -Infinity];
  for (const { base, cells } of rows) {
    const from = cells.findIndex((letter) => letter !== '.');
    if (from < 0) continue;
    first = Math.min(first, base + from);
    last = Math.max(last, base + cells.findLastIndex((letter) => letter !== '.'));
  }
  return { first, last };
};

/** The book, in memory: a year of 200 hosts is some MiB. */
export const createHourBook = (): HourBook => {
  const sheets = new Map<string, ReturnType<typeof createSheet>>();
  const sheet = (source: string) => {
    const found = sheets.get(source) ?? createSheet();
    sheets.set(source, found);
    return found;
  };

  const row = (stream: string, host: string): HostHours | undefined => {
    const rows = [...sheets.values()]
      .map((each) => each.get(stream, host))
      .filter((each) => each !== undefined);
    if (rows.length === 0) return undefined;
    const letter = (index: number): CellLetter => rows.map((each) => letterIn(each, index)).reduce(merged);
    return { stream, host, ...firstAndLast(rows), letter };
  };

  const book: HourBook = {
    streams: () => [...new Set([...sheets.values()].flatMap((each) => [...each.streams.keys()]))].sort(),
    rows(stream) {
      const hosts = new Set(
        [...sheets.values()].flatMap((each) => [...(each.streams.get(stream)?.keys() ?? [])]),
      );
      return [...hosts].sort().flatMap((host) => row(stream, host) ?? []);
    },
    row,
    set(source, stream, host, index, letter) {
      const own = sheet(source).touch(stream, host);
      if (letterIn(own, index) === letter) return false;
      put(own, index, letter);
      return true;
    },
    dayCells(source, stream, host, day) {
      const own = sheets.get(source)?.get(stream, host);
      const from = hourIndex(`${day}00`) ?? 0;
      if (own === undefined) return NOTHING;
      return Array.from({ length: HOURS_IN_ROW }, (_, n) => letterIn(own, from + n)).join('');
    },
    load(source, stream, host, day, cells) {
      const from = hourIndex(`${day}00`) ?? 0;
      const own = sheet(source).touch(stream, host);
      for (let n = 0; n < cells.length; n++) if (cells[n] !== '.') put(own, from + n, cells[n] as CellLetter);
    },
  };
  return book;
};
