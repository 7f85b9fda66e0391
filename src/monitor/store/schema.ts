/**
 * The tables of a monitor, by version: each list brings a store from the version before to its own. Every statement may run twice, as
 * MariaDB commits each by itself and a start may be killed in between.
 *
 * `registered_node` and `service_error_log` are those of the Go system, with columns of ours behind its own: rows that it, or a
 * person, writes are as good as ours.
 */
import type { Dialect } from './sql.ts';

const id = { sqlite: 'INTEGER PRIMARY KEY', mariadb: 'BIGINT PRIMARY KEY AUTO_INCREMENT' } as const;

const first = (dialect: Dialect): string[] => [
  `CREATE TABLE IF NOT EXISTS registered_node (
     ip VARCHAR(64) NOT NULL, port INTEGER NOT NULL, role VARCHAR(128) NOT NULL DEFAULT '',
     hostname VARCHAR(255) NOT NULL DEFAULT '', ctime DATETIME NOT NULL DEFAULT '1970-01-01 00:00:00',
     name VARCHAR(64) NULL, version VARCHAR(64) NULL, PRIMARY KEY (ip, port))`,
  `CREATE TABLE IF NOT EXISTS service_error_log (
     id ${id[dialect]}, ctime DATETIME NOT NULL, ip VARCHAR(80) NOT NULL, role VARCHAR(128) NOT NULL DEFAULT '',
     error_type VARCHAR(32) NOT NULL, error_msg TEXT NOT NULL,
     at BIGINT NOT NULL DEFAULT 0, node VARCHAR(64) NULL, event VARCHAR(64) NULL, fields TEXT NULL)`,
  'CREATE INDEX error_by_time ON service_error_log (at)',
  `CREATE TABLE IF NOT EXISTS hour_day (
     source VARCHAR(64) NOT NULL, stream VARCHAR(64) NOT NULL, host VARCHAR(64) NOT NULL, day VARCHAR(8) NOT NULL,
     cells VARCHAR(24) NOT NULL, PRIMARY KEY (source, stream, host, day))`,
  `CREATE TABLE IF NOT EXISTS followed_sink (
     source VARCHAR(64) NOT NULL PRIMARY KEY, cursor_at BIGINT NOT NULL, ledger VARCHAR(64) NULL)`,
  `CREATE TABLE IF NOT EXISTS expectation (
     stream VARCHAR(64) NOT NULL, host VARCHAR(64) NOT NULL, since BIGINT NOT NULL, until BIGINT NULL,
     PRIMARY KEY (stream, host))`,
  `CREATE TABLE IF NOT EXISTS alert (
     id ${id[dialect]}, problem VARCHAR(190) NOT NULL, severity VARCHAR(16) NOT NULL, title TEXT NOT NULL,
     opened_at BIGINT NOT NULL, resolved_at BIGINT NULL, told_at BIGINT NULL)`,
  'CREATE INDEX alert_by_time ON alert (opened_at)',
  `CREATE TABLE IF NOT EXISTS page_user (
     name VARCHAR(64) NOT NULL PRIMARY KEY, password VARCHAR(255) NOT NULL, role VARCHAR(16) NOT NULL, created_at BIGINT NOT NULL)`,
  `CREATE TABLE IF NOT EXISTS page_session (
     digest VARCHAR(64) NOT NULL PRIMARY KEY, name VARCHAR(64) NOT NULL, expires_at BIGINT NOT NULL)`,
  `CREATE TABLE IF NOT EXISTS page_action (
     id ${id[dialect]}, at BIGINT NOT NULL, name VARCHAR(64) NOT NULL, action VARCHAR(64) NOT NULL, detail TEXT NOT NULL)`,
];

const VERSIONS = [first] as const;

/** The version that this build writes. */
export const STORE_VERSION = VERSIONS.length;

/** The statements that lead from `version` to this build's, in order; each list is one version. */
export const migrationsFrom = (version: number, dialect: Dialect): string[][] =>
  VERSIONS.slice(version).map((statements) => statements(dialect));
