/** Rows of {@link file://./schema.ts} as the records of the contract, and back. */
import type { SQLInputValue } from 'node:sqlite';
import { LogdError } from '../../error.ts';
import type { Done, LostReason, PackHeader, SegmentKey } from '../../pack/pack.ts';
import { damage } from '../../sqlite/failure.ts';
import { isNull, readHex, readInteger, readText } from '../../sqlite/row.ts';
import type { Row } from '../../sqlite/row.ts';
import type { DayRecord, Gap, PackEntry, PackRecord, Seal, SegmentRecord, SegmentState } from '../ledger.ts';

/** Named parameters of a statement. */
export type Parameters = Record<string, SQLInputValue>;

/** One of a closed set of words. A word outside of it means that the file was changed by hand. */
const readWord =
  <Word extends string>(...words: readonly Word[]) =>
  (row: Row, column: string): Word => {
    const text = readText(row, column);
    const word = words.find((known) => known === text);
    if (word === undefined) throw damage(`it holds "${text}" in column ${column}`);
    return word;
  };

export const readState = readWord<SegmentState>('open', 'complete', 'sealed', 'refused', 'incomplete');
const readCodec = readWord('none', 'zstd');
const readLoss = readWord<LostReason>('source-vanished', 'source-truncated', 'source-changed');
const readGapReason = readWord<Gap['reason']>(
  'missing',
  'source-vanished',
  'source-truncated',
  'source-changed',
);

/** Hex of 32 bytes as a blob; of a lost pack it may be empty. */
const blobOf = (sha256: string): Uint8Array => {
  if (!/^(?:[0-9a-f]{64})?$/.test(sha256))
    throw new LogdError(
      'corrupt',
      `The digest ${JSON.stringify(sha256.slice(0, 80))} is no lower-case hex SHA-256.`,
    );
  return Buffer.from(sha256, 'hex');
};

const readKey = (row: Row): SegmentKey => ({
  host: readText(row, 'host'),
  stream: readText(row, 'stream'),
  hour: readText(row, 'hour'),
});

const readExpected = (row: Row): Done => ({
  packs: readInteger(row, 'expected_packs'),
  lines: readInteger(row, 'expected_lines'),
  bytes: readInteger(row, 'expected_bytes'),
  sha256: readHex(row, 'expected_sha256'),
  hoursInDay: readInteger(row, 'expected_hours'),
});

export const readSegment = (row: Row): SegmentRecord => ({
  ...readKey(row),
  state: readState(row, 'state'),
  generation: readInteger(row, 'generation'),
  packs: readInteger(row, 'packs'),
  lines: readInteger(row, 'lines'),
  bytes: readInteger(row, 'bytes'),
  lostPacks: readInteger(row, 'lost_packs'),
  lostBytes: readInteger(row, 'lost_bytes'),
  highestId: readInteger(row, 'highest_id'),
  storedEnd: readInteger(row, 'stored_end'),
  ...(isNull(row, 'expected_packs') ? {} : { expected: readExpected(row) }),
  firstArrival: readInteger(row, 'first_arrival'),
  lastArrival: readInteger(row, 'last_arrival'),
  ...(isNull(row, 'lines_arrived') ? {} : { linesArrived: readInteger(row, 'lines_arrived') }),
  lastLine: readInteger(row, 'last_line'),
  ...(isNull(row, 'reason') ? {} : { reason: readText(row, 'reason') }),
  ...readSource(row),
  ...(isNull(row, 'archived') ? {} : { archived: true }),
  ...(isNull(row, 'removed_at') ? {} : { removed: Math.abs(readInteger(row, 'removed_at')) }),
});

/** What its host said of its files; nothing where that was of an earlier generation. */
const readSource = (row: Row): Pick<SegmentRecord, 'source' | 'sourcePlace'> => {
  if (isNull(row, 'source') || row['source_generation'] !== row['generation']) return {};
  const place = isNull(row, 'source_place') ? {} : { sourcePlace: readText(row, 'source_place') };
  return { source: readText(row, 'source') as NonNullable<SegmentRecord['source']>, ...place };
};

/** All columns of `segment` but its number. */
export const segmentParameters = (segment: SegmentRecord): Parameters => ({
  host: segment.host,
  stream: segment.stream,
  hour: segment.hour,
  state: segment.state,
  reason: segment.reason ?? null,
  generation: segment.generation,
  packs: segment.packs,
  lines: segment.lines,
  bytes: segment.bytes,
  lost_packs: segment.lostPacks,
  lost_bytes: segment.lostBytes,
  highest_id: segment.highestId,
  stored_end: segment.storedEnd,
  expected_packs: segment.expected?.packs ?? null,
  expected_lines: segment.expected?.lines ?? null,
  expected_bytes: segment.expected?.bytes ?? null,
  expected_sha256: segment.expected === undefined ? null : blobOf(segment.expected.sha256),
  expected_hours: segment.expected?.hoursInDay ?? null,
  first_arrival: segment.firstArrival,
  last_arrival: segment.lastArrival,
  last_line: segment.lastLine,
  lines_arrived: segment.linesArrived ?? null,
});

