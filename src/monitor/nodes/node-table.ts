/** Registered nodes: those that registered themselves, and those that a person wrote into the table. */
import { number, type Sql, type SqlRow, text, toDateTime, fromDateTime } from '../store/sql.ts';

export interface RegisteredNode {
  /** Where it listens: its own HTTP listener, or the heartbeat port of a node of the Go system. */
  readonly ip: string;
  readonly port: number;
  /** `sink`, `agent and relay`; whatever a Go node says. */
  readonly role: string;
  readonly hostname: string;
  /** Unix milliseconds. */
  readonly registeredAt: number;
  /** Its name, where it is one of ours that registered itself. */
  readonly name?: string;
  readonly version?: string;
}

export interface NodeTable {
  list(): Promise<RegisteredNode[]>;
  /** Adds a node, or replaces it; one of ours under another address is moved, not doubled. */
  register(node: RegisteredNode): Promise<void>;
  unregister(ip: string, port: number): Promise<void>;
}

/** What a page calls the node. */
export const nodeName = ({ name, hostname, ip, port }: RegisteredNode): string =>
  name ?? (hostname === '' ? `${ip}:${port}` : hostname);

const optional = (row: SqlRow, column: 'name' | 'version'): object =>
  row[column] === null || row[column] === undefined ? {} : { [column]: text(row, column) };

const readNode = (row: SqlRow): RegisteredNode => ({
  ip: text(row, 'ip'),
  port: number(row, 'port'),
  role: text(row, 'role'),
  hostname: text(row, 'hostname'),
  registeredAt: fromDateTime(text(row, 'ctime')),
  ...optional(row, 'name'),
  ...optional(row, 'version'),
});

export const nodeTable = (sql: Sql): NodeTable => ({
  async list() {
    return (await sql.all('SELECT * FROM registered_node ORDER BY name, hostname, ip, port')).map(readNode);
  },
  register: ({ ip, port, role, hostname, registeredAt, name = null, version = null }) =>
    sql.write([
      ...(name === null ? [] : [{ sql: 'DELETE FROM registered_node WHERE name = ?', values: [name] }]),
      {
        sql: 'REPLACE INTO registered_node (ip, port, role, hostname, ctime, name, version) VALUES (?, ?, ?, ?, ?, ?, ?)',
        values: [ip, port, role, hostname, toDateTime(registeredAt), name, version],
      },
    ]),
  unregister: (ip, port) =>
    sql.write([{ sql: 'DELETE FROM registered_node WHERE ip = ? AND port = ?', values: [ip, port] }]),
});
