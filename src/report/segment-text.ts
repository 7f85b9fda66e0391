/** The tables and sentences of `logd status`, for people. */
import type { AbsentHour } from '../ledger/expected-set.ts';
import type { DayRecord, Gap, SegmentRecord, SegmentState } from '../ledger/ledger.ts';
import { splitLabel } from '../pack/hour.ts';
import { type SegmentKey, segmentName } from '../pack/pack.ts';
import { type Colour, type Column, formatBytes, formatCount, type Paint, table } from '../text/terminal.ts';
import { lagMs, lastLinesAt, missingPacks, type Summary } from './summary.ts';

export const STATE_COLOURS: Readonly<Record<SegmentState, Colour>> = {
  open: 'cyan',
  complete: 'blue',
  sealed: 'green',
  refused: 'red',
  incomplete: 'red',
};

/** `2026-11-22 16`, or `2026-11-22` for a day. */
export const showHour = (label: string): string => {
  const { date, hour } = splitLabel(label);
  return hour === undefined ? date : `${date} ${hour}`;
};

/** Sealed, and what was stored of it was removed as the configuration has it. */
export const REMOVED = 'removed (retention)';

/** A state and, where lines came after the end of the hour, that they did. */
export const showState = ({
  state,
  generation,
  removed,
}: Pick<SegmentRecord, 'state' | 'generation' | 'removed'>): string => {
  if (removed !== undefined) return REMOVED;
  return generation > 1 ? `${state}, late` : state;
};

/** `0.4 s`, `12 s`, `3 min`, `5.2 h`, `2.0 d`: for reading. */
export const showDuration = (ms: number): string => {
  if (ms < 9_950) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < 120_000) return `${Math.round(ms / 1000)} s`;
  if (ms < 7_200_000) return `${Math.round(ms / 60_000)} min`;
  return ms < 172_800_000 ? `${(ms / 3_600_000).toFixed(1)} h` : `${(ms / 86_400_000).toFixed(1)} d`;
};

/** `11-22 16:03:11`, in the time zone of whoever reads it. */
const showTime = (ms: number): string => {
  const at = new Date(ms);
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
};

/** `?` while the end has not come: of the hour, or of the lines that came after it. */
const showExpected = ({ packs, expected }: SegmentRecord): string =>
  expected && expected.packs >= packs ? formatCount(expected.packs) : '?';

/** A segment, or an hour that must be there and is not. */
export type StatusRow = SegmentRecord | AbsentHour;

const isThere = (row: StatusRow): row is SegmentRecord => 'state' in row;

/** A column that says nothing of an hour that is not there. */
const ofSegment = ({ cell, paint, ...column }: Column<SegmentRecord>): Column<StatusRow> => ({
  ...column,
  cell: (row) => (isThere(row) ? cell(row) : '-'),
  paint: (text, row) => (isThere(row) ? (paint?.(text, row) ?? text) : text),
});

const nameColumns = (paint: Paint): Column<StatusRow>[] => [
  { title: 'HOST', cell: (row) => row.host, importance: 9 },
  { title: 'STREAM', cell: (row) => row.stream, importance: 8 },
  { title: 'HOUR', cell: (row) => showHour(row.hour), importance: 9, minWidth: 14 },
  {
    title: 'STATE',
    cell: (row) => (isThere(row) ? showState(row) : 'absent'),
    paint: (text, row) => paint(isThere(row) ? STATE_COLOURS[row.state] : 'red', text),
    importance: 10,
    minWidth: 12,
  },
];

const segmentColumns = (paint: Paint): Column<SegmentRecord>[] => [
  {
    title: 'PACKS',
    cell: (row) => `${formatCount(row.packs)}/${showExpected(row)}`,
    align: 'right',
    importance: 6,
    minWidth: 9,
  },
  { title: 'LINES', cell: (row) => formatCount(row.lines), align: 'right', importance: 7, minWidth: 12 },
  { title: 'BYTES', cell: (row) => formatBytes(row.bytes), align: 'right', importance: 6, minWidth: 10 },
  {
    title: 'GAPS',
    cell: (row) => formatCount(missingPacks(row) + row.lostPacks),
    paint: (text, row) => (missingPacks(row) + row.lostPacks > 0 ? paint('red', text) : text),
    align: 'right',
    importance: 7,
  },
  { title: 'FIRST', cell: (row) => showTime(row.firstArrival), importance: 2, minWidth: 14 },
  { title: 'LAST', cell: (row) => showTime(lastLinesAt(row)), importance: 3, minWidth: 14 },
  {
    title: 'SOURCE',
    cell: ({ source = 'unchecked' }) => source,
    paint: (text, { source }) => (source === 'changed' ? paint('red', text) : text),
    importance: 1,
    minWidth: 9,
  },
  { title: 'LAG', cell: (row) => showDuration(lagMs(row)), align: 'right', importance: 4, minWidth: 6 },
];

