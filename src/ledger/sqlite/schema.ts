/**
 * The tables of the SQLite ledger. Times are Unix milliseconds, digests blobs of 32 bytes, sizes bytes.
 *
 * segment  one row for each host × stream × hour, with counters kept in the same transaction as its packs:
 *          packs = count(pack), highest_id = max(pack.id), stored_end = max(pack.at + pack.length), …
 *          expected_*: the totals of its newest `done`, all null before one has come.
 *          source_*: what its host says of its files after it was sent, as of a generation; null before it was told.
 *          archived, sealed_at, removed_at: what retention took of it, see ../retention.ts. An archived one has no rows in pack, change and
 *          delivery, and none in seal for its last generation.
 * pack     one row for each pack, clustered by (segment, id): reading a segment in order is one range.
 *          done_*: on the last pack of a generation. `lost_*`: where its bytes are gone for good.
 * seal     one row for each sealed generation; rows are never changed.
 * day      how many segments of a day are sealed now (`sealed`), and how many there are (`hours`). `daily` is 1 for streams with
 *          one segment a day, so that 23 hours and a whole day never add up to 24.
 *
 * change   the last change of each segment, numbered upwards: whoever follows the ledger asks for what is above the last number it saw.
 * output   each output that was ever configured; `seen`: nothing changed at or below this number needs anything of it.
 * delivery how far an output has come in a segment, see delivery.ts.
 *
 * identity one row: the ledger's own id, and that of the store whose places it records.
 * expectation  hosts and streams that somebody added or retired, see expectation.ts.
 *
 * repull   hours of which packs are wanted again; unavailable: packs that their agent cannot make again. See repull.ts.
 *
 * start    each start of a sink that recorded something, with its first pack, and the number of the last change before; see identity.ts.
 *
 * Recovery: none of our own. Rows of one commit appear together or not at all.
 */
import type { Schema } from '../../sqlite/operations.ts';

const APPLICATION_ID = 0x6c6f6764; // 'logd'

const IDENTITY = `
    CREATE TABLE identity (ledger TEXT NOT NULL, store TEXT) STRICT;
    INSERT INTO identity (ledger) VALUES (lower(hex(randomblob(16))));
    CREATE TABLE start (number INTEGER PRIMARY KEY, start TEXT NOT NULL UNIQUE, counter INTEGER NOT NULL) STRICT;
    INSERT INTO start (start, counter) VALUES (lower(hex(randomblob(16))), 0);
`;

const EXPECTATIONS = `
    CREATE TABLE expectation (
      stream TEXT NOT NULL,
      host TEXT NOT NULL,
      since TEXT,
      retired TEXT,
      PRIMARY KEY (stream, host)
    ) STRICT, WITHOUT ROWID;
`;

const SOURCES = `
    ALTER TABLE segment ADD COLUMN source TEXT;
    ALTER TABLE segment ADD COLUMN source_generation INTEGER;
    ALTER TABLE segment ADD COLUMN source_place TEXT;
`;

const REPULLS = `
    CREATE TABLE repull (
      host TEXT NOT NULL, stream TEXT NOT NULL, hour TEXT NOT NULL,
      packs TEXT NOT NULL,
      state TEXT NOT NULL CHECK (state IN ('waiting', 'done', 'failed')),
      requested_at INTEGER NOT NULL,
      noted_at INTEGER NOT NULL,
      note TEXT,
      PRIMARY KEY (host, stream, hour)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE unavailable (
      host TEXT NOT NULL, stream TEXT NOT NULL, hour TEXT NOT NULL,
      first INTEGER NOT NULL,
      last INTEGER NOT NULL,
      reason TEXT NOT NULL,
      PRIMARY KEY (host, stream, hour, first)
    ) STRICT, WITHOUT ROWID;
`;

/** The file whose content an hour is restored from, where one was named. */
const RESTORES = 'ALTER TABLE repull ADD COLUMN file TEXT;';

/** When the last lines arrived; null in hours that were recorded before, or have none. */
const LINES_ARRIVED = 'ALTER TABLE segment ADD COLUMN lines_arrived INTEGER;';
/** `sealed_at`: of an archived segment, whose last seal is the segment itself. `removed_at`: negative while the removal is under way. */
const RETENTION = `
    ALTER TABLE segment ADD COLUMN archived INTEGER;
    ALTER TABLE segment ADD COLUMN sealed_at INTEGER;
    ALTER TABLE segment ADD COLUMN removed_at INTEGER;
    DROP TRIGGER segment_updated;
    CREATE TRIGGER segment_updated AFTER UPDATE ON segment WHEN new.archived IS NULL BEGIN
      INSERT OR REPLACE INTO change (segment) VALUES (new.segment);
    END;
    CREATE INDEX segment_removing ON segment (removed_at) WHERE removed_at < 0;
`;

const OUTPUTS = `
    CREATE TABLE change (
      change INTEGER PRIMARY KEY AUTOINCREMENT,
      segment INTEGER NOT NULL UNIQUE REFERENCES segment
    ) STRICT;
    CREATE TRIGGER segment_inserted AFTER INSERT ON segment BEGIN
      INSERT OR REPLACE INTO change (segment) VALUES (new.segment);
    END;
    CREATE TRIGGER segment_updated AFTER UPDATE ON segment BEGIN
      INSERT OR REPLACE INTO change (segment) VALUES (new.segment);
    END;

    CREATE TABLE output (
      name TEXT PRIMARY KEY,
      paused INTEGER NOT NULL,
      start TEXT NOT NULL,
      added_at INTEGER NOT NULL,
      seen INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE delivery (
      output TEXT NOT NULL,
      segment INTEGER NOT NULL REFERENCES segment,
      generation INTEGER NOT NULL,
      next_id INTEGER NOT NULL,
      delivered INTEGER NOT NULL,
      dropped INTEGER NOT NULL,
      rejected INTEGER NOT NULL,
      attempts INTEGER NOT NULL,
      next_try INTEGER NOT NULL,
      error TEXT,
      stuck INTEGER NOT NULL,
      PRIMARY KEY (output, segment)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX delivery_failing ON delivery (output, next_try) WHERE attempts > 0;
`;

