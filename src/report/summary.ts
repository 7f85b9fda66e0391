/**
 * What all selected segments add up to, and the newest of them: one pass over the ledger in constant memory.
 */
import type { SegmentRecord, SegmentState } from '../ledger/ledger.ts';

export interface Summary {
  readonly segments: number;
  readonly states: Readonly<Record<SegmentState, number>>;
  /** Hours that must be there and are not: they count among no other number. */
  readonly absent: number;
  /** Segments of generation 2 and more. */
  readonly late: number;
  readonly packs: number;
  readonly lines: number;
  readonly bytes: number;
  /** Packs that are known to exist and are not here (yet). */
  readonly missingPacks: number;
  /** Packs and bytes that are gone for good. */
  readonly lostPacks: number;
  readonly lostBytes: number;
}

/** Ids that are not here (yet): below the expected end, or, while that is unknown, below the highest id seen. */
export const missingPacks = (segment: SegmentRecord): number =>
  Math.max(0, Math.max(segment.expected?.packs ?? 0, segment.highestId) - segment.packs);

/** True when it is not known how many packs there are: the one that says so never came, or not for the newest generation. */
const endIsMissing = ({ expected, highestId }: SegmentRecord): boolean =>
  expected === undefined || expected.packs < highestId;

/** Why a segment is refused or incomplete. */
export const reasonOf = (segment: SegmentRecord): string | undefined =>
  segment.state === 'incomplete' && endIsMissing(segment)
    ? [segment.reason, 'Its end is missing: how many packs it has is not known.'].filter(Boolean).join(' ')
    : segment.reason;

/** When its last lines arrived; the end of an hour, which may come alone and later, does not count. */
export const lastLinesAt = ({ linesArrived, lastArrival }: SegmentRecord): number =>
  linesArrived ?? lastArrival;

/** Milliseconds from when the last line was written until its pack arrived. */
export const lagMs = (segment: SegmentRecord): number =>
  segment.lines === 0 ? 0 : Math.max(0, lastLinesAt(segment) - segment.lastLine);

/** Newest hour first; within an hour by host and stream. */
const byAge = (a: SegmentRecord, b: SegmentRecord): number =>
  compare(b.hour, a.hour) || compare(a.host, b.host) || compare(a.stream, b.stream);

/** Order of names and labels, as the ledger has it. */
export const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Counts segments one at a time and keeps the newest `keep` of them. */
export const summarise = (keep: number) => {
  const states = { open: 0, complete: 0, sealed: 0, refused: 0, incomplete: 0 };
  const sums = {
    segments: 0,
    absent: 0,
    late: 0,
    packs: 0,
    lines: 0,
    bytes: 0,
    missingPacks: 0,
    lostPacks: 0,
    lostBytes: 0,
  };
  const kept: SegmentRecord[] = [];
  const trim = (): void => {
    kept.sort(byAge);
    if (kept.length > keep) kept.length = keep;
  };
  return {
    add(segment: SegmentRecord): void {
      states[segment.state]++;
      sums.segments++;
      if (segment.generation > 1) sums.late++;
      for (const field of ['packs', 'lines', 'bytes', 'lostPacks', 'lostBytes'] as const)
        sums[field] += segment[field];
      sums.missingPacks += missingPacks(segment);
      kept.push(segment);
      if (kept.length >= 2 * keep + 100) trim();
    },
    addAbsent(hours: number): void {
      sums.absent += hours;
    },
    summary: (): Summary => ({ ...sums, states: { ...states } }),
    /** Newest first. */
    newest(): readonly SegmentRecord[] {
      trim();
      return kept;
    },
  };
};

/** True when there is something, all of it is sealed, and nothing that must be there is absent. */
export const allSealed = (summary: Summary): boolean =>
  summary.segments > 0 && summary.absent === 0 && summary.states.sealed === summary.segments;
