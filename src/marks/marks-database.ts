/**
 * The agent's marks: how far each source has been cut, and every pack that is cut and not yet acked.
 *
 * Tables
 *   agent     host: whose marks these are
 *   streams   stream, first_label: segments before it are not ours to ship ('' for none)
 *   segments  one row per segment: its totals up to the last cut, and whether that cut ended it; `verified`: the generation as of which its
 *             files were read once more
 *   sources   files of a segment. `position`: everything before it is cut. `stop`: bytes from there on belong elsewhere
 *   runs      which bytes of which source make up the segment, in order: what its digest is made of
 *   cuts      packs that are not acked; `source`/`position` say where to read their bytes again
 *   kept      packs that are acked, for as long as `keep_cuts` says: a ledger that is restored or lost gets them again
 *   ledgers   each ledger that acked something; `recovering`: it is being asked what it does not know any more
 *   heard     the last mark of each of its starts, until it was asked whether it knows them
 *
 * Invariant: a cut, its segment's totals and its source's position change in one transaction, which is durable before the
 * first byte of the pack leaves. Recovery: every row in `cuts` is sent again, exactly as it stands there.
 */
import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import { type Row, isNull, readHex, readInteger, readText } from '../sqlite/row.ts';
import { LogdError } from '../error.ts';
import type { LedgerMark } from '../pack/ledger-mark.ts';
import type { Cut, LostCut, NewSource, Run, SegmentMarks, SourceMarks } from './cut.ts';
import { keptReads, keptWrites } from './kept-cuts.ts';
import { verifiedReads, verifiedWrites } from './verified-segments.ts';

const CUT_COLUMNS = `
      segment INTEGER NOT NULL REFERENCES segments ON DELETE CASCADE, id INTEGER NOT NULL, generation INTEGER NOT NULL,
      source INTEGER, position INTEGER NOT NULL, "offset" INTEGER NOT NULL, bytes INTEGER NOT NULL, lines INTEGER NOT NULL,
      checksum INTEGER NOT NULL, sha256 BLOB NOT NULL, time INTEGER NOT NULL, done_lines INTEGER, hours_in_day INTEGER,
      lost_reason TEXT, lost_bytes INTEGER`;

const CUT_NAMES =
  'segment, id, generation, source, position, "offset", bytes, lines, checksum, sha256, time, done_lines, hours_in_day, lost_reason, lost_bytes';

const KEPT = `
    CREATE TABLE ledgers (
      number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, recovering INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE heard (
      ledger INTEGER NOT NULL, start TEXT NOT NULL, counter INTEGER NOT NULL, PRIMARY KEY (ledger, start)
    ) WITHOUT ROWID, STRICT;
    CREATE TABLE kept (${CUT_COLUMNS}, acked_at INTEGER NOT NULL, ledger INTEGER, PRIMARY KEY (segment, id)) WITHOUT ROWID, STRICT;
    CREATE INDEX kept_acked ON kept (acked_at);`;

const VERIFIED = `
    ALTER TABLE segments ADD COLUMN verified INTEGER NOT NULL DEFAULT 0;
    CREATE INDEX segments_unverified ON segments (id) WHERE verified < generation AND ended;`;

export const schema = {
  applicationId: 0x6c6d726b, // "lmrk"
  version: 5,
  migrations: { 3: KEPT, 4: VERIFIED },
  title: 'marks',
  ifDamaged:
    'Restore no copy: one that is older than the last cut is as bad as none. docs/operations/state-directory.md says how to go on.',
  create: `
    CREATE TABLE agent (host TEXT PRIMARY KEY) WITHOUT ROWID, STRICT;
    CREATE TABLE streams (stream TEXT PRIMARY KEY, first_label TEXT NOT NULL) WITHOUT ROWID, STRICT;
    CREATE TABLE segments (
      id INTEGER PRIMARY KEY, stream TEXT NOT NULL, hour TEXT NOT NULL, generation INTEGER NOT NULL,
      packs INTEGER NOT NULL, lines INTEGER NOT NULL, bytes INTEGER NOT NULL, sha256 BLOB NOT NULL, ended INTEGER NOT NULL,
      UNIQUE (stream, hour)
    ) STRICT;
    CREATE TABLE sources (
      id INTEGER PRIMARY KEY, segment INTEGER NOT NULL REFERENCES segments ON DELETE CASCADE, path TEXT NOT NULL,
      dev TEXT NOT NULL, ino TEXT NOT NULL, fingerprint TEXT NOT NULL, position INTEGER NOT NULL, stop INTEGER
    ) STRICT;
    CREATE INDEX sources_segment ON sources (segment);
    CREATE TABLE runs (
      segment INTEGER NOT NULL REFERENCES segments ON DELETE CASCADE, seq INTEGER NOT NULL,
      source INTEGER NOT NULL, start INTEGER NOT NULL, "end" INTEGER NOT NULL, PRIMARY KEY (segment, seq)
    ) WITHOUT ROWID, STRICT;
    CREATE TABLE cuts (${CUT_COLUMNS}, PRIMARY KEY (segment, id)) WITHOUT ROWID, STRICT;
    ${KEPT}
    ${VERIFIED}`,
};

const hex = (text: string): Buffer => Buffer.from(text, 'hex');

