/** What the agent asks its marks: operations inside the database thread. */
import type { DatabaseSync } from 'node:sqlite';
import { readHex, readInteger, readText, type Row } from '../sqlite/row.ts';
import type { Cut, Run, SegmentMarks, SourceMarks } from './cut.ts';
import { cutOf, sourceOf } from './marks-rows.ts';

export const marksReads = (db: DatabaseSync) => {
  const hosts = db.prepare('SELECT host FROM agent');
  const firstLabel = db.prepare('SELECT first_label FROM streams WHERE stream = ?');
  const segments = `SELECT s.*, (SELECT count(*) FROM cuts WHERE segment = s.id) AS unacked FROM segments s WHERE stream = ?`;
  const allSegments = db.prepare(`${segments} ORDER BY hour`);
  const oneSegment = db.prepare(`${segments} AND hour = ?`);
  const sourcesOf = db.prepare('SELECT * FROM sources WHERE segment = ? ORDER BY id');
  const runsOf = db.prepare('SELECT source, start, "end" FROM runs WHERE segment = ? ORDER BY seq');
  const cutsOf = db.prepare('SELECT * FROM cuts WHERE segment = ? AND id > ? ORDER BY id LIMIT ?');
  const unsettledFiles = db.prepare(
    `SELECT DISTINCT dev, ino FROM sources JOIN segments s ON s.id = segment
     WHERE NOT s.ended OR EXISTS (SELECT 1 FROM cuts WHERE segment = s.id)`,
  );

  const segmentOf = (row: Row): SegmentMarks => {
    const id = readInteger(row, 'id');
    return {
      id,
      hour: readText(row, 'hour'),
      generation: readInteger(row, 'generation'),
      packs: readInteger(row, 'packs'),
      lines: readInteger(row, 'lines'),
      bytes: readInteger(row, 'bytes'),
      sha256: readHex(row, 'sha256'),
      ended: readInteger(row, 'ended') === 1,
      unacked: readInteger(row, 'unacked'),
      sources: sourcesOf.all(id).map(sourceOf),
    };
  };

  return {
    host: (): string | undefined => {
      const row = hosts.get();
      return row === undefined ? undefined : readText(row, 'host');
    },
    firstLabel: (stream: string): string | undefined => {
      const row = firstLabel.get(stream);
      return row === undefined ? undefined : readText(row, 'first_label');
    },
    segments: (stream: string): SegmentMarks[] => allSegments.all(stream).map(segmentOf),
    segment: (stream: string, hour: string): SegmentMarks | undefined => {
      const row = oneSegment.get(stream, hour);
      return row === undefined ? undefined : segmentOf(row);
    },
    runs: (segment: number): Run[] =>
      runsOf.all(segment).map((row) => ({
        source: readInteger(row, 'source'),
        start: readInteger(row, 'start'),
        end: readInteger(row, 'end'),
      })),
    cuts: (segment: number, afterId: number, limit: number): Cut[] =>
      cutsOf.all(segment, afterId, limit).map(cutOf),
    /** The files, of all streams, from which something may still have to be read. */
    unsettledFiles: (): Pick<SourceMarks, 'dev' | 'ino'>[] =>
      unsettledFiles.all().map((row) => ({ dev: readText(row, 'dev'), ino: readText(row, 'ino') })),
  };
};