/**
 * Version 3 had no outputs, and remembered in `seal.marked` which marker files were written. Every segment counts as changed once, in the
 * order in which they came; the markers that were written are deliveries of the output `markers`.
 */
const FROM_3 = `${OUTPUTS}
    INSERT INTO change (segment) SELECT segment FROM segment ORDER BY segment;
    INSERT INTO output (name, paused, start, added_at, seen) VALUES ('markers', 0, 'beginning', 0, 0);
    INSERT INTO delivery (output, segment, generation, next_id, delivered, dropped, rejected, attempts, next_try, stuck)
      SELECT 'markers', segment, max(generation), 1, max(lines), 0, 0, 0, 0, 0 FROM seal WHERE marked = 1 GROUP BY segment;
    DROP INDEX seal_unmarked;
    ALTER TABLE seal DROP COLUMN marked;
`;

export const LEDGER_SCHEMA: Schema = {
  applicationId: APPLICATION_ID,
  version: 11,
  migrations: {
    3: FROM_3,
    4: IDENTITY,
    5: EXPECTATIONS,
    6: SOURCES,
    7: REPULLS,
    8: RESTORES,
    9: LINES_ARRIVED,
    10: RETENTION,
  },
  title: 'ledger',
  ifDamaged:
    'Restore it from a copy, as docs/operations/state-directory.md says under "Backup"; start no sink on an empty ledger with the old store.',
  create: `
    CREATE TABLE segment (
      segment INTEGER PRIMARY KEY,
      host TEXT NOT NULL,
      stream TEXT NOT NULL,
      hour TEXT NOT NULL,
      state TEXT NOT NULL CHECK (state IN ('open', 'complete', 'sealed', 'refused', 'incomplete')),
      reason TEXT,
      generation INTEGER NOT NULL,
      packs INTEGER NOT NULL,
      lines INTEGER NOT NULL,
      bytes INTEGER NOT NULL,
      lost_packs INTEGER NOT NULL,
      lost_bytes INTEGER NOT NULL,
      highest_id INTEGER NOT NULL,
      stored_end INTEGER NOT NULL,
      expected_packs INTEGER,
      expected_lines INTEGER,
      expected_bytes INTEGER,
      expected_sha256 BLOB,
      expected_hours INTEGER,
      first_arrival INTEGER NOT NULL,
      last_arrival INTEGER NOT NULL,
      last_line INTEGER NOT NULL,
      UNIQUE (host, stream, hour)
    ) STRICT;
    CREATE INDEX segment_open ON segment (last_arrival) WHERE state = 'open';
    CREATE INDEX segment_unsealed ON segment (host, stream, hour) WHERE state <> 'sealed';

    CREATE TABLE pack (
      segment INTEGER NOT NULL REFERENCES segment,
      id INTEGER NOT NULL CHECK (id > 0),
      generation INTEGER NOT NULL,
      "offset" INTEGER NOT NULL,
      bytes INTEGER NOT NULL,
      lines INTEGER NOT NULL,
      checksum INTEGER NOT NULL,
      sha256 BLOB NOT NULL,
      codec TEXT NOT NULL CHECK (codec IN ('none', 'zstd')),
      time INTEGER NOT NULL,
      at INTEGER NOT NULL,
      length INTEGER NOT NULL,
      arrived_at INTEGER NOT NULL,
      done_lines INTEGER,
      done_bytes INTEGER,
      done_sha256 BLOB,
      done_hours INTEGER,
      lost_reason TEXT,
      lost_bytes INTEGER,
      PRIMARY KEY (segment, id)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE seal (
      segment INTEGER NOT NULL REFERENCES segment,
      generation INTEGER NOT NULL,
      packs INTEGER NOT NULL,
      lines INTEGER NOT NULL,
      bytes INTEGER NOT NULL,
      sha256 BLOB NOT NULL,
      first_arrival INTEGER NOT NULL,
      last_arrival INTEGER NOT NULL,
      sealed_at INTEGER NOT NULL,
      PRIMARY KEY (segment, generation)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE day (
      host TEXT NOT NULL,
      stream TEXT NOT NULL,
      day TEXT NOT NULL,
      daily INTEGER NOT NULL,
      sealed INTEGER NOT NULL,
      hours INTEGER NOT NULL,
      PRIMARY KEY (host, stream, day, daily)
    ) STRICT, WITHOUT ROWID;
    ${OUTPUTS}
    ${IDENTITY}
    ${EXPECTATIONS}
    ${SOURCES}
    ${REPULLS}
    ${RESTORES}
    ${LINES_ARRIVED}
    ${RETENTION}
  `,
};

/** The columns that a write names: all but `segment.segment`, which SQLite chooses. */
export const SEGMENT_COLUMNS = (
  'host stream hour state reason generation packs lines bytes lost_packs lost_bytes highest_id stored_end ' +
  'expected_packs expected_lines expected_bytes expected_sha256 expected_hours first_arrival last_arrival last_line lines_arrived'
).split(' ');
export const PACK_COLUMNS = (
  'segment id generation offset bytes lines checksum sha256 codec time at length arrived_at ' +
  'done_lines done_bytes done_sha256 done_hours lost_reason lost_bytes'
).split(' ');
export const SEAL_COLUMNS =
  'segment generation packs lines bytes sha256 first_arrival last_arrival sealed_at'.split(' ');
