/**
 * `logd audit` over all selected segments: a table, every problem, the verdict.
 *
 * `--json` is one document, field names stable, times ISO 8601 in UTC:
 *   generated_at  time
 *   segments      list of { host, stream, hour, state, generation, lines, bytes, sha256, stored, source, source_from,
 *                 source_bytes, file, problems, remarks, differences: list of { pack, from, to } with the byte range in the
 *                 segment, end exclusive }; lines, bytes and sha256 are the seal's, null without one; stored and source are
 *                 identical | differs | not read | not at hand | unknown, stored also missing and removed (retention), source also partly gone; source_from are the bytes of
 *                 the source files before the segment, 0 but where the agent began in the middle of one, null unless the source
 *                 is identical; source_bytes are those of the segment that were read at the source and are as sealed, null
 *                 unless it is identical or partly gone; problems and remarks are sentences; source_checked is what the agent found when it read its files once more: same | changed |
 *                 gone | unchecked
 *   verdict       { segments, left_out, sealed, identical, removed, sources_identical, sources_partly_gone, sources_not_at_hand, lines,
 *                 bytes, proven }
 */
import { wrap } from '../text/prose.ts';
import { type Column, formatBytes, formatCount, type Paint, table } from '../text/terminal.ts';
import { plural, STATE_COLOURS, showHour, showState } from '../report/segment-text.ts';
import { lengthOf } from '../audit/pieces.ts';
import { isProven, type SegmentAudit } from '../audit/segment.ts';
import type { Verdict } from '../audit/verdict.ts';

/** What all audited segments come to. */
export interface Tally {
  segments: number;
  /** Open ones, unless they were asked for; not among `segments`. */
  leftOut: number;
  sealed: number;
  /** Segments that {@link isProven}. */
  proven: number;
  /** Segments whose stored bytes equal their seal. */
  identical: number;
  /** Sealed segments whose stored bytes retention has removed. */
  removed: number;
  sourcesIdentical: number;
  sourcesPartlyGone: number;
  sourcesNotAtHand: number;
  /** Of the seals. */
  lines: number;
  bytes: number;
}

export const emptyTally = (): Tally => ({
  ...{
    segments: 0,
    leftOut: 0,
    sealed: 0,
    proven: 0,
    identical: 0,
    removed: 0,
    sourcesIdentical: 0,
    sourcesPartlyGone: 0,
    sourcesNotAtHand: 0,
  },
  ...{ lines: 0, bytes: 0 },
});

/** Adds one segment. */
export const count = (tally: Tally, audit: SegmentAudit): void => {
  if (audit.isNeutral) {
    tally.leftOut++;
    return;
  }
  tally.segments++;
  if (isProven(audit)) tally.proven++;
  if (audit.seal) tally.sealed++;
  if (audit.seal && audit.stored === 'identical') tally.identical++;
  if (audit.stored === 'removed (retention)') tally.removed++;
  if (audit.source === 'identical') tally.sourcesIdentical++;
  if (audit.source === 'partly gone') tally.sourcesPartlyGone++;
  if (audit.source === 'not at hand') tally.sourcesNotAtHand++;
  tally.lines += audit.seal?.lines ?? 0;
  tally.bytes += audit.seal?.bytes ?? 0;
};

/** True when there was something to audit, and all of it is proven. */
export const allProven = (tally: Tally): boolean => tally.segments > 0 && tally.proven === tally.segments;

/** `12 of 12 segments sealed, 3,412,889 lines, byte for byte identical (stored and source)` */
export const describeVerdict = (tally: Tally): string => {
  const leftOut = tally.leftOut === 0 ? '' : ` (${formatCount(tally.leftOut)} still open, not counted)`;
  if (tally.segments === 0) return `No segment is selected${leftOut}: nothing was audited.`;
  const sealed = `${formatCount(tally.sealed)} of ${plural(tally.segments, 'segment')} sealed${leftOut}`;
  if (!allProven(tally))
    return `${sealed}, ${formatCount(tally.segments - tally.proven)} not proven: see above`;
  if (tally.removed > 0) {
    const removed = `${formatCount(tally.removed)} removed (retention), their seals kept`;
    return `${sealed}, ${plural(tally.lines, 'line')}: ${formatCount(tally.identical)} byte for byte identical, ${removed}`;
  }
  return `${sealed}, ${plural(tally.lines, 'line')}, byte for byte identical (${describeSources(tally)})`;
};

