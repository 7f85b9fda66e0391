/**
 * One definition per route: from it come the validation of what is asked, who may ask, and the OpenAPI description.
 *
 * Paths have `{name}` for parts that vary, as OpenAPI writes them.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { LogdError, messageOf } from '../../error.ts';
import type { UserRole } from './users.ts';

/** Who may use a route: everyone (to sign in), a node with its token, or a person who may look or act. */
export type Needs = 'nobody' | 'node' | UserRole;

export interface ApiCaller {
  /** Name of the person; `node` for a node. */
  readonly name: string;
  readonly role: UserRole;
}

export interface Asked<Query, Body> {
  readonly query: Query;
  readonly body: Body;
  readonly params: Readonly<Record<string, string>>;
  readonly caller: ApiCaller | undefined;
  readonly address: string;
  readonly reply: FastifyReply;
}

export interface Route<Query extends z.ZodType = z.ZodType, Body extends z.ZodType = z.ZodType> {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  readonly summary: string;
  readonly needs: Needs;
  readonly query?: Query;
  readonly body?: Body;
  readonly answer: z.ZodType;
  handle(asked: Asked<z.output<Query>, z.output<Body>>): Promise<unknown>;
}

/** Keeps the types of a definition. */
export const route = <Query extends z.ZodType, Body extends z.ZodType>(
  definition: Route<Query, Body>,
): Route => definition as unknown as Route;

const STATUS: Readonly<Record<string, number>> = {
  usage: 400,
  config: 400,
  limit: 429,
  unreachable: 502,
  storage: 503,
};

const faultOf = (error: z.ZodError): string =>
  error.issues
    .map(({ path, message }) => `${path.length === 0 ? '' : `${path.join('.')}: `}${message}`)
    .slice(0, 3)
    .join(' ');

/** `{host}` becomes `:host`. */
const fastifyPath = (path: string): string => path.replaceAll(/\{(\w+)\}/g, ':$1');

export interface Gate {
  /** Undefined where the route may be used; else the status and why not. */
  check(
    route: Pick<Route, 'needs'>,
    request: FastifyRequest,
  ): Promise<
    { readonly caller: ApiCaller | undefined } | { readonly status: number; readonly error: string }
  >;
}

const answer = async (
  one: Route,
  gate: Gate,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<unknown> => {
  const checked = await gate.check(one, request);
  if ('status' in checked) return reply.code(checked.status).send({ error: checked.error });
  const query = (one.query ?? z.unknown()).safeParse(request.query);
  const body = (one.body ?? z.unknown()).safeParse(request.body);
  if (!query.success) return reply.code(400).send({ error: faultOf(query.error) });
  if (!body.success) return reply.code(400).send({ error: faultOf(body.error) });
  try {
    const params = request.params as Readonly<Record<string, string>>;
    const { caller } = checked;
    const said = await one.handle({
      ...{ query: query.data, body: body.data, params, caller, address: request.ip, reply },
    });
    return reply.sent ? reply : await reply.send(said ?? {});
  } catch (error) {
    const status = error instanceof LogdError ? (STATUS[error.code] ?? 500) : 500;
    return reply.code(status).send({ error: messageOf(error) });
  }
};

export const addRoutes = (app: FastifyInstance, routes: readonly Route[], gate: Gate): void => {
  for (const one of routes)
    app.route({
      method: one.method,
      url: fastifyPath(one.path),
      handler: (request, reply) => answer(one, gate, request, reply),
    });
};

const schemaOf = (type: z.ZodType): object => z.toJSONSchema(type, { unrepresentable: 'any', io: 'input' });

const parametersOf = ({ path, query }: Route): object[] => {
  const { properties = {}, required = [] } = (query === undefined ? {} : schemaOf(query)) as {
    readonly properties?: Readonly<Record<string, object>>;
    readonly required?: readonly string[];
  };
  return [
    ...[...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
      ...{ name, in: 'path', required: true, schema: { type: 'string' } },
    })),
    ...Object.entries(properties).map(([name, schema]) => ({
      ...{ name, in: 'query', required: required.includes(name), schema },
    })),
  ];
};

/** The description of all routes, OpenAPI 3.1. */
export const openApi = (routes: readonly Route[], version: string): object => {
  const paths: Record<string, Record<string, object>> = {};
  for (const one of routes) {
    const content = { 'application/json': { schema: schemaOf(one.answer) } };
    (paths[one.path] ??= {})[one.method.toLowerCase()] = {
      summary: one.summary,
      parameters: parametersOf(one),
      ...(one.body !== undefined && {
        requestBody: { required: true, content: { 'application/json': { schema: schemaOf(one.body) } } },
      }),
      responses: {
        200: { description: 'What was asked for.', content },
        default: { description: '{"error": "a sentence"}' },
      },
      ...(one.needs !== 'nobody' && { 'x-needs': one.needs }),
    };
  }
  return { openapi: '3.1.0', info: { title: 'logd monitor', version }, paths };
};
