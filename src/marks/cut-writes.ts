/** Cuts on their way: recorded, lost, acked. Operations inside the database thread of the marks. */
import type { DatabaseSync } from 'node:sqlite';
import { LogdError } from '../error.ts';
import type { LedgerMark } from '../pack/ledger-mark.ts';
import { changing, inserting } from '../sqlite/statements.ts';
import type { Cut, LostCut } from './cut.ts';
import { keptWrites } from './kept-cuts.ts';

const hex = (text: string): Buffer => Buffer.from(text, 'hex');

/** `names`: of the columns of a cut. */
export const cutWrites = (db: DatabaseSync, names: string) => {
  const run = inserting(db);
  const change = changing(db);
  const addCut = run('INSERT INTO cuts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)');
  const advanceSegment =
    change(`UPDATE segments SET generation = ?, packs = packs + 1, lines = lines + ?, bytes = ?, sha256 = ?, ended = ?
    WHERE id = ? AND packs = ?`);
  const advanceSource = run('UPDATE sources SET position = ? WHERE id = ?');
  const lastSeq = '(SELECT max(seq) FROM runs WHERE segment = ?1)';
  const growRun = change(
    `UPDATE runs SET "end" = ?4 WHERE segment = ?1 AND seq = ${lastSeq} AND source = ?2 AND "end" = ?3`,
  );
  const addRun = run(`INSERT INTO runs VALUES (?1, coalesce(${lastSeq}, 0) + 1, ?2, ?3, ?4)`);
  const clearRuns = run('DELETE FROM runs WHERE segment = ?');
  const loseCut = run('UPDATE cuts SET lost_reason = ?, lost_bytes = ? WHERE segment = ? AND id = ?');
  const dropCut = run('DELETE FROM cuts WHERE segment = ? AND id = ?');

  const extendRuns = ({ segment, position, bytes }: Cut, source: number): void => {
    const run = [segment, source, position, position + bytes];
    if (!growRun(...run)) addRun(...run);
  };

  const record = (cut: Cut): void => {
    const { segment, id, generation, source, position, offset, bytes } = cut;
    const { lines, checksum, sha256, time, done, lost } = cut;
    // In one order only: a cut behind one whose record failed would hide that one's bytes for ever.
    if (!advanceSegment(generation, lines, offset + bytes, hex(sha256), done ? 1 : 0, segment, id - 1))
      throw new LogdError('storage', `The cut before pack ${id} is not recorded. Restart the node.`);
    addCut(
      ...[
        segment,
        id,
        generation,
        source ?? null,
        position,
        offset,
        bytes,
        lines,
        checksum,
        hex(sha256),
        time,
      ],
      ...[done?.lines ?? null, done?.hoursInDay ?? null, lost?.reason ?? null, lost?.bytes ?? null],
    );
    if (lost !== undefined) clearRuns(segment);
    if (source === undefined || bytes === 0) return;
    advanceSource(position + bytes, source);
    extendRuns(cut, source);
  };

  const { keep, ...keptOperations } = keptWrites(db, names);

  return {
    record,
    /** The same, for the cut that ends an hour: it is not worth waiting for others. */
    recordEnd: record,
    lose: (segment: number, id: number, lost: LostCut): void =>
      void loseCut(lost.reason, lost.bytes, segment, id),
    ...keptOperations,
    /** `keptAt`: undefined where acked cuts are not kept. */
    acked: (segment: number, id: number, keptAt?: number, ledger?: LedgerMark): void => {
      if (keptAt !== undefined) keep(segment, id, keptAt, ledger);
      dropCut(segment, id);
    },
  };
};
