/** Rows of the marks as what they mean. */
import { isNull, readHex, readInteger, readText, type Row } from '../sqlite/row.ts';
import type { Cut, LostCut, SourceMarks } from './cut.ts';

export const cutOf = (row: Row): Cut => ({
  segment: readInteger(row, 'segment'),
  id: readInteger(row, 'id'),
  generation: readInteger(row, 'generation'),
  source: isNull(row, 'source') ? undefined : readInteger(row, 'source'),
  position: readInteger(row, 'position'),
  offset: readInteger(row, 'offset'),
  bytes: readInteger(row, 'bytes'),
  lines: readInteger(row, 'lines'),
  checksum: readInteger(row, 'checksum'),
  sha256: readHex(row, 'sha256'),
  time: readInteger(row, 'time'),
  done: isNull(row, 'done_lines')
    ? undefined
    : { lines: readInteger(row, 'done_lines'), hoursInDay: readInteger(row, 'hours_in_day') },
  lost: isNull(row, 'lost_reason')
    ? undefined
    : { reason: readText(row, 'lost_reason') as LostCut['reason'], bytes: readInteger(row, 'lost_bytes') },
});

export const sourceOf = (row: Row): SourceMarks => ({
  id: readInteger(row, 'id'),
  path: readText(row, 'path'),
  dev: readText(row, 'dev'),
  ino: readText(row, 'ino'),
  fingerprint: readText(row, 'fingerprint'),
  position: readInteger(row, 'position'),
  stop: isNull(row, 'stop') ? undefined : readInteger(row, 'stop'),
});
