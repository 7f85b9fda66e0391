/**
 * The matrix of a stream: hosts × hours, days or months. Structure (which hosts, which columns) and states are apart, so that a page asks
 * for states alone when something changes.
 */
import type { ExpectedHours } from '../../ledger/expectation.ts';
import { type StateLetter, type StateRules, statesOf, worstOf } from './cell-states.ts';
import { hourLabel } from '../../pack/hour-index.ts';
import type { HourBook, HostHours } from './hour-cells.ts';
import { pairOf } from './hour-table.ts';

export type Zoom = 'hours' | 'days' | 'months';

/** One column: its label (`2026112216`, `20261122`, `202611`) and the hours it stands for, `to` exclusive. */
export interface MatrixColumn {
  readonly label: string;
  readonly from: number;
  readonly to: number;
}

export interface MatrixStates {
  /** By host: letters of all columns, run-length coded (`S23L1`). */
  readonly hosts: readonly (readonly [string, string])[];
  /** The worst of all hosts, by column, coded likewise. */
  readonly worst: string;
  /** Cells by letter, of the whole matrix. */
  readonly counts: Readonly<Partial<Record<StateLetter, number>>>;
  /** Hosts whose last states are old, because their sink does not answer. */
  readonly unknown: readonly string[];
  /** For days and months: how many hours of the cell have the state it shows, by host. */
  readonly weights?: readonly (readonly [string, readonly number[]])[];
}

export interface MatrixSource {
  readonly book: HourBook;
  readonly expectations: ReadonlyMap<string, ExpectedHours>;
  /** Sinks that do not answer, and since when: what came to them since is unknown. */
  readonly away: ReadonlyMap<string, number>;
}

/** Since when a row is unknown, because a sink that has its last hour is away; undefined where it is known. */
export const unknownSince = ({ away }: MatrixSource, row: HostHours | undefined): number | undefined => {
  if (away.size === 0) return undefined;
  const times = (row?.sources ?? []).flatMap((source) => away.get(source) ?? []);
  return times.length === 0 ? undefined : Math.min(...times);
};

/** The states of a row. Of what is unknown the last that was known is shown: as of when its sink last answered. */
export const rowStates = (
  source: MatrixSource,
  [stream, host, row]: readonly [string, string, HostHours | undefined],
  [from, to]: readonly [number, number],
  rules: StateRules,
): StateLetter[] => {
  const since = unknownSince(source, row);
  const asOf = since === undefined ? rules : { ...rules, now: Math.min(rules.now, since) };
  return statesOf(row, from, to, asOf, source.expectations.get(pairOf(stream, host)));
};

const HOUR_MS = 3_600_000;
const LABEL_LENGTH: Readonly<Record<Zoom, number>> = { hours: 10, days: 8, months: 6 };

/** The columns from one hour to another (exclusive), oldest first. */
export const columnsOf = (zoom: Zoom, from: number, to: number): MatrixColumn[] => {
  const columns: MatrixColumn[] = [];
  let start = from;
  for (let index = from + 1; index <= to; index++) {
    const label = hourLabel(start).slice(0, LABEL_LENGTH[zoom]);
    if (index < to && zoom !== 'hours' && hourLabel(index).startsWith(label)) continue;
    columns.push({ label, from: start, to: index });
    start = index;
  }
  return columns;
};

/** `S23L1`: each letter and how often it follows itself. */
export const runLengths = (letters: readonly string[]): string => {
  let coded = '';
  for (let start = 0; start < letters.length;) {
    let end = start;
    while (end < letters.length && letters[end] === letters[start]) end++;
    coded += `${letters[start]}${end - start}`;
    start = end;
  }
  return coded;
};

/** `web2` comes before `web10`. */
export const byName = new Intl.Collator('en', { numeric: true }).compare;

/** Rows of a stream: those that were reported, and those that somebody expects though nothing ever came. */
export const rowsOf = (
  { book, expectations }: MatrixSource,
  stream: string,
): [string, HostHours | undefined][] => {
  const rows = new Map<string, HostHours | undefined>(book.rows(stream).map((row) => [row.host, row]));
  for (const pair of expectations.keys()) {
    const [of = '', host = ''] = pair.split('/');
    if (of === stream && !rows.has(host)) rows.set(host, undefined);
  }
  return [...rows].sort(([a], [b]) => byName(a, b));
};

export interface MatrixHost {
  readonly host: string;
  /** First hour that is expected or known, and, where it is retired or has gone silent for good, the first that is not expected. */
  readonly from: number;
  readonly to: number | undefined;
}

/** The hosts of a stream, and between which hours each is expected. */
export const hostsOf = (source: MatrixSource, stream: string, rules: StateRules): MatrixHost[] =>
  rowsOf(source, stream).map(([host, row]) => {
    const { since = Infinity, retired } = source.expectations.get(pairOf(stream, host)) ?? {};
    const last = row?.last ?? -Infinity;
    const isRetired = retired !== undefined && last < retired;
    const end = isRetired ? retired : since === Infinity ? last + rules.expectWithin + 1 : undefined;
    return {
      host,
      from: Math.min(row?.first ?? Infinity, since),
      to: end !== undefined && end <= Math.floor(rules.now / HOUR_MS) ? end : undefined,
    };
  });

/** All streams that are known or expected. */
export const streamsOf = ({ book, expectations }: MatrixSource): string[] =>
  [
    ...new Set([...book.streams(), ...[...expectations.keys()].map((pair) => pair.split('/')[0] ?? '')]),
  ].sort();

export const matrixStates = (
  source: MatrixSource,
  stream: string,
  columns: readonly MatrixColumn[],
  rules: StateRules,
): MatrixStates => {
  const [from, to] = [columns[0]?.from ?? 0, columns.at(-1)?.to ?? 0];
  const isHours = columns.every((column) => column.to - column.from === 1);
  const worst: StateLetter[] = columns.map(() => ' ');
  const counts: Partial<Record<StateLetter, number>> = {};
  const hosts: [string, string][] = [];
  const weights: [string, number[]][] = [];
  const unknown: string[] = [];
  for (const [host, row] of rowsOf(source, stream)) {
    const hours = rowStates(source, [stream, host, row], [from, to], rules);
    if (unknownSince(source, row) !== undefined) unknown.push(host);
    const cells = isHours
      ? hours
      : columns.map((column) => worstOf(hours.slice(column.from - from, column.to - from)));
    for (const [n, letter] of cells.entries()) {
      counts[letter] = (counts[letter] ?? 0) + 1;
      worst[n] = worstOf([worst[n] ?? ' ', letter]);
    }
    hosts.push([host, runLengths(cells)]);
    if (!isHours)
      weights.push([
        host,
        columns.map(
          (column, n) =>
            hours.slice(column.from - from, column.to - from).filter((each) => each === cells[n]).length,
        ),
      ]);
  }
  return { hosts, worst: runLengths(worst), counts, unknown, ...(isHours ? {} : { weights }) };
};
