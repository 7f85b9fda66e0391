/** Completeness: the matrix, one hour, and what is expected. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { LogdError } from '../../error.ts';
import { isHourLabel, isName } from '../../pack/name.ts';
import { hourIndex, hourLabel } from '../../pack/hour-index.ts';
import { indexAt } from '../hours/hour-cells.ts';
import { pairOf } from '../hours/hour-table.ts';
import {
  columnsOf,
  hostsOf,
  type MatrixColumn,
  type MatrixSource,
  matrixStates,
  rowsOf,
  streamsOf,
  type Zoom,
} from '../hours/matrix.ts';
import { hourRoutes } from './hour-route.ts';
import type { Watch } from '../watch.ts';
import { route, type Route } from './route.ts';
import * as answers from './schemas.ts';
import type { Users } from './users.ts';

const HOUR_MS = 3_600_000;
/** As many columns as a screen shows, and some to scroll: 14 days of hours, a year of days, ten years of months. */
const MOST_HOURS: Readonly<Record<Zoom, number>> = { hours: 31 * 24, days: 366 * 24, months: 3_660 * 24 };
/** The first hour that is shown where none is asked for: two days of hours, 31 whole days, twelve whole months. */
const firstHour = (zoom: Zoom, last: number): number => {
  const date = new Date(last * HOUR_MS);
  const [year, month, day] = [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()];
  if (zoom === 'hours') return last - 47;
  return indexAt(zoom === 'days' ? Date.UTC(year, month, day - 30) : Date.UTC(year, month - 11, 1));
};

const label = z
  .string()
  .refine((value) => value.length === 10 && isHourLabel(value), 'An hour is written 2026112216.');
const view = z.object({
  stream: z.string().max(64).optional(),
  zoom: z.enum(['hours', 'days', 'months']).default('hours'),
  from: label.optional().describe('First hour'),
  to: label.optional().describe('Last hour, inclusive'),
});

const columnsFor = (query: z.output<typeof view>, now: number): MatrixColumn[] => {
  const to = (query.to === undefined ? indexAt(now) : hourIndex(query.to)) + 1;
  const from = query.from === undefined ? firstHour(query.zoom, to - 1) : hourIndex(query.from);
  if (from >= to) throw new LogdError('usage', 'The first hour is behind the last one.');
  if (to - from > MOST_HOURS[query.zoom])
    throw new LogdError('usage', 'So many columns are never shown: choose a shorter time or a wider zoom.');
  return columnsOf(query.zoom, from, to);
};

const streamFor = (watch: Watch, stream: string | undefined): string => {
  const streams = streamsOf(watch.matrix().source);
  return stream ?? streams[0] ?? '';
};

const awaySince = ({ away }: MatrixSource): number | null =>
  away.size === 0 ? null : Math.min(...away.values());

const structureOf = (watch: Watch, query: z.output<typeof view>) => {
  const { source, rules } = watch.matrix();
  const stream = streamFor(watch, query.stream);
  const hosts = hostsOf(source, stream, rules);
  const structure = {
    ...{ streams: streamsOf(source), stream, zoom: query.zoom },
    columns: columnsFor(query, rules.now).map((column) => column.label),
    hosts: hosts.map(({ host }) => host),
    expected: hosts.map(({ from, to }): [string, string | null] => [
      hourLabel(from),
      to === undefined ? null : hourLabel(to),
    ]),
  };
  const version = createHash('sha256').update(JSON.stringify(structure)).digest('base64url').slice(0, 16);
  return { ...structure, version };
};

const matrixRoutes = (watch: Watch): Route[] => [
  route({
    ...{ method: 'GET', path: '/api/completeness/structure', needs: 'view', answer: answers.structure },
    summary: 'Hosts and columns of the matrix of a stream',
    query: view,
    handle({ query, reply }) {
      const structure = structureOf(watch, query);
      const etag = `"${structure.version}"`;
      void reply.header('cache-control', 'private, no-cache').header('etag', etag);
      if (reply.request.headers['if-none-match'] === etag) void reply.code(304).send();
      return Promise.resolve(structure);
    },
  }),
  route({
    ...{ method: 'GET', path: '/api/completeness/states', needs: 'view', answer: answers.states },
    summary: 'States of the cells of the matrix of a stream',
    query: view,
    handle: ({ query }) => {
      const { source, rules } = watch.matrix();
      const columns = columnsFor(query, rules.now);
      return Promise.resolve({
        ...matrixStates(source, streamFor(watch, query.stream), columns, rules),
        ...{ unknownSince: awaySince(source), zoom: query.zoom, columns: columns.length },
        ...{ lateAfterMs: rules.lateAfterMs, problems: watch.problems().byStream },
      });
    },
  }),
];

const pair = z.object({
  stream: z.string().refine(isName, 'This is no name of a stream.'),
  host: z.string().refine(isName, 'This is no name of a host.'),
  since: label.optional(),
});

const listExpected = (watch: Watch): z.output<typeof answers.expectations> => {
  const { source, rules } = watch.matrix();
  const now = indexAt(rules.now);
  const expected = streamsOf(source).flatMap((stream) =>
    rowsOf(source, stream).flatMap(([host, row]) => {
      const written = source.expectations.get(pairOf(stream, host));
      if (written === undefined && (row === undefined || now - row.last > rules.expectWithin)) return [];
      const origin = written === undefined ? 'history' : written.retired === undefined ? 'added' : 'retired';
      const since = hourLabel(written?.since ?? row?.first ?? now);
      return [
        {
          stream,
          host,
          origin,
          since,
          until: written?.retired === undefined ? null : hourLabel(written.retired),
        } as const,
      ];
    }),
  );
  return { expected };
};

const expectRoutes = (watch: Watch, users: Users): Route[] => [
  route({
    ...{ method: 'GET', path: '/api/expectations', needs: 'view', answer: answers.expectations },
    summary: 'Hosts and streams that are expected, and why',
    handle: () => Promise.resolve(listExpected(watch)),
  }),
  route({
    ...{ method: 'POST', path: '/api/expectations', needs: 'operate', answer: answers.done, body: pair },
    summary: 'Expect a host and stream from an hour on',
    async handle({ body: { stream, host, since }, caller }) {
      const from = since === undefined ? indexAt(watch.matrix().rules.now) : hourIndex(since);
      await watch.hours.expect(stream, host, { since: from });
      await users.record(caller?.name ?? '', 'expect', `${stream}/${host} since ${hourLabel(from)}`);
      await watch.refreshExpectations();
      return { ok: true };
    },
  }),
  route({
    ...{ method: 'DELETE', path: '/api/expectations', needs: 'operate', answer: answers.done, query: pair },
    summary: 'Expect a host and stream no more: it is retired',
    async handle({ query: { stream, host, since }, caller }) {
      const retired = since === undefined ? indexAt(watch.matrix().rules.now) : hourIndex(since);
      await watch.hours.expect(stream, host, { retired });
      await users.record(caller?.name ?? '', 'retire', `${stream}/${host} from ${hourLabel(retired)}`);
      await watch.refreshExpectations();
      return { ok: true };
    },
  }),
];

export const hoursRoutes = (watch: Watch, users: Users): Route[] => [
  ...matrixRoutes(watch),
  ...hourRoutes(watch, users),
  ...expectRoutes(watch, users),
];
