/** What is noted of an hour beside its packs: what became of its files after they were sent, and why it waits; as operations inside the database thread. */
import type { DatabaseSync } from 'node:sqlite';
import type { SegmentKey } from '../../pack/pack.ts';
import type { SourceVerdict } from '../../pack/source-verdict.ts';

export const sourceWrites = (db: DatabaseSync) => {
  const setSource = db.prepare(
    `UPDATE segment SET source = ?, source_generation = ?, source_place = ?
     WHERE host = ? AND stream = ? AND hour = ? AND generation = ?`,
  );
  const setWaiting = db.prepare(
    `UPDATE segment SET reason = ? WHERE host = ? AND stream = ? AND hour = ? AND state IN ('open', 'complete')`,
  );
  return {
    setWaiting: (key: SegmentKey, reason: string): void =>
      void setWaiting.run(reason, key.host, key.stream, key.hour),
    /** False where there is no such segment, or it is of another generation. */
    setSource: (key: SegmentKey, generation: number, { source, place }: SourceVerdict): boolean =>
      setSource.run(source, generation, place ?? null, key.host, key.stream, key.hour, generation).changes >
      0,
  };
};
