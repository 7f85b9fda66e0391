/**
 * What the monitor keeps of hours: a letter for each host × stream × hour, in rows by day (UTC). It is what sinks report; what only the
 * clock makes of it (late, silent, not expected) is worked out when somebody looks: see cell-states.ts.
 *
 *   s sealed · e sealed with 0 lines · o open · i incomplete · r refused · x removed by retention · . nothing was reported
 *
 * A segment of a whole day has the upper-case letter, at the first hour of its day: whoever reads a cell sees the lower-case one, and
 * that the row has days.
 *
 * In memory a cell is a byte, and so it is in the store: a year of 200 hosts is 1.75 MB.
 */
import { hourIndex, hourLabel } from '../../pack/hour-index.ts';
import type { HourLetter } from '../../report/hour-letter.ts';

export type CellLetter = HourLetter | 'x' | '.';
/** As sinks report it: upper case for a whole day. */
export type ReportedLetter = HourLetter | Uppercase<HourLetter>;

const HOUR_MS = 3_600_000;
export const HOURS_IN_ROW = 24;
const NOTHING = '.'.charCodeAt(0);

/** Later in this list wins, where two sinks have an hour: refused shows, then what is sealed, then what is worse. */
const LETTERS: readonly CellLetter[] = ['.', 'o', 'i', 'x', 'e', 's', 'r'];
/** By code, upper case as well: the rank in {@link LETTERS}. */
const RANK = new Uint8Array(128);
for (const [rank, letter] of LETTERS.entries())
  for (const each of [letter, letter.toUpperCase()]) RANK[each.charCodeAt(0)] = rank;

export const dayOf = (index: number): string => hourLabel(index).slice(0, 8);
export const timeOf = (index: number): number => index * HOUR_MS;
export const indexAt = (at: number): number => Math.floor(at / HOUR_MS);

interface SheetRow {
  /** Hours since 1970 of the first cell; a multiple of 24. */
  base: number;
  cells: Uint8Array;
  /** First and last cell that has something. */
  first: number;
  last: number;
}

/** Everything that is known of one host and stream, from all sinks. */
export interface HostHours {
  readonly stream: string;
  readonly host: string;
  /** Hours since 1970 of the first and the last hour that was reported. */
  readonly first: number;
  readonly last: number;
  /** It has segments of whole days. */
  readonly isDaily: boolean;
  /** Which sinks have its last hour: if one of them is away, what came since is unknown. */
  readonly sources: readonly string[];
  letter(index: number): CellLetter;
}

export interface HourBook {
  streams(): string[];
  /** Rows of a stream, in no order. */
  rows(stream: string): HostHours[];
  row(stream: string, host: string): HostHours | undefined;
  /** Takes what a sink reported; true where that changes the letter. */
  set(source: string, stream: string, host: string, index: number, letter: ReportedLetter): boolean;
  /** The cells of a day as that sink reported them: what the store keeps. */
  dayCells(source: string, stream: string, host: string, day: string): string;
  /** Puts back what the store kept. */
  load(source: string, stream: string, host: string, day: string, cells: string): void;
  /** Forgets all that a sink reported. */
  forget(source: string): void;
  /** The last hour that a sink reported anything of; undefined for nothing. */
  lastOf(source: string): number | undefined;
}

const codeIn = ({ base, cells }: SheetRow, index: number): number => cells[index - base] ?? NOTHING;

/** Makes room for a cell, in whole days and some more where it grows at the end. */
const reserve = (row: SheetRow, index: number): void => {
  const day = index - (index % HOURS_IN_ROW);
  if (row.cells.length === 0) row.base = day;
  const [from, to] = [row.base, row.base + row.cells.length];
  if (day >= from && day < to) return;
  const base = Math.min(day, from);
  const end = day >= to ? day + HOURS_IN_ROW + (to - from > 0 ? 32 * HOURS_IN_ROW : 0) : to;
  const cells = new Uint8Array(end - base).fill(NOTHING);
  cells.set(row.cells, from - base);
  [row.base, row.cells] = [base, cells];
};

