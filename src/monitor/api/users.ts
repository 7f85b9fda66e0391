/** Users of the page, their passwords (scrypt), their sessions, and what they did. */
import { createHash, randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { LogdError } from '../../error.ts';
import { number, type Sql, text } from '../store/sql.ts';

/** `view` may look at everything; `operate` may also act: repull, expectations, test alerts. */
export type UserRole = 'view' | 'operate';

export interface User {
  readonly name: string;
  readonly role: UserRole;
}

export interface Action {
  readonly at: number;
  readonly name: string;
  readonly action: string;
  readonly detail: string;
}

export interface Users {
  list(): Promise<User[]>;
  /** Adds a user, or gives one another password and role; sessions of theirs end. */
  put(name: string, password: string, role: UserRole): Promise<void>;
  remove(name: string): Promise<boolean>;
  /** The user, where name and password are right. Takes as long where the name is unknown. */
  check(name: string, password: string): Promise<User | undefined>;
  /** Begins a session; resolves with its secret, which only the browser keeps. */
  begin(name: string): Promise<string>;
  session(secret: string): Promise<User | undefined>;
  end(secret: string): Promise<void>;
  /** Writes down what somebody did. */
  record(name: string, action: string, detail: string): Promise<void>;
  actions(limit: number): Promise<Action[]>;
}

const derive = promisify<string, Buffer, number, { N: number; r: number; p: number; maxmem: number }, Buffer>(
  scrypt,
);
const COST = { N: 32_768, r: 8, p: 1, maxmem: 64 << 20 };
const KEY_BYTES = 32;
const SHORTEST_PASSWORD = 10;
export const SESSION_MS = 12 * 3_600_000;

/** `scrypt$salt$key`, both in base64. */
const hashOf = async (password: string, salt: Buffer): Promise<string> =>
  `scrypt$${salt.toString('base64')}$${(await derive(password, salt, KEY_BYTES, COST)).toString('base64')}`;

const matches = async (password: string, stored: string): Promise<boolean> => {
  const [, salt = '', key = ''] = stored.split('$');
  const expected = Buffer.from(key, 'base64');
  const given = await derive(password, Buffer.from(salt, 'base64'), KEY_BYTES, COST);
  return expected.length === given.length && timingSafeEqual(expected, given);
};

const digest = (secret: string): string => createHash('sha256').update(secret).digest('hex');
const roleOf = (value: string): UserRole => (value === 'operate' ? 'operate' : 'view');

const NAME = /^[A-Za-z0-9._@-]{1,64}$/;

const checkNew = (name: string, password: string): void => {
  if (!NAME.test(name))
    throw new LogdError(
      'usage',
      'The name of a user has 1 to 64 letters, digits, dots, dashes, underscores or @.',
    );
  if (password.length < SHORTEST_PASSWORD || password.length > 1_000)
    throw new LogdError('usage', `A password has at least ${SHORTEST_PASSWORD} characters.`);
};

const sessionsOf = (sql: Sql, now: () => number): Pick<Users, 'begin' | 'session' | 'end'> => ({
  async begin(name) {
    const secret = randomBytes(32).toString('base64url');
    await sql.write([
      { sql: 'DELETE FROM page_session WHERE expires_at < ?', values: [now()] },
      {
        sql: 'INSERT INTO page_session (digest, name, expires_at) VALUES (?, ?, ?)',
        values: [digest(secret), name, now() + SESSION_MS],
      },
    ]);
    return secret;
  },
  async session(secret) {
    const [row] = await sql.all(
      'SELECT u.name, u.role FROM page_session AS s JOIN page_user AS u ON u.name = s.name WHERE s.digest = ? AND s.expires_at > ?',
      [digest(secret), now()],
    );
    return row === undefined ? undefined : { name: text(row, 'name'), role: roleOf(text(row, 'role')) };
  },
  end: (secret) =>
    sql.write([{ sql: 'DELETE FROM page_session WHERE digest = ?', values: [digest(secret)] }]),
});

export const openUsers = async (sql: Sql, now: () => number): Promise<Users> => {
  // A user that is not there costs as much as one that is.
  const nobody = await hashOf(randomBytes(16).toString('hex'), randomBytes(16));
  const endSessions = (name: string) => ({ sql: 'DELETE FROM page_session WHERE name = ?', values: [name] });
  const find = async (name: string) => {
    const [row] = await sql.all('SELECT * FROM page_user WHERE name = ?', [name]);
    return row;
  };
  return {
    ...sessionsOf(sql, now),
    async list() {
      const rows = await sql.all('SELECT name, role FROM page_user ORDER BY name');
      return rows.map((row) => ({ name: text(row, 'name'), role: roleOf(text(row, 'role')) }));
    },
    async put(name, password, role) {
      checkNew(name, password);
      const hash = await hashOf(password, randomBytes(16));
      await sql.write([
        endSessions(name),
        {
          sql: 'REPLACE INTO page_user (name, password, role, created_at) VALUES (?, ?, ?, ?)',
          values: [name, hash, role, now()],
        },
      ]);
    },
    async remove(name) {
      if ((await find(name)) === undefined) return false;
      await sql.write([endSessions(name), { sql: 'DELETE FROM page_user WHERE name = ?', values: [name] }]);
      return true;
    },
    async check(name, password) {
      const row = await find(name);
      const isRight = await matches(
        password.slice(0, 1_000),
        row === undefined ? nobody : text(row, 'password'),
      );
      return row === undefined || !isRight ? undefined : { name, role: roleOf(text(row, 'role')) };
    },
    record: (name, action, detail) =>
      sql.write([
        {
          sql: 'INSERT INTO page_action (at, name, action, detail) VALUES (?, ?, ?, ?)',
          values: [now(), name, action, detail.slice(0, 1_000)],
        },
      ]),
    async actions(limit) {
      const rows = await sql.all(`SELECT * FROM page_action ORDER BY id DESC LIMIT ${Math.trunc(limit)}`);
      return rows.map((row) => ({
        at: number(row, 'at'),
        name: text(row, 'name'),
        action: text(row, 'action'),
        detail: text(row, 'detail'),
      }));
    },
  };
};