const cutOf = (row: Row): Cut => ({
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

const sourceOf = (row: Row): SourceMarks => ({
  id: readInteger(row, 'id'),
  path: readText(row, 'path'),
  dev: readText(row, 'dev'),
  ino: readText(row, 'ino'),
  fingerprint: readText(row, 'fingerprint'),
  position: readInteger(row, 'position'),
  stop: isNull(row, 'stop') ? undefined : readInteger(row, 'stop'),
});

/** Prepares the operations of {@link file://./marks.ts}. */
export const open = (db: DatabaseSync) => {
  /** Returns the id of the row that was added. */
  const run = (sql: string): ((...values: SQLInputValue[]) => number) => {
    const statement = db.prepare(sql);
    return (...values) => Number(statement.run(...values).lastInsertRowid);
  };
  /** Returns whether there was a row to change. */
  const change = (sql: string): ((...values: SQLInputValue[]) => boolean) => {
    const statement = db.prepare(sql);
    return (...values) => statement.run(...values).changes !== 0;
  };
  const hosts = db.prepare('SELECT host FROM agent');
  const addHost = run('INSERT INTO agent VALUES (?)');
  const firstLabel = db.prepare('SELECT first_label FROM streams WHERE stream = ?');
  const addStream = run('INSERT INTO streams VALUES (?, ?)');
  const allSegments = db.prepare(
    `SELECT s.*, (SELECT count(*) FROM cuts WHERE segment = s.id) AS unacked FROM segments s WHERE stream = ? ORDER BY hour`,
  );
  const sourcesOf = db.prepare('SELECT * FROM sources WHERE segment = ? ORDER BY id');
  const runsOf = db.prepare('SELECT source, start, "end" FROM runs WHERE segment = ? ORDER BY seq');
  const cutsOf = db.prepare('SELECT * FROM cuts WHERE segment = ? AND id > ? ORDER BY id LIMIT ?');
  const unsettledFiles = db.prepare(
    `SELECT DISTINCT dev, ino FROM sources JOIN segments s ON s.id = segment
     WHERE NOT s.ended OR EXISTS (SELECT 1 FROM cuts WHERE segment = s.id)`,
  );
  const addSegment = run(`INSERT INTO segments (stream, hour, generation, packs, lines, bytes, sha256, ended)
    VALUES (?, ?, 1, 0, 0, 0, ?, 0)`);
  const addSource = run(
    `INSERT INTO sources (segment, path, dev, ino, fingerprint, position, stop) VALUES (?, ?, ?, ?, ?, ?, ?)`,
  );
  const changeSource = run(
    'UPDATE sources SET path = ?, dev = ?, ino = ?, fingerprint = ?, stop = ? WHERE id = ?',
  );
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
  const dropSegment = run('DELETE FROM segments WHERE id = ?');

  const insertSource = (segment: number, source: NewSource): number =>
    addSource(
      segment,
      source.path,
      source.dev,
      source.ino,
      source.fingerprint,
      source.position,
      source.stop ?? null,
    );

  const insertSegment = (stream: string, hour: string, sha256: string): number =>
    addSegment(stream, hour, hex(sha256));

  const updateSource = ({ id, path, dev, ino, fingerprint, stop }: SourceMarks): void =>
    void changeSource(path, dev, ino, fingerprint, stop ?? null, id);

  const extendRuns = ({ segment, position, bytes }: Cut, source: number): void => {
    const run = [segment, source, position, position + bytes];
    if (!growRun(...run)) addRun(...run);
  };

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

  const { keep, ...keptOperations } = keptWrites(db, CUT_NAMES);

  return {
    reads: {
      ...{ ...keptReads(db), ...verifiedReads(db) },
      host: (): string | undefined => {
        const row = hosts.get();
        return row === undefined ? undefined : readText(row, 'host');
      },
      firstLabel: (stream: string): string | undefined => {
        const row = firstLabel.get(stream);
        return row === undefined ? undefined : readText(row, 'first_label');
      },
      segments: (stream: string): SegmentMarks[] => allSegments.all(stream).map(segmentOf),
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
    },
    writes: {
      setHost: (host: string): void => void addHost(host),
      /** `starts`: files that are not read from their beginning; `sha256` is that of no bytes. */
      begin: (
        stream: string,
        label: string,
        sha256: string,
        starts: readonly { readonly hour: string; readonly source: NewSource }[],
      ): void => {
        addStream(stream, label);
        const ids = new Map<string, number>();
        for (const { hour, source } of starts) {
          const id = ids.get(hour) ?? insertSegment(stream, hour, sha256);
          ids.set(hour, id);
          insertSource(id, source);
        }
      },
      addSegment: insertSegment,
      addSource: insertSource,
      changeSource: updateSource,
      /** The source has a stop from now on, and its file is read on as a new source. */
      succeed: (stopped: SourceMarks, segment: number, next: NewSource): number => {
        updateSource(stopped);
        return insertSource(segment, next);
      },
      record,
      /** The same, for the cut that ends an hour: it is not worth waiting for others. */
      recordEnd: record,
      lose: (segment: number, id: number, lost: LostCut): void =>
        void loseCut(lost.reason, lost.bytes, segment, id),
      ...{ ...keptOperations, ...verifiedWrites(db) },
      /** `keptAt`: undefined where acked cuts are not kept. */
      acked: (segment: number, id: number, keptAt?: number, ledger?: LedgerMark): void => {
        if (keptAt !== undefined) keep(segment, id, keptAt, ledger);
        dropCut(segment, id);
      },
      forget: (segments: readonly number[]): void => segments.forEach((id) => dropSegment(id)),
    },
  };
};
