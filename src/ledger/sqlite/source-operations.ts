/** What became of the files of an hour after they were sent, as an operation inside the database thread. */
import type { DatabaseSync } from 'node:sqlite';
import type { SegmentKey } from '../../pack/pack.ts';
import type { SourceVerdict } from '../../pack/source-verdict.ts';

export const sourceWrites = (db: DatabaseSync) => {
  const setSource = db.prepare(
    `UPDATE segment SET source = ?, source_generation = ?, source_place = ?
     WHERE host = ? AND stream = ? AND hour = ? AND generation = ?`,
  );
  return {
    /** False where there is no such segment, or it is of another generation. */
    setSource: (key: SegmentKey, generation: number, { source, place }: SourceVerdict): boolean =>
      setSource.run(source, generation, place ?? null, key.host, key.stream, key.hour, generation).changes >
      0,
  };
};
