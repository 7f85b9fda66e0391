/**
 * Cuts packs: makes the next cut of a segment, advances the segment, and has the cut recorded.
 *
 * Order: bytes read → digest → cut recorded, durably → handed on for delivery. The segment in memory advances at once, so
 * that the next cut can be made while the record of this one is under way.
 */
import { survey } from '../pack/survey.ts';
import type { Hours } from '../pack/hour.ts';
import type { LostReason } from '../pack/pack.ts';
import type { Emit } from '../telemetry/events.ts';
import type { ByteBudget } from '../pack/byte-budget.ts';
import type { BufferPool } from './buffer-pool.ts';
import type { Cut } from '../marks/cut.ts';
import type { CutPack } from './cut-pack.ts';
import { createCutRecorder } from './cut-recorder.ts';
import { bytesToSee } from './pack-end.ts';
import { createPackReader, endOf } from './pack-reader.ts';
import type { Marks } from '../marks/marks.ts';
import { createReadAhead } from './read-ahead.ts';
import { rehashSegment } from '../track/rehash.ts';
import { isReadToTheEnd, type TrackedSegment, type SourceState, unread } from '../track/segment.ts';
import type { SourceFiles } from '../track/source-files.ts';
import { reservedFrom } from '../tail/reserved-room.ts';

export interface PackCutterOptions {
  readonly host: string;
  readonly stream: string;
  readonly hours: Hours;
  readonly packBytes: number;
  readonly maxLine: number;
  readonly marks: Marks;
  readonly files: SourceFiles;
  /** Each at least as large as what a cut has to see. */
  readonly buffers: BufferPool;
  readonly budget: ByteBudget;
  readonly emit: Emit;
}

export interface HowToCut {
  readonly rest: boolean;
  readonly ends: boolean;
}

export interface PackCutter {
  /**
   * Cuts the next pack from a source; undefined when there is no whole line yet. The caller holds a lease for a buffer. `rest` takes
   * a last line without newline too; `ends` makes the cut the segment's last, when all is cut then.
   */
  cut(
    segment: TrackedSegment,
    source: SourceState,
    how: HowToCut,
    signal: AbortSignal,
  ): Promise<CutPack | undefined>;
  /**
   * Reads again what was cut of the segment, where a file of it may have been changed in place. Returns the loss to deliver when
   * the bytes are others now: the hour is then never sealed. Rejects with `source` when a file cannot be read now.
   */
  prove(segment: TrackedSegment, signal: AbortSignal): Promise<CutPack | undefined>;
  /** There is nothing to cut for now, or no room for it: gives back what was read ahead. */
  rest(): void;
  /** Ends a segment all of whose bytes are cut, with a pack of no bytes. */
  end(segment: TrackedSegment): CutPack;
  /** Records that bytes of the segment are gone, before they could be read. */
  lose(segment: TrackedSegment, reason: LostReason, bytes: number): CutPack;
}

/** Compared with what is there before more is cut. */
const LAST_BYTES = 1024;

export const createPackCutter = (options: PackCutterOptions): PackCutter => {
  const { host, stream, packBytes, maxLine, marks, files, buffers, budget, emit } = options;
  const readPack = createPackReader(options);
  const ahead = createReadAhead(files, buffers, budget);
  const { record, lose, end, withoutBytes, doneOf } = createCutRecorder(options);

  /** The segment's chain of digests is broken: what follows is delivered, and the hour is never sealed. */
  const breakOff = (segment: TrackedSegment, source: SourceState, gone: SourceState | undefined): CutPack => {
    const { hour } = segment;
    const { path } = gone ?? source;
    const reason = gone === undefined ? 'source-changed' : 'source-vanished';
    if (gone !== undefined) emit('cut.unproven', { host, stream, hour, path });
    emit('tail.lost', { host, stream, hour, path, reason, bytes: 0 });
    return lose(segment, reason, 0);
  };

  /** Called when more of the file is cut: a line in which the last cut ended goes on, so it was too long indeed. */
  const sayTorn = (segment: TrackedSegment, { path, torn }: SourceState): void => {
    if (torn === undefined || torn.told) return;
    torn.told = true;
    segment.splitLines++;
    emit('cut.line-split', { path, offset: torn.at, limit: bytesToSee({ packBytes, maxLine }) });
  };

  /** Cuts into the buffer, which holds `known` bytes already. */
  const cutInto = async (
    buffer: Buffer,
    known: number,
    segment: TrackedSegment,
    source: SourceState,
    { rest, ends }: HowToCut,
    signal: AbortSignal,
  ): Promise<CutPack | undefined> => {
    if (segment.digest === undefined) {
      const rehashed = await rehashSegment(segment, { marks, files, signal });
      if (rehashed.digest === undefined) return breakOff(segment, source, rehashed.gone);
      segment.digest = rehashed.digest;
    }
    const { digest } = segment;
    const isFull = unread(source) > packBytes;
    const point = await files.read(source, (file) => readPack(file, source, rest, buffer, known));
    if (point.length === 0) return undefined;
    const raw = buffer.subarray(0, point.length);
    const position = source.position;
    source.position += raw.length;
    source.lastBytes = Buffer.from(raw.subarray(-LAST_BYTES));
    if (endOf(source) - source.position >= packBytes) ahead.begin(source, packBytes);
    const { lines, checksum } = survey(raw);
    digest.update(raw);
    // What is left behind a full pack was seen with it; behind another it is half a line.
    if (unread(source) === 0 || !isFull) source.unreadSince = undefined;
    sayTorn(segment, source);
    source.torn = point.split ? (source.torn ?? { at: position, told: false }) : undefined;
    const cut: Cut = {
      ...withoutBytes(segment, source.mtimeMs),
      source: source.id,
      position,
      bytes: raw.length,
      lines,
      checksum,
      sha256: digest.hex(),
      done: ends && isReadToTheEnd(segment) ? doneOf(segment, lines) : undefined,
      lost: undefined,
    };
    return record(segment, cut, raw, buffer);
  };

  return {
    async cut(segment, source, how, signal) {
      const begun = await ahead.take(source);
      const buffer = begun?.buffer ?? buffers.take();
      let pack: CutPack | undefined;
      try {
        pack = await cutInto(buffer, begun?.bytes ?? 0, segment, source, how, signal);
      } finally {
        if (pack?.buffer === undefined) buffers.give(buffer);
      }
      return pack;
    },
    async prove(segment, signal) {
      for (const source of segment.sources) {
        const { size, reserved } = source;
        if (reserved === undefined || reserved.size <= size) continue;
        const isEmpty = await files.read(source, (file) => reservedFrom(file, size, reserved.size, true));
        if (!isEmpty) return breakOff(segment, source, undefined);
      }
      const touched = segment.sources.find((source) => source.touched);
      if (touched === undefined) return undefined;
      const { digest, ...why } = await rehashSegment(segment, { marks, files, signal });
      for (const source of segment.sources) source.touched = false;
      if (digest !== undefined) return undefined;
      return breakOff(segment, touched, 'gone' in why ? why.gone : undefined);
    },
    rest: () => ahead.drop(),
    end,
    lose,
  };
};
