/**
 * `logd status --json`: one document, written piece by piece. Field names are stable; times are ISO 8601 in UTC.
 *
 *   generated_at  time
 *   segments      list, in order of host, stream and hour; then those that are absent
 *     host, stream, hour   names; the hour as its label, `2026112216`
 *     state                open | complete | sealed | refused | incomplete | absent
 *     generation, late     2 and more, and true, once lines came after the end of the hour
 *     packs, lines, bytes  what is recorded
 *     expected             null until the hour has ended, then { packs, lines, bytes, sha256 } as the agent states them; while
 *                          late lines come, still as of the end before them
 *     missing_packs        ids that are known to exist and are not here
 *     lost_packs, lost_bytes  what is gone for good
 *     gaps                 list of { from, to, reason, bytes, why }, bytes null where unknown, why null unless the agent
 *                          said that it cannot make missing packs again; the first 100
 *     first_arrival, last_arrival  times of the first and the last pack
 *     last_line            time at which the source was last written, as far as it is here
 *     last_lines_arrival   time of the last pack with lines; the end of an hour may come alone, and later
 *     lag_ms               last_lines_arrival − last_line, 0 of an hour without lines
 *     source               same | changed | gone | unchecked: whether its files on the host still hold what was sent
 *     source_place         null, or where they differ
 *     reason               null, or why it is refused or incomplete, or what an open one waits for; says so where the end is missing, which is no gap between ids
 *                          Of an absent hour, which must be there and is not: host, stream, hour, state "absent", and last_hour,
 *                          the last one before it that is there, or null
 *     removed              null, or when retention removed what was stored of it (sink.store.retain); its state stays "sealed"
 *     archived             true once its packs are forgotten (sink.ledger.keep_packs)
 *   days          list of { host, stream, day, sealed, hours, complete }
 *   summary       { segments, open, complete, sealed, refused, incomplete, absent, late, packs, lines, bytes, missing_packs,
 *                   lost_packs, lost_bytes, all_sealed }
 */
import type { AbsentHour } from '../ledger/expected-set.ts';
import type { DayRecord, Gap, SegmentRecord } from '../ledger/ledger.ts';
import { allSealed, lagMs, lastLinesAt, missingPacks, reasonOf, type Summary } from './summary.ts';

const iso = (ms: number): string => new Date(ms).toISOString();

export const segmentJson = (segment: SegmentRecord, gaps: readonly Gap[]) => ({
  host: segment.host,
  stream: segment.stream,
  hour: segment.hour,
  state: segment.state,
  generation: segment.generation,
  late: segment.generation > 1,
  packs: segment.packs,
  lines: segment.lines,
  bytes: segment.bytes,
  expected: segment.expected
    ? {
        packs: segment.expected.packs,
        lines: segment.expected.lines,
        bytes: segment.expected.bytes,
        sha256: segment.expected.sha256,
      }
    : null,
  missing_packs: missingPacks(segment),
  lost_packs: segment.lostPacks,
  lost_bytes: segment.lostBytes,
  gaps: gaps.map(({ from, to, reason, bytes, why }) => ({
    from,
    to,
    reason,
    bytes: bytes ?? null,
    why: why ?? null,
  })),
  first_arrival: iso(segment.firstArrival),
  last_arrival: iso(segment.lastArrival),
  last_lines_arrival: iso(lastLinesAt(segment)),
  last_line: iso(segment.lastLine),
  lag_ms: lagMs(segment),
  source: segment.source ?? 'unchecked',
  source_place: segment.sourcePlace ?? null,
  reason: reasonOf(segment) ?? null,
  removed: segment.removed === undefined ? null : iso(segment.removed),
  archived: segment.archived === true,
});

export const absentJson = ({ host, stream, hour, lastHour }: AbsentHour) => ({
  ...{ host, stream, hour, state: 'absent', last_hour: lastHour ?? null },
});

export const dayJson = (day: DayRecord) => ({ ...day, complete: day.sealed === day.hours });

export const summaryJson = (summary: Summary) => ({
  segments: summary.segments,
  ...summary.states,
  absent: summary.absent,
  late: summary.late,
  packs: summary.packs,
  lines: summary.lines,
  bytes: summary.bytes,
  missing_packs: summary.missingPacks,
  lost_packs: summary.lostPacks,
  lost_bytes: summary.lostBytes,
  all_sealed: allSealed(summary),
});
