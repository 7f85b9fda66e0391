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
import type { DatabaseSync } from 'node:sqlite';
import { inserting } from '../sqlite/statements.ts';
import type { NewSource, SourceMarks } from './cut.ts';
import { cutWrites } from './cut-writes.ts';
import { keptReads } from './kept-cuts.ts';
import { marksReads } from './marks-reads.ts';
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

/** Prepares the operations of {@link file://./marks.ts}. */
export const open = (db: DatabaseSync) => {
  const run = inserting(db);
  const addHost = run('INSERT INTO agent VALUES (?)');
  const addStream = run('INSERT INTO streams VALUES (?, ?)');
  const addSegment = run(`INSERT INTO segments (stream, hour, generation, packs, lines, bytes, sha256, ended)
    VALUES (?, ?, 1, 0, 0, 0, ?, 0)`);
  const addSource = run(
    `INSERT INTO sources (segment, path, dev, ino, fingerprint, position, stop) VALUES (?, ?, ?, ?, ?, ?, ?)`,
  );
  const changeSource = run(
    'UPDATE sources SET path = ?, dev = ?, ino = ?, fingerprint = ?, stop = ? WHERE id = ?',
  );
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

  return {
    reads: { ...marksReads(db), ...keptReads(db), ...verifiedReads(db) },
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
      ...{ ...cutWrites(db, CUT_NAMES), ...verifiedWrites(db) },
      forget: (segments: readonly number[]): void => segments.forEach((id) => dropSegment(id)),
    },
  };
};
