/**
 * The node's own HTTP listener.
 *
 *   GET /health   200 while the process answers · GET /ready   200 once every role runs without a fault, else 503 with the reasons
 *   GET /metrics  Prometheus text               · GET /status  JSON, see telemetry/status.ts
 *
 * Roles add routes of their own: see roles/sink/hours-http.ts. What changes something needs the token, or, without one, our own header.
 * It reads `status()`, which is cheap and synchronous, and never waits for the data path.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { formatAddress, isLoopback } from '../config/address.ts';
import { LogdError, messageOf } from '../error.ts';
import type { NodeStatus } from '../telemetry/status.ts';
import { showsToken } from './bearer.ts';
import { type EventCounts, metricsText } from './metrics.ts';

export interface HttpServerOptions {
  /** Port 0 takes a free one. */
  readonly listen: { readonly host: string; readonly port: number };
  /** Asked at each request but /health and /ready; any of them is accepted. */
  readonly tokens?: (() => Promise<readonly string[]>) | undefined;
  readonly status: () => NodeStatus;
  readonly events: EventCounts;
  readonly now: () => number;
  /** Adds further routes; they need the token too. */
  readonly more?: (app: FastifyInstance) => void;
}

export interface HttpServer extends AsyncDisposable {
  /** With the port that was taken. */
  readonly address: { readonly host: string; readonly port: number };
}

const MOST_URL = 2_048;
const REQUEST_TIMEOUT_MS = 10_000;
const OPEN = new Set(['/health', '/ready']);

/** No form or link of a web page can send it. */
export const OWN_HEADER = 'x-logd-request';

/** Without tokens: what a web page in a browser of this machine could be made to send. */
const isForeign = ({ method, headers }: FastifyRequest): boolean =>
  method !== 'GET' &&
  method !== 'HEAD' &&
  (headers[OWN_HEADER] === undefined ||
    !isLoopback((headers.host ?? '').replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1')));

/** What keeps a node from being ready: a sentence for each role. */
const faultsOf = ({ roles }: NodeStatus): string[] =>
  roles
    .filter(({ state }) => state !== 'running')
    .map(({ role, state, reason }) => `${role} is ${state}${reason === undefined ? '' : `: ${reason}`}`);

/** Listens; rejects with `unreachable` where the address cannot be had. */
export const listenHttp = async (options: HttpServerOptions): Promise<HttpServer> => {
  const { listen, tokens, status, events, now } = options;
  const { fastify } = await import('fastify');
  const app = fastify({
    logger: false,
    routerOptions: { maxParamLength: MOST_URL },
    requestTimeout: REQUEST_TIMEOUT_MS,
    bodyLimit: 1024,
    forceCloseConnections: true,
  });
  app.addHook('onRequest', async (request, reply) => {
    if (tokens === undefined || OPEN.has(request.url.split('?')[0] ?? '')) return;
    if (!showsToken(request.headers.authorization, await tokens()))
      await reply.code(401).send({ error: 'Send the token as "Authorization: Bearer …".' });
  });
  app.addHook('onRequest', async (request, reply) => {
    if (tokens === undefined && isForeign(request))
      await reply.code(403).send({ error: `Send ${OWN_HEADER}, and name this listener by its address.` });
  });
  app.get('/health', () => ({ status: 'ok' }));
  app.get('/ready', async (_request, reply) => {
    const faults = faultsOf(status());
    await reply.code(faults.length === 0 ? 200 : 503).send({ ready: faults.length === 0, faults });
  });
  app.get('/status', () => status());
  app.get('/metrics', async (_request, reply) => {
    const text = await metricsText(status(), events, now());
    await reply.type('text/plain; version=0.0.4; charset=utf-8').send(text);
  });
  options.more?.(app);
  try {
    await app.listen({ host: listen.host, port: listen.port });
  } catch (error) {
    await app.close();
    const message = `Cannot listen on ${formatAddress(listen)}: ${messageOf(error)}. Choose another address for http.listen.`;
    throw new LogdError('unreachable', message, { retryable: true, cause: error });
  }
  const bound = app.server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : listen.port;
  return {
    address: { host: listen.host, port },
    [Symbol.asyncDispose]: () => app.close(),
  };
};