/** One row for each segment, and for each that is absent. */
export const segmentTable = (rows: readonly StatusRow[], width: number, paint: Paint): string[] =>
  table(rows, [...nameColumns(paint), ...segmentColumns(paint).map(ofSegment)], width, paint);

/** `web2, access: 2026-11-25 17 is absent. Its last hour here is 2026-11-25 16.`, for each host and stream. */
export const describeAbsent = (absent: readonly AbsentHour[]): string[] =>
  [...Map.groupBy(absent, ({ host, stream }) => `${host}, ${stream}`)].map(([name, hours]) => {
    const [first] = hours;
    const what =
      hours.length === 1
        ? `${showHour(first!.hour)} is absent`
        : `${plural(hours.length, 'hour')} are absent`;
    const last = first?.lastHour === undefined ? '' : ` Its last hour before is ${showHour(first.lastHour)}.`;
    return `${name}: ${what}.${last}`;
  });

/** One row for each day of a host and stream. */
export const dayTable = (rows: readonly DayRecord[], width: number, paint: Paint): string[] =>
  table(
    rows,
    [
      { title: 'HOST', cell: (row) => row.host, importance: 3 },
      { title: 'STREAM', cell: (row) => row.stream, importance: 2 },
      { title: 'DAY', cell: (row) => showHour(row.day), importance: 4, minWidth: 10 },
      {
        title: 'HOURS SEALED',
        cell: (row) => `${row.sealed}/${row.hours}${row.sealed === row.hours ? '  complete' : ''}`,
        paint: (text, row) => (row.sealed === row.hours ? paint('green', text) : text),
        importance: 5,
        minWidth: 15,
      },
    ],
    width,
    paint,
  );

/** `web1/access/2026112216: packs 3–5 missing; pack 9 lost (source-vanished, 1.0 KiB)` */
export const describeGaps = (key: SegmentKey, gaps: readonly Gap[]): string => {
  const parts = gaps.map(({ from, to, reason, bytes, why }) => {
    const ids = from === to ? `pack ${from}` : `packs ${from}–${to}`;
    if (reason === 'missing')
      return why === undefined ? `${ids} missing` : `${ids} missing for good (${why})`;
    return `${ids} lost (${reason}${bytes === undefined ? '' : `, ${formatBytes(bytes)}`})`;
  });
  return `${segmentName(key)}: ${parts.join('; ')}`;
};

/** `1 pack`, `3,412 packs` */
export const plural = (count: number, word: string): string =>
  `${formatCount(count)} ${word}${count === 1 ? '' : 's'}`;

/** `11 of 12 segments sealed, 1 open: 3,412,889 lines, 812.0 MiB in 1,203 packs; 2 late; 3 packs missing` */
export const describeSummary = (summary: Summary): string => {
  const { states, late, missingPacks: missing, lostPacks: lost } = summary;
  const others = (['open', 'complete', 'refused', 'incomplete'] as const)
    .filter((state) => states[state] > 0)
    .map((state) => `, ${formatCount(states[state])} ${state}`);
  const sealed = `${formatCount(states.sealed)} of ${plural(summary.segments, 'segment')} sealed`;
  const sums = `${plural(summary.lines, 'line')}, ${formatBytes(summary.bytes)} in ${plural(summary.packs, 'pack')}`;
  const notes = [
    summary.absent > 0 ? `; ${plural(summary.absent, 'hour')} absent` : '',
    late > 0 ? `; ${formatCount(late)} late` : '',
    missing > 0 ? `; ${plural(missing, 'pack')} missing` : '',
    lost > 0 ? `; ${plural(lost, 'pack')} lost for good` : '',
  ];
  return `${sealed}${others.join('')}: ${sums}${notes.join('')}`;
};
