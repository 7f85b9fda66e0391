/**
 * Reads the bytes of the next pack of a file and finds its end: no more than the last scan saw, without room that the writer has reserved,
 * and only where the file still has what was cut of it before.
 */
import {
  beginningOf,
  FINGERPRINT_BYTES,
  fingerprintBytes,
  fingerprintOf,
  hasFingerprint,
  type Source,
} from '../tail/source.ts';
import { LEAST_RESERVED, lengthWithout, reservedFrom } from '../tail/reserved-room.ts';
import type { Emit } from '../telemetry/events.ts';
import type { Marks } from '../marks/marks.ts';
import type { SourceState } from '../track/segment.ts';
import { hasLastBytes } from '../track/source-files.ts';
import { bytesToSee, type CutPoint, cutPoint } from './pack-end.ts';

export interface PackReaderOptions {
  readonly packBytes: number;
  readonly maxLine: number;
  readonly marks: Marks;
  readonly emit: Emit;
}

/** See {@link createPackReader}. */
export type ReadPack = (
  file: Source,
  source: SourceState,
  rest: boolean,
  buffer: Buffer,
  known: number,
) => Promise<CutPoint>;

const NO_CUT: CutPoint = { length: 0, split: false };

/** Where what the last scan saw of the source's own bytes ends. */
export const endOf = ({ size, stop }: SourceState): number => Math.min(size, stop ?? size);

export const createPackReader = ({ packBytes, maxLine, marks, emit }: PackReaderOptions): ReadPack => {
  /**
   * Takes the fingerprint of what is cut up to `end`, not of what may still be cut off; false when the file does not begin any
   * more as what was cut of it did.
   */
  const learnFingerprint = async (file: Source, source: SourceState, end: number): Promise<boolean> => {
    const known = fingerprintBytes(source.fingerprint);
    const isLong = source.position > 0 && known >= FINGERPRINT_BYTES;
    // Whoever cuts a file short and writes it again may be past its old size before the next look.
    if (isLong && source.checked) return true;
    if (source.position > 0 && !(await hasFingerprint(file, source.fingerprint))) return false;
    if (!source.checked && !(await hasLastBytes(file, source))) return false;
    source.checked = true;
    if ((source.beginning?.length ?? 0) < FINGERPRINT_BYTES) source.beginning = await beginningOf(file, end);
    if (isLong) return true;
    source.fingerprint = await fingerprintOf(file, end);
    await marks.write('changeSource', source);
    return true;
  };

  /** How many of the bytes at hand are the file's: fewer where its writer has reserved room, which the source's size leaves out then. */
  const withoutReserved = async (
    file: Source,
    source: SourceState,
    rest: boolean,
    bytes: Buffer,
  ): Promise<number> => {
    const { position, size, mtimeMs, stop, reserved } = source;
    if (bytes.length === 0 || bytes.at(-1) !== 0 || stop !== undefined) return bytes.length;
    const length = lengthWithout(bytes);
    const from = position + bytes.length;
    const isKnown = reserved !== undefined;
    const enough = isKnown || size - position - length >= LEAST_RESERVED;
    if (!enough || !(await reservedFrom(file, from, size, rest || !isKnown))) return bytes.length;
    if (!isKnown) emit('tail.reserved', { path: source.path });
    source.reserved = { size, mtimeMs };
    source.size = position + length;
    return length;
  };

  /**
   * Reads what the next pack needs, `known` bytes of which are in the buffer, and finds its end. Nothing behind what the last scan
   * saw: to a scan that is under way the file would seem to have been cut short. The source is blocked when the file is not what
   * the last scan saw.
   */
  const readPack = async (
    file: Source,
    source: SourceState,
    rest: boolean,
    buffer: Buffer,
    known: number,
  ): Promise<CutPoint> => {
    const room = Math.min(bytesToSee({ packBytes, maxLine }), endOf(source) - source.position);
    const first = Math.min(packBytes, room);
    let read = known >= first ? first : await file.read(buffer.subarray(0, first), source.position);
    const find = () => {
      const final = rest && source.position + read >= endOf(source);
      return cutPoint(buffer.subarray(0, read), { packBytes, maxLine, final });
    };
    read = await withoutReserved(file, source, rest, buffer.subarray(0, read));
    let point = find();
    if (read === packBytes && point.length === 0 && room > read) {
      read += await file.read(buffer.subarray(read, room), source.position + read);
      point = find();
    }
    if (point.length === 0) {
      source.unlinedSize = source.size;
      source.blocked = source.position + read < endOf(source);
      return point;
    }
    source.blocked = !(await learnFingerprint(file, source, source.position + point.length));
    return source.blocked ? NO_CUT : point;
  };

  return readPack;
};
