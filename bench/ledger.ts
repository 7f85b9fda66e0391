/**
 * `npm run bench -- ledger`: a ledger of a year, 200 hosts × 5 streams × 8,760 hours, all sealed. The last 40 days have their packs, the
 * hours before are archived, as retention leaves them. How large it is, how long a sink takes to start on it, and how long
 * `logd status` of a day takes to read.
 *
 *   --hosts 200 --days 365 --save NAME
 */
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { absentHours } from '../src/ledger/expected-set.ts';
import { openSqliteLedger } from '../src/ledger/sqlite/sqlite-ledger.ts';
import { selectSegments } from '../src/ledger/walk.ts';
import { markersKind } from '../src/outputs/markers/markers.ts';
import { startOutputs } from '../src/outputs/outputs.ts';
import { summarise } from '../src/report/summary.ts';
import { resume } from '../src/seal/resume.ts';
import { openFileStore } from '../src/stores/file/file-store.ts';
import { systemClock } from '../src/telemetry/clock.ts';
import { median } from './figures.ts';
import { reportBars, saveResults, say } from './report.ts';
import type { Bench } from './run.ts';

const STREAMS = 5;
const PACKED_DAYS = 40;
const PACKS = 2;
const GIB = 2 ** 30;
const TIMES = 5;
const WITHIN_MS = 7 * 86_400_000;

/** Hours in the order in which they come, so that the tables are as full as they are in life. */
const fill = (path: string, hosts: number, days: number): void => {
  const db = new DatabaseSync(path);
  db.exec(`PRAGMA synchronous = OFF; PRAGMA cache_size = -400000; DROP TRIGGER segment_inserted;
    CREATE TEMP TABLE lane AS WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ${hosts * STREAMS - 1})
      SELECT 'web' || (i / ${STREAMS}) AS host, 'stream' || (i % ${STREAMS}) AS stream FROM n;
    CREATE TEMP TABLE hour AS WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 23) SELECT i FROM n;`);
  const end = Math.floor(Date.now() / 86_400_000) * 86_400;
  const insert =
    db.prepare(`INSERT INTO segment (host, stream, hour, state, generation, packs, lines, bytes, lost_packs, lost_bytes,
      highest_id, stored_end, expected_packs, expected_lines, expected_bytes, expected_sha256, expected_hours,
      first_arrival, last_arrival, last_line, archived, sealed_at)
    SELECT host, stream, strftime('%Y%m%d%H', :day + i * 3600, 'unixepoch'), 'sealed', 1, ${PACKS}, 20000, 5000000, 0, 0, ${PACKS}, 600000,
      ${PACKS}, 20000, 5000000, randomblob(32), 24, (:day + i * 3600) * 1000, (:day + i * 3600) * 1000 + 3599999,
      (:day + i * 3600) * 1000 + 3599000, :archived, iif(:archived, (:day + i * 3600) * 1000 + 3600500, NULL)
    FROM hour CROSS JOIN lane`);
  const count = db.prepare(
    `INSERT INTO day SELECT host, stream, strftime('%Y%m%d', :day, 'unixepoch'), 0, 24, 24 FROM lane`,
  );
  for (let day = 0; day < days; day++) {
    const at = end - (days - day) * 86_400;
    insert.run({ day: at, archived: days - day > PACKED_DAYS ? 1 : null });
    count.run({ day: at });
  }
  db.exec(`INSERT INTO pack (segment, id, generation, "offset", bytes, lines, checksum, sha256, codec, time, at, length, arrived_at,
      done_lines, done_bytes, done_sha256, done_hours)
      SELECT segment, id, 1, (id - 1) * 2500000, 2500000, 10000, segment, randomblob(32), 'zstd', last_line, (id - 1) * 300000, 300000,
        last_arrival, iif(id = ${PACKS}, lines, NULL), iif(id = ${PACKS}, bytes, NULL), iif(id = ${PACKS}, expected_sha256, NULL),
        iif(id = ${PACKS}, 24, NULL)
      FROM segment CROSS JOIN (SELECT 1 AS id UNION SELECT 2) WHERE archived IS NULL;
    INSERT INTO seal SELECT segment, 1, packs, lines, bytes, expected_sha256, first_arrival, last_arrival, last_arrival + 500
      FROM segment WHERE archived IS NULL;
    INSERT INTO change (segment) SELECT segment FROM segment WHERE archived IS NULL ORDER BY segment;
    INSERT INTO output VALUES ('markers', 0, 'beginning', 0, (SELECT max(change) FROM change));
    INSERT INTO delivery (output, segment, generation, next_id, delivered, dropped, rejected, attempts, next_try, stuck)
      SELECT 'markers', segment, 1, 1, lines, 0, 0, 0, 0, 0 FROM segment WHERE archived IS NULL;
    CREATE TRIGGER segment_inserted AFTER INSERT ON segment BEGIN INSERT OR REPLACE INTO change (segment) VALUES (new.segment); END;`);
  db.close();
};

