/** What the ledger can be asked, as operations inside the database thread. */
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import type { SegmentKey } from '../../pack/pack.ts';
import { isNull, readInteger, readText, type Row } from '../../sqlite/row.ts';
import type {
  DayRecord,
  Gap,
  Neighbours,
  PackRecord,
  Seal,
  SegmentFilter,
  SegmentRecord,
} from '../ledger.ts';
import { unavailableOf } from './repull-operations.ts';
import { readArchivedSeal, readDay, readGap, readPack, readSeal, readSegment } from './rows.ts';

/** Runs of ids between neighbours, ids behind the highest one, and lost packs. */
const GAPS = `
  WITH bound AS (SELECT max(highest_id, ifnull(expected_packs, 0)) AS last_id, highest_id FROM segment WHERE segment = :segment),
  here AS (
    SELECT id, lost_reason, lost_bytes, lag(id, 1, 0) OVER (ORDER BY id) AS before FROM pack WHERE segment = :segment
  )
  SELECT before + 1 AS first, id - 1 AS last, 'missing' AS reason, NULL AS bytes FROM here WHERE id > before + 1
  UNION ALL SELECT id, id, lost_reason, lost_bytes FROM here WHERE lost_reason IS NOT NULL
  UNION ALL SELECT highest_id + 1, last_id, 'missing', NULL FROM bound WHERE last_id > highest_id
  ORDER BY first LIMIT :limit`;

const SEALS = 'SELECT host, stream, hour, seal.* FROM seal JOIN segment USING (segment)';

/** Conditions of a query that only has the ones that are asked for. */
interface Condition {
  readonly sql: string;
  readonly values: readonly SQLInputValue[];
}

/** `~` sorts behind every character of a label. */
const startsWith = (column: string, prefix: string): Condition => ({
  sql: `${column} >= ? AND ${column} < ?`,
  values: [prefix, `${prefix}~`],
});

const equals = (column: string, value: string): Condition => ({ sql: `${column} = ?`, values: [value] });

const where = (conditions: readonly Condition[]): string =>
  conditions.length === 0 ? '' : `WHERE ${conditions.map(({ sql }) => sql).join(' AND ')}`;

const segmentConditions = (filter: SegmentFilter, after: SegmentKey | undefined): Condition[] => {
  const conditions: Condition[] = [];
  if (filter.host !== undefined) conditions.push(equals('host', filter.host));
  if (filter.stream !== undefined) conditions.push(equals('stream', filter.stream));
  if (filter.hour !== undefined) conditions.push(startsWith('hour', filter.hour));
  if (filter.since !== undefined)
    conditions.push({ sql: 'hour >= substr(?, 1, length(hour))', values: [filter.since] });
  if (filter.states !== undefined) {
    conditions.push({ sql: `state IN (${filter.states.map(() => '?').join(', ')})`, values: filter.states });
    // Spelled out so that the index of unsealed segments is used: sealed ones are nearly all, in time.
    if (!filter.states.includes('sealed')) conditions.push({ sql: `state <> 'sealed'`, values: [] });
  }
  if (after !== undefined)
    conditions.push({
      sql: '(host, stream, hour) > (?, ?, ?)',
      values: [after.host, after.stream, after.hour],
    });
  return conditions;
};

const dayConditions = (filter: DayFilter): Condition[] => {
  const conditions: Condition[] = [];
  if (filter.host !== undefined) conditions.push(equals('host', filter.host));
  if (filter.stream !== undefined) conditions.push(equals('stream', filter.stream));
  if (filter.day !== undefined) conditions.push(equals('day', filter.day));
  return conditions;
};

export interface DayFilter {
  readonly host?: string;
  readonly stream?: string;
  readonly day?: string;
}

/** A day or less of it, of more than one host and stream. Those that are not sealed have an index of their own. */
const isOfDay = ({ host, stream, hour, states }: SegmentFilter): boolean =>
  (host === undefined || stream === undefined) &&
  hour !== undefined &&
  hour.length >= 8 &&
  states?.includes('sealed') !== false;

