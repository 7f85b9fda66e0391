/** Signing in and out. */
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { LogdError } from '../../error.ts';
import { SESSION_COOKIE, sessionSecret } from './gate.ts';
import { createLoginLimit } from './login-limit.ts';
import { type Asked, type ApiCaller, route, type Route } from './route.ts';
import { done, session } from './schemas.ts';
import { SESSION_MS, type Users } from './users.ts';

export interface SessionRoutesOptions {
  readonly users: Users;
  readonly who: (request: FastifyRequest) => Promise<ApiCaller | undefined>;
  readonly now: () => number;
  /** The page is reached by https: the cookie is sent by it alone. */
  readonly isSecure: boolean;
}

const credentials = z.object({ name: z.string().max(64), password: z.string().max(1_000) });

const cookie = (value: string, seconds: number, isSecure: boolean): string =>
  `${SESSION_COOKIE}=${value}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${seconds}${isSecure ? '; Secure' : ''}`;

const signIn = ({ users, now, isSecure }: SessionRoutesOptions) => {
  const limit = createLoginLimit(now);
  return async ({ body, address, reply }: Asked<unknown, z.output<typeof credentials>>) => {
    const keys = [`address ${address}`, `name ${body.name}`];
    const wait = limit.wait(keys);
    if (wait > 0)
      throw new LogdError('limit', `Too many tries: wait ${Math.ceil(wait / 1000)} s.`, { retryable: true });
    // Counted before the password is looked at: tries side by side gain nothing.
    limit.failed(keys);
    const user = await users.check(body.name, body.password);
    if (user === undefined) {
      await users.record(body.name, 'sign-in refused', address);
      await reply.code(401).send({ error: 'Name or password is wrong.' });
      return undefined;
    }
    limit.succeeded(keys);
    await users.record(user.name, 'sign-in', address);
    void reply.header('set-cookie', cookie(await users.begin(user.name), SESSION_MS / 1000, isSecure));
    return { name: user.name, role: user.role, mustSignIn: false };
  };
};

export const sessionRoutes = (options: SessionRoutesOptions): Route[] => [
  route({
    ...{ method: 'GET', path: '/api/session', needs: 'nobody', answer: session },
    summary: 'Who is signed in',
    async handle({ reply }) {
      const caller = await options.who(reply.request);
      return { name: caller?.name ?? null, role: caller?.role ?? null, mustSignIn: caller === undefined };
    },
  }),
  route({
    ...{ method: 'POST', path: '/api/session', needs: 'nobody', answer: session, body: credentials },
    summary: 'Sign in',
    handle: signIn(options),
  }),
  route({
    ...{ method: 'DELETE', path: '/api/session', needs: 'nobody', answer: done },
    summary: 'Sign out',
    async handle({ reply }) {
      const secret = sessionSecret(reply.request);
      if (secret !== undefined) await options.users.end(secret);
      void reply.header('set-cookie', cookie('', 0, options.isSecure));
      return { ok: true };
    },
  }),
];