/** Bytes that the archived hours take, by the pages of the tables that they are in: their rows, and their part of the index. */
const bytesPerArchived = (path: string): number => {
  const db = new DatabaseSync(path, { readOnly: true });
  const pages = db
    .prepare(
      `SELECT sum(pgsize) AS bytes FROM dbstat WHERE aggregate = 1 AND (name = 'segment' OR name LIKE 'sqlite_autoindex_segment%')`,
    )
    .get() as { bytes: number };
  const { hours } = db.prepare('SELECT count(*) AS hours FROM segment').get() as { hours: number };
  db.close();
  return pages.bytes / hours;
};

const start = async (dir: string): Promise<number> => {
  const began = performance.now();
  await using ledger = await openSqliteLedger({ path: join(dir, 'ledger.db') });
  await using store = await openFileStore({ dir: join(dir, 'stored'), compression: 'none' });
  const deps = { ledger, store, clock: systemClock, emit: () => undefined };
  await using outputs = await startOutputs({
    outputs: [
      {
        ...{ name: 'markers', unit: 'hour', start: 'beginning', parallel: 4 },
        open: (with_) =>
          markersKind.open({ dir: join(dir, 'received'), expected: { within: WITHIN_MS } }, with_),
      },
    ],
    ...{ stateDir: join(dir, 'state'), ...deps },
  });
  await resume(ledger, () => undefined);
  const seconds = (performance.now() - began) / 1000;
  await outputs.idle();
  return seconds;
};

/** What `logd status --hour DAY` reads. */
const status = async (path: string, day: string): Promise<{ ms: number; segments: number }> => {
  await using ledger = await openSqliteLedger({ path, readOnly: true });
  const began = performance.now();
  const sums = summarise(50);
  for await (const segment of selectSegments(ledger, { hour: day })) sums.add(segment);
  sums.newest();
  const ms = performance.now() - began;
  return { ms, segments: sums.summary().segments };
};

/** Of all threads: what a busy machine does not change. */
const cpuMs = (since: NodeJS.CpuUsage): number => {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1000;
};

const OPTIONS = {
  hosts: { type: 'string', default: '200' },
  days: { type: 'string', default: '365' },
  save: { type: 'string' },
} as const;

const run = async (args: readonly string[]): Promise<boolean> => {
  const { values } = parseArgs({ args: [...args], options: OPTIONS });
  const [hosts, days] = [Number(values.hosts), Number(values.days)];
  const dir = await mkdtemp(join(tmpdir(), 'logd-bench-ledger-'));
  const path = join(dir, 'ledger.db');
  try {
    await (await openSqliteLedger({ path }))[Symbol.asyncDispose]();
    fill(path, hosts, days);
    const gib = (await stat(path)).size / GIB;
    say(`${hosts * STREAMS * days * 24} hours: ${gib.toFixed(2)} GiB`);
    const perHour = bytesPerArchived(path);
    const starts: number[] = [];
    const startCpu = process.cpuUsage();
    for (let n = 0; n < TIMES; n++) starts.push(await start(dir));
    const cpuOfStart = cpuMs(startCpu) / TIMES;
    // In the middle of what is archived, where there is so much.
    const ago = Math.min(200, days - 5);
    const day = new Date(Date.now() - ago * 86_400_000).toISOString().replaceAll('-', '').slice(0, 8);
    const looks: number[] = [];
    const lookCpu = process.cpuUsage();
    for (let n = 0; n < TIMES; n++) {
      const { ms, segments } = await status(path, day);
      if (segments !== hosts * STREAMS * 24) throw new Error(`The day ${day} has ${segments} segments.`);
      looks.push(ms);
    }
    const cpuOfLook = cpuMs(lookCpu) / TIMES;
    say(`CPU: ${cpuOfStart.toFixed(0)} ms a start, ${cpuOfLook.toFixed(0)} ms a status, all threads`);
    await using ledger = await openSqliteLedger({ path, readOnly: true });
    const began = performance.now();
    await absentHours(ledger, { hour: day }, { within: WITHIN_MS }, Date.now());
    const absentMs = performance.now() - began;
    say(
      `status of a day: ${looks.map((ms) => ms.toFixed(0)).join(', ')} ms; who is absent: ${absentMs.toFixed(0)} ms more`,
    );
    const result = {
      gib,
      perHour,
      cpuOfStart,
      cpuOfLook,
      startSeconds: median(starts),
      statusMs: median(looks),
      absentMs,
    };
    if (values.save !== undefined) await saveResults(values.save, { hosts, days, ...result, starts, looks });
    return reportBars('ledger', [
      { what: 'size, GiB', is: gib, atMost: 3 },
      { what: 'an hour without packs, bytes', is: perHour, atMost: 200 },
      { what: 'start, s', is: result.startSeconds, atMost: 3 },
      { what: 'status of a day, ms', is: result.statusMs, atMost: 300 },
    ]);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
};

export const bench: Bench = { summary: 'The size and the speed of a ledger of a year.', run };