const readDone = (row: Row): Done => ({
  packs: readInteger(row, 'id'),
  lines: readInteger(row, 'done_lines'),
  bytes: readInteger(row, 'done_bytes'),
  sha256: readHex(row, 'done_sha256'),
  hoursInDay: readInteger(row, 'done_hours'),
});

const readHeader = (key: SegmentKey, row: Row): PackHeader => ({
  host: key.host,
  stream: key.stream,
  hour: key.hour,
  id: readInteger(row, 'id'),
  generation: readInteger(row, 'generation'),
  offset: readInteger(row, 'offset'),
  bytes: readInteger(row, 'bytes'),
  lines: readInteger(row, 'lines'),
  checksum: readInteger(row, 'checksum'),
  sha256: readHex(row, 'sha256'),
  codec: readCodec(row, 'codec'),
  time: readInteger(row, 'time'),
  ...(isNull(row, 'done_lines') ? {} : { done: readDone(row) }),
  ...(isNull(row, 'lost_reason')
    ? {}
    : { lost: { reason: readLoss(row, 'lost_reason'), bytes: readInteger(row, 'lost_bytes') } }),
});

export const readPack = (key: SegmentKey, row: Row): PackRecord => ({
  header: readHeader(key, row),
  place: { at: readInteger(row, 'at'), length: readInteger(row, 'length') },
  arrivedAt: readInteger(row, 'arrived_at'),
});

/** All columns of `pack`; its `done.packs` is its id, see {@link file://./transition.ts}. */
export const packParameters = (segment: number, { header, place, arrivedAt }: PackEntry): Parameters => ({
  segment,
  id: header.id,
  generation: header.generation,
  offset: header.offset,
  bytes: header.bytes,
  lines: header.lines,
  checksum: header.checksum,
  sha256: blobOf(header.sha256),
  codec: header.codec,
  time: header.time,
  at: place.at,
  length: place.length,
  arrived_at: arrivedAt,
  done_lines: header.done?.lines ?? null,
  done_bytes: header.done?.bytes ?? null,
  done_sha256: header.done === undefined ? null : blobOf(header.done.sha256),
  done_hours: header.done?.hoursInDay ?? null,
  lost_reason: header.lost?.reason ?? null,
  lost_bytes: header.lost?.bytes ?? null,
});

/** Of `seal` joined with its `segment`'s key. */
export const readSeal = (row: Row): Seal => ({
  ...readKey(row),
  generation: readInteger(row, 'generation'),
  packs: readInteger(row, 'packs'),
  lines: readInteger(row, 'lines'),
  bytes: readInteger(row, 'bytes'),
  sha256: readHex(row, 'sha256'),
  firstArrival: readInteger(row, 'first_arrival'),
  lastArrival: readInteger(row, 'last_arrival'),
  sealedAt: readInteger(row, 'sealed_at'),
});

/** The last seal of an archived segment, which is its row. */
export const readArchivedSeal = (row: Row): Seal => ({
  ...readKey(row),
  generation: readInteger(row, 'generation'),
  packs: readInteger(row, 'expected_packs'),
  lines: readInteger(row, 'lines'),
  bytes: readInteger(row, 'bytes'),
  sha256: readHex(row, 'expected_sha256'),
  firstArrival: readInteger(row, 'first_arrival'),
  lastArrival: readInteger(row, 'last_arrival'),
  sealedAt: readInteger(row, 'sealed_at'),
});

export const sealParameters = (segment: number, seal: Seal): Parameters => ({
  segment,
  generation: seal.generation,
  packs: seal.packs,
  lines: seal.lines,
  bytes: seal.bytes,
  sha256: blobOf(seal.sha256),
  first_arrival: seal.firstArrival,
  last_arrival: seal.lastArrival,
  sealed_at: seal.sealedAt,
});

export const readDay = (row: Row): DayRecord => ({
  host: readText(row, 'host'),
  stream: readText(row, 'stream'),
  day: readText(row, 'day'),
  sealed: readInteger(row, 'sealed'),
  hours: readInteger(row, 'hours'),
});

export const readGap = (row: Row): Gap => ({
  from: readInteger(row, 'first'),
  to: readInteger(row, 'last'),
  reason: readGapReason(row, 'reason'),
  ...(isNull(row, 'bytes') ? {} : { bytes: readInteger(row, 'bytes') }),
});
