/** Which hours were read once more after they had ended: operations inside the database thread of the marks. */
import type { DatabaseSync } from 'node:sqlite';
import { readHex, readInteger, readText } from '../sqlite/row.ts';
import type { KeptDigest, UnverifiedSegment } from './cut.ts';

export const verifiedReads = (db: DatabaseSync) => {
  const unverified = db.prepare(
    `SELECT id, stream, hour, generation FROM segments s
     WHERE verified < generation AND ended AND id > ? AND NOT EXISTS (SELECT 1 FROM cuts WHERE segment = s.id) ORDER BY id LIMIT ?`,
  );
  const digests = db.prepare(
    'SELECT id, "offset", bytes, sha256 FROM kept WHERE segment = ? AND id > ? ORDER BY id LIMIT ?',
  );
  return {
    unverified: (afterId: number, limit: number): UnverifiedSegment[] =>
      unverified.all(afterId, limit).map((row) => ({
        id: readInteger(row, 'id'),
        stream: readText(row, 'stream'),
        hour: readText(row, 'hour'),
        generation: readInteger(row, 'generation'),
      })),
    keptDigests: (segment: number, afterId: number, limit: number): KeptDigest[] =>
      digests.all(segment, afterId, limit).map((row) => ({
        id: readInteger(row, 'id'),
        bytes: readInteger(row, 'bytes'),
        end: readInteger(row, 'offset') + readInteger(row, 'bytes'),
        sha256: readHex(row, 'sha256'),
      })),
  };
};

export const verifiedWrites = (db: DatabaseSync) => {
  const verified = db.prepare('UPDATE segments SET verified = ? WHERE id = ?');
  return { verified: (segment: number, generation: number): void => void verified.run(generation, segment) };
};
