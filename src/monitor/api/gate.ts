/**
 * Who may do what.
 *
 * - Nodes present the token of `monitor.token_file`; without one, any node that can connect may report.
 * - People sign in; a cookie that scripts cannot read keeps the secret of their session. Behind a reverse proxy, its header names them.
 * - While there are no users and no proxy, everyone on loopback may look and act: whoever is on the machine could read the database.
 * - What changes something needs a header that no form or link of another page can send, and comes from our own page.
 */
import type { FastifyRequest } from 'fastify';
import { isLoopback } from '../../config/address.ts';
import { showsToken } from '../../http/bearer.ts';
import { OWN_HEADER } from '../../http/server.ts';
import type { ApiCaller, Gate, Route } from './route.ts';
import type { Users } from './users.ts';

export const SESSION_COOKIE = 'logd_session';

export interface GateOptions {
  readonly users: Users;
  readonly nodeTokens: (() => Promise<readonly string[]>) | undefined;
  readonly userHeader: string | undefined;
}

/** The cookie's value; there are no others that matter. */
export const sessionSecret = ({ headers }: FastifyRequest): string | undefined =>
  headers.cookie
    ?.split(';')
    .map((each) => each.trim().split('='))
    .find(([name]) => name === SESSION_COOKIE)?.[1];

/** The name by which the browser reached us: another page's host name that was made to point here is none of ours. */
const isOwnHost = ({ headers }: FastifyRequest): boolean =>
  isLoopback((headers.host ?? '').replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1'));

/** What another page could make a browser send. */
const isForeign = ({ method, headers }: FastifyRequest): boolean => {
  if (method === 'GET' || method === 'HEAD') return false;
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return true;
  return headers[OWN_HEADER] === undefined;
};

export const createGate = ({
  users,
  nodeTokens,
  userHeader,
}: GateOptions): Gate & {
  who(request: FastifyRequest): Promise<ApiCaller | undefined>;
} => {
  /** Looked up again after a while: `logd users add` may have made the first one. */
  let isOpen = { is: false, until: 0 };
  const hasNoUsers = async (): Promise<boolean> => {
    if (Date.now() > isOpen.until)
      isOpen = { is: (await users.list()).length === 0, until: Date.now() + 2_000 };
    return isOpen.is;
  };

  const who = async (request: FastifyRequest): Promise<ApiCaller | undefined> => {
    if (userHeader !== undefined) {
      const name = request.headers[userHeader.toLowerCase()];
      if (typeof name !== 'string' || name === '') return undefined;
      const known = (await users.list()).find((user) => user.name === name);
      return known ?? { name, role: 'view' };
    }
    const secret = sessionSecret(request);
    const user = secret === undefined ? undefined : await users.session(secret);
    if (user !== undefined) return user;
    return isLoopback(request.ip) && isOwnHost(request) && (await hasNoUsers())
      ? { name: 'local', role: 'operate' }
      : undefined;
  };

  const checkPerson = async (route: Pick<Route, 'needs'>, request: FastifyRequest) => {
    if (isForeign(request))
      return { status: 403, error: `This must come from the page: send ${OWN_HEADER}.` };
    if (route.needs === 'nobody') return { caller: undefined };
    const caller = await who(request);
    if (caller === undefined) return { status: 401, error: 'Sign in to go on.' };
    if (route.needs === 'operate' && caller.role !== 'operate')
      return { status: 403, error: 'This needs the role operate.' };
    return { caller };
  };

  return {
    who,
    async check(route, request) {
      if (route.needs !== 'node') return checkPerson(route, request);
      if (nodeTokens !== undefined && !showsToken(request.headers.authorization, await nodeTokens()))
        return { status: 401, error: 'The token is wrong, or there is none: see report.token_file.' };
      return { caller: undefined };
    },
  };
};
