/**
 * Records cuts: advances the segment in memory at once, so that the next cut can be made while the record of this one is under way.
 */
import { fault } from '../fault/fault.ts';
import type { Cut } from '../marks/cut.ts';
import type { Marks } from '../marks/marks.ts';
import { EMPTY_SHA256, runningDigest } from '../pack/digest.ts';
import { dayOf, type Hours, isDayLabel } from '../pack/hour.ts';
import type { LostReason } from '../pack/pack.ts';
import type { Emit } from '../telemetry/events.ts';
import type { TrackedSegment } from '../track/segment.ts';
import type { CutPack } from './cut-pack.ts';

const NO_BYTES = Buffer.alloc(0);
/** Ended hours whose digest is kept, and the beginnings of their files. */
const MOST_DIGESTS = 256;

export interface CutRecorderOptions {
  readonly host: string;
  readonly stream: string;
  readonly hours: Hours;
  readonly marks: Marks;
  readonly emit: Emit;
}

export interface CutRecorder {
  /** Advances the segment and records the cut. A record that fails is fatal to whoever awaits the pack. */
  record(segment: TrackedSegment, cut: Cut, raw: Buffer, buffer?: Buffer): CutPack;
  /** Records that bytes of the segment are gone, before they could be read. */
  lose(segment: TrackedSegment, reason: LostReason, bytes: number): CutPack;
  /** Ends a segment all of whose bytes are cut, with a pack of no bytes. */
  end(segment: TrackedSegment): CutPack;
  /** The next cut of the segment, as far as it does not hang on bytes. */
  withoutBytes(segment: TrackedSegment, time: number): Omit<Cut, 'done' | 'lost'>;
  /** What the segment's last cut says, with so many lines in it. */
  doneOf(segment: TrackedSegment, lines: number): Cut['done'];
}

export const createCutRecorder = ({ host, stream, hours, marks, emit }: CutRecorderOptions): CutRecorder => {
  const withDigest: TrackedSegment[] = [];

  const hoursInDay = (hour: string): number => {
    if (isDayLabel(hour)) return 1;
    return hours.startOf(hour) === undefined ? 0 : hours.hoursInDay(dayOf(hour)).length;
  };

  const doneOf = (segment: TrackedSegment, lines: number): Cut['done'] => ({
    lines: segment.lines + lines,
    hoursInDay: hoursInDay(segment.hour),
  });

  /** Late lines go on with it, though the files of their hour may be gone by then. */
  const keepDigest = (segment: TrackedSegment): void => {
    withDigest.push(segment);
    if (withDigest.length <= MOST_DIGESTS) return;
    const oldest = withDigest.shift();
    if (oldest === undefined || oldest === segment) return;
    oldest.digest = undefined;
    for (const source of oldest.sources) source.beginning = source.lastBytes = undefined;
  };

  /** Advances the segment and records the cut. A record that fails is fatal to whoever awaits the pack. */
  const record = (segment: TrackedSegment, cut: Cut, raw: Buffer, buffer?: Buffer): CutPack => {
    segment.packs = cut.id;
    segment.lines += cut.lines;
    segment.bytes = cut.offset + cut.bytes;
    segment.sha256 = cut.sha256;
    segment.ended = cut.done !== undefined;
    segment.unacked++;
    fault('cut.before-record');
    const recorded = marks
      .write(cut.done === undefined ? 'record' : 'recordEnd', cut)
      .then(() => fault('cut.after-record'));
    recorded.catch(() => undefined);
    if (cut.done !== undefined) {
      const { hour, packs, lines, splitLines, bytes, generation } = segment;
      for (const source of segment.sources) source.settled = true;
      keepDigest(segment);
      emit('cut.hour-ended', {
        ...{ host, stream, hour, packs, lines, bytes, generation },
        split_lines: splitLines,
      });
    }
    return { segment, cut, raw, buffer, recorded };
  };

  const withoutBytes = (segment: TrackedSegment, time: number): Omit<Cut, 'done' | 'lost'> => ({
    segment: segment.id,
    id: segment.packs + 1,
    generation: segment.generation,
    source: undefined,
    position: 0,
    offset: segment.bytes,
    bytes: 0,
    lines: 0,
    checksum: 0,
    sha256: segment.sha256,
    time,
  });

  const lose = (segment: TrackedSegment, reason: LostReason, bytes: number): CutPack => {
    segment.digest = runningDigest(undefined, segment.bytes);
    const cut = {
      ...withoutBytes(segment, lastTime(segment)),
      sha256: EMPTY_SHA256,
      done: undefined,
      lost: { reason, bytes },
    };
    return record(segment, cut, NO_BYTES);
  };

  const end = (segment: TrackedSegment): CutPack =>
    record(
      segment,
      {
        ...withoutBytes(segment, lastTime(segment) || (hours.startOf(segment.hour) ?? 0)),
        done: doneOf(segment, 0),
        lost: undefined,
      },
      NO_BYTES,
    );

  return { record, lose, end, withoutBytes, doneOf };
};

/** When the segment was last written to, as far as we know. */
const lastTime = ({ sources }: TrackedSegment): number =>
  Math.max(0, ...sources.map(({ mtimeMs }) => mtimeMs));
