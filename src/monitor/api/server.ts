/** The monitor's listener: API, page, and what nodes report. */
import type { FastifyInstance } from 'fastify';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { formatAddress } from '../../config/address.ts';
import { LogdError, messageOf } from '../../error.ts';
import type { Watch } from '../watch.ts';
import { createGate } from './gate.ts';
import { hoursRoutes } from './hours-routes.ts';
import { addLive } from './live.ts';
import { nodeRoutes } from './node-routes.ts';
import { pageRoutes } from './page-routes.ts';
import { addRoutes, openApi } from './route.ts';
import { sessionRoutes } from './session-routes.ts';
import type { Users } from './users.ts';

export interface MonitorServerOptions {
  readonly listen: { readonly host: string; readonly port: number };
  readonly watch: Watch;
  readonly users: Users;
  readonly nodeTokens: (() => Promise<readonly string[]>) | undefined;
  readonly userHeader: string | undefined;
  readonly isSecure: boolean;
  readonly checkIntervalMs: number;
  readonly notifiers: readonly string[];
  readonly version: string;
  readonly now: () => number;
}

export interface MonitorServer extends AsyncDisposable {
  readonly address: { readonly host: string; readonly port: number };
}

const MOST_BODY = 8 << 20;
const REQUEST_TIMEOUT_MS = 15_000;
const here = join(import.meta.dirname, '..', '..');
/** Built by `npm run build`, beside what runs or, from a checkout, in dist/. */
const PAGE_DIR = [join(here, 'web'), join(here, '..', 'dist', 'web')].find((dir) =>
  existsSync(join(dir, 'index.html')),
);

/** Nothing from elsewhere is loaded, and nobody may frame the page. */
const SECURITY_HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
} as const;

const NO_PAGE =
  '<!doctype html><title>logd</title><p>The page was not built: run <code>npm run build</code>. The API is at <a href="/api/openapi.json">/api/openapi.json</a>.';

/** Views of the page that have an address of their own. */
const VIEWS = new Set(['/', '/completeness', '/nodes', '/events', '/alerts']);

const addPage = async (app: FastifyInstance): Promise<void> => {
  if (PAGE_DIR === undefined) {
    app.get('/', (_request, reply) => reply.type('text/html').send(NO_PAGE));
    return;
  }
  const { default: serveFiles } = await import('@fastify/static');
  await app.register(serveFiles, { root: PAGE_DIR, index: false, wildcard: false, immutable: false });
  for (const path of VIEWS)
    app.get(path, (_request, reply) => reply.header('cache-control', 'no-cache').sendFile('index.html'));
};

/** Listens; rejects with `unreachable` where the address cannot be had. */
export const listenAsMonitor = async (options: MonitorServerOptions): Promise<MonitorServer> => {
  const { listen, watch, users, nodeTokens, userHeader, now, version } = options;
  const { fastify } = await import('fastify');
  const app = fastify({
    logger: false,
    bodyLimit: MOST_BODY,
    requestTimeout: REQUEST_TIMEOUT_MS,
    forceCloseConnections: true,
  });
  const gate = createGate({ users, nodeTokens, userHeader });
  const routes = [
    ...nodeRoutes(watch, now),
    ...sessionRoutes({ users, who: gate.who, now, isSecure: options.isSecure }),
    ...hoursRoutes(watch, users),
    ...pageRoutes({ ...options, software: `logd/${version}` }),
  ];
  app.addHook('onSend', async (request, reply) => {
    void reply.headers(SECURITY_HEADERS);
    if (request.url.startsWith('/api/') && !reply.hasHeader('cache-control'))
      void reply.header('cache-control', 'no-store');
  });
  app.setNotFoundHandler((_request, reply) => reply.code(404).send({ error: 'There is nothing here.' }));
  app.setErrorHandler((error, _request, reply) => {
    const { statusCode = 500 } = error as { readonly statusCode?: number };
    return reply.code(statusCode).send({ error: messageOf(error) });
  });
  addRoutes(app, routes, gate);
  const description = openApi(routes, version);
  app.get('/api/openapi.json', () => description);
  const live = addLive(app, watch, gate, now);
  await addPage(app);
  try {
    await app.listen({ host: listen.host, port: listen.port });
  } catch (error) {
    await app.close();
    const message = `Cannot listen on ${formatAddress(listen)}: ${messageOf(error)}. Choose another address for monitor.listen.`;
    throw new LogdError('unreachable', message, { retryable: true, cause: error });
  }
  const bound = app.server.address();
  return {
    address: {
      host: listen.host,
      port: typeof bound === 'object' && bound !== null ? bound.port : listen.port,
    },
    async [Symbol.asyncDispose]() {
      await live[Symbol.asyncDispose]();
      await app.close();
    },
  };
};
