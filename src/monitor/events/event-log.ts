/** Warnings and errors of all nodes, in the Go system's `service_error_log`. */
import {
  fromDateTime,
  number,
  type Sql,
  type SqlRow,
  type SqlValue,
  text,
  toDateTime,
} from '../store/sql.ts';

export interface LoggedEvent {
  /** Unix milliseconds. */
  readonly at: number;
  /** `ip:port`, as the Go system has it. */
  readonly address: string;
  readonly node: string;
  readonly role: string;
  readonly level: 'warn' | 'error';
  /** `send.disconnected`; empty for a Go node. */
  readonly event: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, string | number>>;
  /** Which event of which run of a node it is: one that is sent again is kept once. Absent where nobody counts. */
  readonly origin?: string | undefined;
  /** As the table has it, where it is neither WARNING nor ERROR. */
  readonly type?: typeof NO_HEARTBEAT | typeof HEARTBEAT_BACK;
}

export interface EventFilter {
  readonly node?: string | undefined;
  readonly level?: 'warn' | 'error' | undefined;
  readonly event?: string | undefined;
  /** Part of the message. */
  readonly text?: string | undefined;
  /** Unix milliseconds. */
  readonly since?: number | undefined;
  /** Only those with a smaller number: the next page. */
  readonly before?: number | undefined;
  readonly limit: number;
}

export interface StoredEvent extends LoggedEvent {
  readonly id: number;
}

/** Events of one kind of one node, counted. */
export interface EventGroup {
  readonly node: string;
  readonly event: string;
  readonly level: 'warn' | 'error';
  readonly count: number;
  readonly first: number;
  readonly last: number;
  /** The message of the last one. */
  readonly message: string;
}

export interface EventLog {
  add(events: readonly LoggedEvent[]): Promise<void>;
  /** The newest first. */
  search(filter: EventFilter): Promise<StoredEvent[]>;
  /** Groups since a time, the largest first. */
  groups(since: number, limit: number): Promise<EventGroup[]>;
  /** Removes what is older. */
  trim(before: number): Promise<void>;
}

/** What the Go system calls a node that does not answer. */
export const NO_HEARTBEAT = 'no heart-beat';
export const HEARTBEAT_BACK = 'heart-beat back';
const WARNINGS: readonly string[] = ['WARNING', 'WARN', NO_HEARTBEAT, HEARTBEAT_BACK];
const levelOf = (type: string): 'warn' | 'error' => (WARNINGS.includes(type) ? 'warn' : 'error');
/** What the Go system calls them. */
export const typeOf = (level: 'warn' | 'error'): string => (level === 'warn' ? 'WARNING' : 'ERROR');

const MOST_MESSAGE = 4_000;
/** An event that came before has the same origin, and is replaced by itself. */
const INSERT =
  'REPLACE INTO service_error_log (ctime, ip, role, error_type, error_msg, at, node, event, fields, origin) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)';

const fieldsOf = (json: string): LoggedEvent['fields'] => {
  try {
    return JSON.parse(json) as LoggedEvent['fields'];
  } catch {
    return {};
  }
};

const readEvent = (row: SqlRow): StoredEvent => ({
  id: number(row, 'id'),
  // A row that a monitor of the Go system wrote has no `at`.
  at: number(row, 'at') || fromDateTime(text(row, 'ctime')),
  address: text(row, 'ip'),
  node: text(row, 'node') || text(row, 'ip'),
  role: text(row, 'role'),
  level: levelOf(text(row, 'error_type')),
  event: text(row, 'event'),
  message: text(row, 'error_msg'),
  fields: fieldsOf(text(row, 'fields')),
});

/** A LIKE pattern that finds the text as it stands. */
const containing = (value: string): string => `%${value.replaceAll(/[!%_]/g, '!$&')}%`;

const conditions = (
  filter: EventFilter,
): { readonly where: string; readonly values: readonly SqlValue[] } => {
  const { node, level, event, text: part, since, before } = filter;
  const parts: [string, ...SqlValue[]][] = [];
  if (node !== undefined) parts.push(['node = ?', node]);
  if (level !== undefined)
    parts.push([
      `error_type ${level === 'warn' ? 'IN' : 'NOT IN'} (${WARNINGS.map(() => '?').join(', ')})`,
      ...WARNINGS,
    ]);
  if (event !== undefined) parts.push(['event = ?', event]);
  if (part !== undefined) parts.push(["LOWER(error_msg) LIKE ? ESCAPE '!'", containing(part.toLowerCase())]);
  if (since !== undefined) parts.push(['(at >= ? OR (at = 0 AND ctime >= ?))', since, toDateTime(since)]);
  if (before !== undefined) parts.push(['id < ?', before]);
  return {
    where: parts.length === 0 ? '' : `WHERE ${parts.map(([sql]) => sql).join(' AND ')}`,
    values: parts.flatMap(([, ...values]) => values),
  };
};

const readGroup = (row: SqlRow): EventGroup => ({
  node: text(row, 'node') || text(row, 'ip'),
  event: text(row, 'event'),
  level: levelOf(text(row, 'error_type')),
  count: number(row, 'count'),
  first: number(row, 'first'),
  last: number(row, 'last'),
  message: text(row, 'message'),
});

export const eventLog = (sql: Sql): EventLog => ({
  add: (events) =>
    sql.write(
      events.map(({ at, address, role, level, message, node, event, fields, origin = null, type }) => ({
        sql: INSERT,
        values: [
          ...[toDateTime(at), address, role, type ?? typeOf(level), message.slice(0, MOST_MESSAGE)],
          ...[at, node, event, JSON.stringify(fields), origin],
        ],
      })),
    ),
  async search(filter) {
    const { where, values } = conditions(filter);
    const rows = await sql.all(
      `SELECT * FROM service_error_log ${where} ORDER BY id DESC LIMIT ${Math.trunc(filter.limit)}`,
      values,
    );
    return rows.map(readEvent);
  },
  async groups(since, limit) {
    const rows = await sql.all(
      `SELECT g.*, l.error_msg AS message FROM (
         SELECT node, ip, event, error_type, COUNT(*) AS count, MIN(at) AS first, MAX(at) AS last, MAX(id) AS last_id
         FROM service_error_log WHERE at >= ? GROUP BY node, ip, event, error_type) AS g
       JOIN service_error_log AS l ON l.id = g.last_id ORDER BY count DESC, last DESC LIMIT ${Math.trunc(limit)}`,
      [since],
    );
    return rows.map(readGroup);
  },
  trim: (before) =>
    sql.write([
      {
        sql: 'DELETE FROM service_error_log WHERE at < ? AND (at > 0 OR ctime < ?)',
        values: [before, toDateTime(before)],
      },
    ]),
});
