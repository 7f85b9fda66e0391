/**
 * The tables of a monitor, by version: each list brings a store from the version before to its own. Every statement may run twice, as
 * MariaDB commits each by itself and a start may be killed in between: there an index or a column that exists already is no error.
 *
 * `registered_node` and `service_error_log` are those of the Go system, with columns of ours behind its own: rows that it, or a
 * person, writes are as good as ours. Where it has made them, our columns are added.
 *
 * service_error_log.origin   which event of which run of a node this is: one that is sent again replaces itself; null where nobody counts
 */
import type { Dialect } from './sql.ts';

const id = { sqlite: 'INTEGER PRIMARY KEY', mariadb: 'BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY' } as const;
/** Names are compared exactly, as SQLite does it. */
const end = { sqlite: '', mariadb: ' ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin' } as const;

const NODE_COLUMNS = ['name VARCHAR(64) NULL', 'version VARCHAR(64) NULL'];
const ERROR_COLUMNS = [
  'at BIGINT NOT NULL DEFAULT 0',
  'node VARCHAR(64) NULL',
  'event VARCHAR(64) NULL',
  'fields TEXT NULL',
];

/** Adds our columns to tables that the Go system has made; where we have made them they are there. */
const adopt = (dialect: Dialect): string[] =>
  dialect === 'sqlite'
    ? []
    : [
        ...NODE_COLUMNS.map((column) => `ALTER TABLE registered_node ADD COLUMN ${column}`),
        `ALTER TABLE service_error_log ADD COLUMN id ${id[dialect]}`,
        ...ERROR_COLUMNS.map((column) => `ALTER TABLE service_error_log ADD COLUMN ${column}`),
        'UPDATE service_error_log SET at = UNIX_TIMESTAMP(ctime) * 1000 WHERE at = 0',
      ];

const first = (dialect: Dialect): string[] => [
  `CREATE TABLE IF NOT EXISTS registered_node (
     ip VARCHAR(64) NOT NULL, port INTEGER NOT NULL, role VARCHAR(128) NOT NULL DEFAULT '',
     hostname VARCHAR(255) NOT NULL DEFAULT '', ctime DATETIME NOT NULL DEFAULT '1970-01-01 00:00:00',
     ${NODE_COLUMNS.join(', ')}, PRIMARY KEY (ip, port))${end[dialect]}`,
  `CREATE TABLE IF NOT EXISTS service_error_log (
     id ${id[dialect]}, ctime DATETIME NOT NULL, ip VARCHAR(80) NOT NULL, role VARCHAR(128) NOT NULL DEFAULT '',
     error_type VARCHAR(32) NOT NULL, error_msg TEXT NOT NULL,
     ${ERROR_COLUMNS.join(', ')})${end[dialect]}`,
  ...adopt(dialect),
  'CREATE INDEX error_by_time ON service_error_log (at)',
  `CREATE TABLE IF NOT EXISTS hour_day (
     source VARCHAR(64) NOT NULL, stream VARCHAR(64) NOT NULL, host VARCHAR(64) NOT NULL, day VARCHAR(8) NOT NULL,
     cells VARCHAR(24) NOT NULL, PRIMARY KEY (source, stream, host, day))${end[dialect]}`,
  `CREATE TABLE IF NOT EXISTS followed_sink (
     source VARCHAR(64) NOT NULL PRIMARY KEY, cursor_at BIGINT NOT NULL, ledger VARCHAR(64) NULL)${end[dialect]}`,
  `CREATE TABLE IF NOT EXISTS expectation (
     stream VARCHAR(64) NOT NULL, host VARCHAR(64) NOT NULL, since BIGINT NOT NULL, until BIGINT NULL,
     PRIMARY KEY (stream, host))${end[dialect]}`,
  `CREATE TABLE IF NOT EXISTS alert (
     id ${id[dialect]}, problem VARCHAR(190) NOT NULL, severity VARCHAR(16) NOT NULL, title TEXT NOT NULL,
     opened_at BIGINT NOT NULL, resolved_at BIGINT NULL, told_at BIGINT NULL)${end[dialect]}`,
  'CREATE INDEX alert_by_time ON alert (opened_at)',
  `CREATE TABLE IF NOT EXISTS page_user (
     name VARCHAR(64) NOT NULL PRIMARY KEY, password VARCHAR(255) NOT NULL, role VARCHAR(16) NOT NULL, created_at BIGINT NOT NULL)${end[dialect]}`,
  `CREATE TABLE IF NOT EXISTS page_session (
     digest VARCHAR(64) NOT NULL PRIMARY KEY, name VARCHAR(64) NOT NULL, expires_at BIGINT NOT NULL)${end[dialect]}`,
  `CREATE TABLE IF NOT EXISTS page_action (
     id ${id[dialect]}, at BIGINT NOT NULL, name VARCHAR(64) NOT NULL, action VARCHAR(64) NOT NULL, detail TEXT NOT NULL)${end[dialect]}`,
];

/** Longer messages of Go nodes, and events that are told apart from those that were sent again. */
const second = (dialect: Dialect): string[] => [
  'ALTER TABLE service_error_log ADD COLUMN origin VARCHAR(96) NULL',
  'CREATE UNIQUE INDEX error_by_origin ON service_error_log (origin)',
  ...(dialect === 'sqlite' ? [] : ['ALTER TABLE service_error_log MODIFY COLUMN error_msg MEDIUMTEXT']),
];

/** Lag and throughput of streams: see nodes/stream-points.ts. */
const third = (dialect: Dialect): string[] => [
  `CREATE TABLE IF NOT EXISTS stream_point (
     stream VARCHAR(64) NOT NULL, step BIGINT NOT NULL, at BIGINT NOT NULL, samples INTEGER NOT NULL,
     line_rates DOUBLE NOT NULL, byte_rates DOUBLE NOT NULL, lag DOUBLE NULL, PRIMARY KEY (stream, step, at))${end[dialect]}`,
  'CREATE INDEX stream_point_by_time ON stream_point (step, at)',
];

const VERSIONS = [first, second, third] as const;

/** The version that this build writes. */
export const STORE_VERSION = VERSIONS.length;

/** The statements that lead from `version` to this build's, in order; each list is one version. */
export const migrationsFrom = (version: number, dialect: Dialect): string[][] =>
  VERSIONS.slice(version).map((statements) => statements(dialect));