const describeSources = (tally: Tally): string => {
  const { segments, sourcesIdentical, sourcesPartlyGone, sourcesNotAtHand } = tally;
  if (sourcesIdentical === segments) return 'source, seal and sink agree';
  if (sourcesNotAtHand === segments) return 'stored as sealed; no source at hand';
  const others = [
    ...(sourcesPartlyGone > 0 ? [`${formatCount(sourcesPartlyGone)} partly gone`] : []),
    ...(sourcesNotAtHand > 0 ? [`${formatCount(sourcesNotAtHand)} not at hand`] : []),
  ];
  return `stored as sealed; ${plural(sourcesIdentical, 'source')} compared, ${others.join(', ')}`;
};

/** A problem of a segment, or of the audit as a whole. */
export const showProblem = (mark: string, problem: string, width: number): string =>
  wrap(problem, width, `${mark} `).join('\n');

/** {@link describeVerdict} in the colour of its meaning. */
export const showVerdict = (tally: Tally, width: number, paint: Paint): string =>
  paint(allProven(tally) ? 'green' : 'red', wrap(describeVerdict(tally), width).join('\n'));

const VERDICT_COLOURS = {
  identical: 'green',
  'removed (retention)': 'dim',
  differs: 'red',
  missing: 'red',
  'not read': 'yellow',
  'partly gone': 'dim',
  'not at hand': 'dim',
  unknown: 'yellow',
} as const satisfies Record<Verdict, string>;

/** `identical`, `identical from byte 1,024 on`, `not at hand`, … */
const showSource = ({ source, sourceFrom }: SegmentAudit): string =>
  sourceFrom > 0 ? `${source} from byte ${formatCount(sourceFrom)} on` : source;

const auditColumns = (paint: Paint): Column<SegmentAudit>[] => [
  {
    title: '',
    cell: (row) => (row.isNeutral ? '·' : isProven(row) ? '✔' : '✗'),
    paint: (text, row) => paint(row.isNeutral ? 'dim' : isProven(row) ? 'green' : 'red', text),
    importance: 9,
  },
  { title: 'HOST', cell: ({ segment }) => segment.host, importance: 9 },
  { title: 'STREAM', cell: ({ segment }) => segment.stream, importance: 7, minWidth: 12 },
  { title: 'HOUR', cell: ({ segment }) => showHour(segment.hour), importance: 9, minWidth: 14 },
  {
    title: 'STATE',
    cell: ({ segment }) => showState(segment),
    paint: (text, { segment }) => paint(STATE_COLOURS[segment.state], text),
    importance: 6,
    minWidth: 12,
  },
  {
    title: 'LINES',
    cell: ({ segment, seal }) => formatCount(seal?.lines ?? segment.lines),
    align: 'right',
    importance: 4,
    minWidth: 12,
  },
  {
    title: 'BYTES',
    cell: ({ segment, seal }) => formatBytes(seal?.bytes ?? segment.bytes),
    align: 'right',
    importance: 3,
    minWidth: 10,
  },
  {
    title: 'STORED',
    cell: (row) => row.stored,
    paint: (text, row) => paint(VERDICT_COLOURS[row.stored], text),
    importance: 8,
    minWidth: 9,
  },
  {
    title: 'SOURCE',
    cell: showSource,
    paint: (text, row) => paint(VERDICT_COLOURS[row.source], text),
    importance: 8,
    minWidth: 40, // never cut: the byte that an hour begins with is part of the verdict
  },
];

/** One row for each segment. */
export const auditTable = (rows: readonly SegmentAudit[], width: number, paint: Paint): string[] =>
  table(rows, auditColumns(paint), width, paint);

export const auditJson = ({
  segment,
  seal,
  stored,
  source,
  sourceFrom,
  sourcePieces,
  file,
  differences,
  notes,
  remarks,
}: SegmentAudit) => ({
  host: segment.host,
  stream: segment.stream,
  hour: segment.hour,
  state: segment.state,
  generation: segment.generation,
  lines: seal?.lines ?? null,
  bytes: seal?.bytes ?? null,
  sha256: seal?.sha256 ?? null,
  stored,
  source,
  source_checked: segment.source ?? 'unchecked',
  source_from: source === 'identical' ? sourceFrom : null,
  source_bytes: source === 'identical' || source === 'partly gone' ? lengthOf(sourcePieces) : null,
  file,
  problems: notes,
  remarks,
  differences: differences.map(({ pack, from, to }) => ({ pack: pack ?? null, from, to })),
});

export const verdictJson = (tally: Tally) => ({
  segments: tally.segments,
  left_out: tally.leftOut,
  sealed: tally.sealed,
  identical: tally.identical,
  removed: tally.removed,
  sources_identical: tally.sourcesIdentical,
  sources_partly_gone: tally.sourcesPartlyGone,
  sources_not_at_hand: tally.sourcesNotAtHand,
  lines: tally.lines,
  bytes: tally.bytes,
  proven: allProven(tally),
});