export const ledgerReads = (db: DatabaseSync) => {
  const findSegment = db.prepare('SELECT * FROM segment WHERE host = ? AND stream = ? AND hour = ?');
  const findPack = db.prepare('SELECT * FROM pack WHERE segment = ? AND id = ?');
  const findBelow = db.prepare('SELECT * FROM pack WHERE segment = ? AND id < ? ORDER BY id DESC LIMIT 1');
  const listPacks = db.prepare('SELECT * FROM pack WHERE segment = ? AND id > ? ORDER BY id LIMIT ?');
  const listGaps = db.prepare(GAPS);
  const listUnavailable = db.prepare('SELECT * FROM unavailable WHERE host = ? AND stream = ? AND hour = ?');
  const listSeals = db.prepare(`${SEALS} WHERE seal.segment = ? ORDER BY seal.generation`);
  /** Statements of filters, by their text: a filter has few shapes. */
  const listings = new Map<string, StatementSync>();
  const list = (select: string, conditions: readonly Condition[], rest: Condition) => {
    const sql = `${select} ${where(conditions)} ${rest.sql}`;
    const statement = listings.get(sql) ?? db.prepare(sql);
    listings.set(sql, statement);
    return statement.all(...conditions.flatMap(({ values }) => values), ...rest.values);
  };
  /** From one host and stream to the next: a day is a few rows of each, and years of others lie between them. */
  const nextStream = db.prepare(
    'SELECT host, stream FROM segment WHERE (host, stream, hour) > (?, ?, ?) ORDER BY host, stream, hour LIMIT 1',
  );
  const ofDay = (filter: SegmentFilter, after: SegmentKey | undefined, limit: number) => {
    const rows: Row[] = [];
    let [host, stream, hour] = [after?.host ?? filter.host ?? '', after?.stream ?? '', after?.hour ?? ''];
    while (rows.length < limit) {
      const row = nextStream.get(host, stream, hour);
      if (row === undefined) break;
      [host, stream, hour] = [readText(row, 'host'), readText(row, 'stream'), '~'];
      if (filter.host !== undefined && host !== filter.host) break;
      if (filter.stream !== undefined && stream !== filter.stream) continue;
      const left = Number.isFinite(limit) ? limit - rows.length : -1;
      const rest = { sql: 'ORDER BY hour LIMIT ?', values: [left] };
      const conditions = segmentConditions({ ...filter, host, stream }, after);
      rows.push(...list('SELECT * FROM segment', conditions, rest));
    }
    return rows;
  };
  const numberOf = (key: SegmentKey): number | undefined => {
    const row = findSegment.get(key.host, key.stream, key.hour);
    return row === undefined ? undefined : readInteger(row, 'segment');
  };

  // The first condition is that of the index.
  const countOpen = db.prepare(
    `SELECT host, count(*) AS hours FROM segment WHERE state <> 'sealed' AND state IN ('open', 'complete') GROUP BY host`,
  );

  return {
    openHours: () =>
      countOpen.all().map((row) => ({ host: readText(row, 'host'), hours: readInteger(row, 'hours') })),
    segment: (key: SegmentKey): SegmentRecord | undefined => {
      const row = findSegment.get(key.host, key.stream, key.hour);
      return row === undefined ? undefined : readSegment(row);
    },
    pack: (key: SegmentKey, id: number): PackRecord | undefined => {
      const row = findPack.get(numberOf(key) ?? null, id);
      return row === undefined ? undefined : readPack(key, row);
    },
    around: (key: SegmentKey, id: number): Neighbours => {
      const number = numberOf(key) ?? null;
      const before = findBelow.get(number, id);
      const same = findPack.get(number, id);
      const after = listPacks.get(number, id, 1);
      return {
        ...(before === undefined ? {} : { before: readPack(key, before) }),
        ...(same === undefined ? {} : { same: readPack(key, same) }),
        ...(after === undefined ? {} : { after: readPack(key, after) }),
      };
    },
    packs: (key: SegmentKey, afterId: number, limit: number): PackRecord[] =>
      listPacks.all(numberOf(key) ?? null, afterId, limit).map((row) => readPack(key, row)),
    segments: (
      filter: SegmentFilter,
      page?: { readonly after?: SegmentKey; readonly limit: number },
    ): SegmentRecord[] => {
      if (isOfDay(filter)) return ofDay(filter, page?.after, page?.limit ?? Infinity).map(readSegment);
      return list('SELECT * FROM segment', segmentConditions(filter, page?.after), {
        sql: 'ORDER BY host, stream, hour LIMIT ?',
        values: [page?.limit ?? -1],
      }).map(readSegment);
    },
    gaps: (key: SegmentKey, limit: number): Gap[] => {
      const known = listUnavailable.all(key.host, key.stream, key.hour).map(unavailableOf);
      return listGaps
        .all({ segment: numberOf(key) ?? null, limit })
        .map(readGap)
        .map((gap) => {
          const found =
            gap.reason === 'missing'
              ? known.find(({ from, to }) => from <= gap.to && to >= gap.from)
              : undefined;
          return found === undefined ? gap : { ...gap, why: found.reason };
        });
    },
    seals: (key: SegmentKey): Seal[] => {
      const row = findSegment.get(key.host, key.stream, key.hour);
      if (row === undefined) return [];
      const earlier = listSeals.all(readInteger(row, 'segment')).map(readSeal);
      return isNull(row, 'archived') ? earlier : [...earlier, readArchivedSeal(row)];
    },
    days: (filter: DayFilter): DayRecord[] =>
      list('SELECT * FROM day', dayConditions(filter), {
        sql: 'ORDER BY host, stream, day, daily',
        values: [],
      }).map(readDay),
  };
};
