/** What nodes tell the monitor: see reporting/reporter.ts for the other side. */
import { isIP } from 'node:net';
import { z } from 'zod';
import { LogdError } from '../../error.ts';
import { isName } from '../../pack/name.ts';
import type { Watch } from '../watch.ts';
import { route, type Route } from './route.ts';
import { done } from './schemas.ts';

const MOST_EVENTS = 1_000;

const name = z.string().refine(isName, 'This is no name of a node.');
const registration = z.object({
  node: name,
  roles: z.array(z.string().max(32)).max(16),
  version: z.string().max(64),
  startedAt: z.number(),
  http: z.object({ host: z.string().max(255), port: z.number().int().min(1).max(65_535) }),
});
const reports = z.object({
  node: name,
  dropped: z.number().int().min(0).default(0),
  events: z
    .array(
      z.object({
        at: z.number(),
        level: z.enum(['warn', 'error']),
        event: z.string().max(64),
        message: z.string().max(4_000),
        /** Which event of which run of the node: sent again, it is kept once. */
        origin: z
          .string()
          .regex(/^[A-Za-z0-9-]{8,64}\/\d{1,15}$/)
          .optional(),
        fields: z.record(z.string().max(64), z.union([z.string().max(4_000), z.number()])),
      }),
    )
    .max(MOST_EVENTS),
});

/** Where to ask the node: at the address it listens on, or, where that is any address, the one it came from. */
const addressOf = (host: string, from: string): string => {
  const peer = from.replace(/^::ffff:/, '');
  return host === '0.0.0.0' || host === '::' || isIP(host) === 0 ? peer : host;
};

export const nodeRoutes = (watch: Watch, now: () => number): Route[] => [
  route({
    ...{ method: 'POST', path: '/node/register', needs: 'node', body: registration, answer: done },
    summary: 'A node is there',
    async handle({ body, address }) {
      await watch.nodes.register({
        ...{ ip: addressOf(body.http.host, address), port: body.http.port, hostname: body.node },
        ...{ role: body.roles.join(' and '), name: body.node, version: body.version, registeredAt: now() },
      });
      void watch.heartbeats.refresh().catch(() => undefined);
      return { ok: true };
    },
  }),
  route({
    ...{ method: 'POST', path: '/node/unregister', needs: 'node', answer: done },
    body: z.object({ node: name }),
    summary: 'A node stops, in order',
    async handle({ body: { node } }) {
      const found = (await watch.nodes.list()).filter((each) => each.name === node);
      for (const { ip, port } of found) await watch.nodes.unregister(ip, port);
      void watch.heartbeats.refresh().catch(() => undefined);
      watch.changed('nodes');
      return { ok: true };
    },
  }),
  route({
    ...{ method: 'POST', path: '/node/events', needs: 'node', body: reports, answer: done },
    summary: 'Warnings and errors of a node',
    async handle({ body: { node, events, dropped }, address }) {
      const known = watch.heartbeats.list().find((each) => each.name === node);
      const about = {
        ...{ node, role: known?.role ?? '' },
        address: known === undefined ? address : `${known.ip}:${known.port}`,
      };
      if (dropped > 0 && events.length === 0)
        throw new LogdError('usage', 'Something was dropped, and nothing came.');
      const lost =
        dropped === 0
          ? []
          : [
              {
                ...{ at: now(), level: 'warn' as const, event: 'report.dropped', fields: { dropped } },
                message: `${dropped} older warnings and errors did not fit into the queue while the monitor was away. They are in the node's own log.`,
              },
            ];
      await watch.events.add([...events, ...lost].map((each) => ({ ...each, ...about })));
      watch.changed('events');
      return { ok: true };
    },
  }),
];