const put = (row: SheetRow, index: number, code: number): void => {
  reserve(row, index);
  row.cells[index - row.base] = code;
  if (code === NOTHING) return;
  row.first = Math.min(row.first, index);
  row.last = Math.max(row.last, index);
};

const isUpper = (code: number): boolean => code >= 65 && code <= 90;

/** What all sinks know of a host and stream; undefined where none knows it. */
const combined = (
  stream: string,
  host: string,
  found: readonly (readonly [string, SheetRow])[],
): HostHours | undefined => {
  const [only, ...others] = found.map(([, row]) => row);
  if (only === undefined) return undefined;
  const rankAt = (index: number): number => {
    let rank = RANK[codeIn(only, index)]!;
    for (const row of others) rank = Math.max(rank, RANK[codeIn(row, index)]!);
    return rank;
  };
  const last = Math.max(...found.map(([, row]) => row.last));
  return {
    ...{ stream, host, last, first: Math.min(...found.map(([, row]) => row.first)) },
    isDaily: found.some(([, row]) => isUpper(codeIn(row, last))),
    sources: found.filter(([, row]) => row.last === last).map(([source]) => source),
    letter: (index) => LETTERS[rankAt(index)]!,
  };
};

/** The book, in memory. */
export const createHourBook = (): HourBook => {
  /** Source → stream → host. */
  const sheets = new Map<string, Map<string, Map<string, SheetRow>>>();

  const touch = (source: string, stream: string, host: string): SheetRow => {
    const streams = sheets.get(source) ?? new Map<string, Map<string, SheetRow>>();
    sheets.set(source, streams);
    const hosts = streams.get(stream) ?? new Map<string, SheetRow>();
    streams.set(stream, hosts);
    const row = hosts.get(host) ?? { base: 0, cells: new Uint8Array(0), first: Infinity, last: -Infinity };
    hosts.set(host, row);
    return row;
  };
  const row = (stream: string, host: string): HostHours | undefined =>
    combined(
      stream,
      host,
      [...sheets].flatMap(([source, streams]) => {
        const own = streams.get(stream)?.get(host);
        return own === undefined || own.last === -Infinity ? [] : [[source, own] as const];
      }),
    );

  return {
    streams: () => [...new Set([...sheets.values()].flatMap((streams) => [...streams.keys()]))].sort(),
    rows(stream) {
      const hosts = new Set([...sheets.values()].flatMap((each) => [...(each.get(stream)?.keys() ?? [])]));
      return [...hosts].flatMap((host) => row(stream, host) ?? []);
    },
    row,
    set(source, stream, host, index, letter) {
      const own = touch(source, stream, host);
      const code = letter.charCodeAt(0);
      if (codeIn(own, index) === code) return false;
      put(own, index, code);
      return true;
    },
    dayCells(source, stream, host, day) {
      const own = sheets.get(source)?.get(stream)?.get(host);
      const from = hourIndex(day);
      const codes = Array.from({ length: HOURS_IN_ROW }, (_, n) => (own ? codeIn(own, from + n) : NOTHING));
      return String.fromCharCode(...codes);
    },
    load(source, stream, host, day, cells) {
      const own = touch(source, stream, host);
      const from = hourIndex(day);
      for (let n = 0; n < Math.min(cells.length, HOURS_IN_ROW); n++) {
        const code = cells.charCodeAt(n);
        if (code < RANK.length && RANK[code]! > 0) put(own, from + n, code);
      }
    },
    forget: (source) => void sheets.delete(source),
    lastOf(source) {
      const rows = [...(sheets.get(source)?.values() ?? [])].flatMap((hosts) => [...hosts.values()]);
      const last = rows.reduce((most, each) => Math.max(most, each.last), -Infinity);
      return last === -Infinity ? undefined : last;
    },
  };
};
