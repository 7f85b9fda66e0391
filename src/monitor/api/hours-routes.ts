/** Completeness: the matrix, one hour, and what is expected. */
import { z } from 'zod';
import { LogdError, messageOf } from '../../error.ts';
import { isHourLabel, isName } from '../../pack/name.ts';
import { type StateLetter, statesOf } from '../hours/cell-states.ts';
import { hourIndex, indexAt, labelOf } from '../hours/hour-cells.ts';
import { pairOf } from '../hours/hour-table.ts';
import { type MatrixColumn, columnsOf, matrixStates, rowsOf, streamsOf, type Zoom } from '../hours/matrix.ts';
import type { Watch } from '../watch.ts';
import { route, type Route } from './route.ts';
import * as answers from './schemas.ts';
import type { Users } from './users.ts';

/** As many columns as a screen shows, and some to scroll: 14 days of hours, a year of days, ten years of months. */
const MOST_HOURS: Readonly<Record<Zoom, number>> = { hours: 31 * 24, days: 366 * 24, months: 3_660 * 24 };
const DEFAULT_HOURS: Readonly<Record<Zoom, number>> = { hours: 48, days: 62 * 24, months: 366 * 24 };

const label = z.string().regex(/^\d{10}$/, 'An hour is written 2026112216.');
const view = z.object({
  stream: z.string().max(64).optional(),
  zoom: z.enum(['hours', 'days', 'months']).default('hours'),
  from: label.optional().describe('First hour'),
  to: label.optional().describe('Last hour, inclusive'),
});

const columnsFor = (query: z.output<typeof view>, now: number): MatrixColumn[] => {
  const to = (query.to === undefined ? indexAt(now) : (hourIndex(query.to) ?? 0)) + 1;
  const from = query.from === undefined ? to - DEFAULT_HOURS[query.zoom] : (hourIndex(query.from) ?? 0);
  if (from >= to) throw new LogdError('usage', 'The first hour is behind the last one.');
  if (to - from > MOST_HOURS[query.zoom])
    throw new LogdError('usage', 'So many columns are never shown: choose a shorter time or a wider zoom.');
  return columnsOf(query.zoom, from, to);
};

const streamFor = (watch: Watch, stream: string | undefined): string => {
  const streams = streamsOf(watch.matrix().source);
  return stream ?? streams[0] ?? '';
};

const unknownSince = (watch: Watch): number | null => {
  const away = watch.sinks.states().filter(({ reason }) => reason !== undefined);
  return away.length === 0 ? null : Math.min(...away.map(({ answeredAt }) => answeredAt));
};

const matrixRoutes = (watch: Watch): Route[] => [
  route({
    ...{ method: 'GET', path: '/api/completeness/structure', needs: 'view', answer: answers.structure },
    summary: 'Hosts and columns of the matrix of a stream',
    query: view,
    handle: ({ query }) => {
      const { source, rules } = watch.matrix();
      const stream = streamFor(watch, query.stream);
      return Promise.resolve({
        ...{ streams: streamsOf(source), stream, zoom: query.zoom },
        columns: columnsFor(query, rules.now).map((column) => column.label),
        hosts: rowsOf(source, stream).map(([host]) => host),
      });
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
        unknownSince: unknownSince(watch),
      });
    },
  }),
];

const stateOfHour = (watch: Watch, stream: string, host: string, hour: string): StateLetter => {
  const { source, rules } = watch.matrix();
  const index = hourIndex(hour) ?? 0;
  const expected = source.expectations.get(pairOf(stream, host));
  return statesOf(source.book.row(stream, host), index, index + 1, rules, expected)[0] ?? '.';
};

/** Asks the sinks one after the other: the first that knows the hour answers. */
const askSinks = async (
  watch: Watch,
  path: string,
): Promise<{ readonly sink?: string; readonly found?: object; readonly error?: string }> => {
  let error: string | undefined;
  for (const { source, url } of watch.followed())
    try {
      const found = (await watch.ask(`${url}${path}`)) as { readonly segment?: unknown };
      if (found.segment !== null && found.segment !== undefined) return { sink: source, found };
    } catch (failure) {
      error = `Sink ${source} could not be asked: ${messageOf(failure)}`;
    }
  return error === undefined ? {} : { error };
};

const hourRoute = (watch: Watch): Route =>
  route({
    ...{ method: 'GET', path: '/api/hours/{stream}/{host}/{hour}', needs: 'view', answer: answers.hour },
    summary: 'Everything about one hour: packs, gaps, seal, outputs',
    async handle({ params }) {
      const { stream = '', host = '', hour = '' } = params;
      if (!isName(stream) || !isName(host) || !isHourLabel(hour))
        throw new LogdError('usage', 'A stream, a host and an hour such as 2026112216 are needed.');
      const { sink = null, found, error } = await askSinks(watch, `/hours/${stream}/${host}/${hour}`);
      const nothing = {
        segment: null,
        packs: [],
        morePacks: false,
        gaps: [],
        seal: null,
        outputs: [],
        storedFile: null,
      };
      return {
        ...{ host, stream, hour, sink, state: stateOfHour(watch, stream, host, hour) },
        ...(found ?? nothing),
        ...(error !== undefined && { error }),
      };
    },
  });

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
      const since = labelOf(written?.since ?? row?.first ?? now);
      return [
        {
          stream,
          host,
          origin,
          since,
          until: written?.retired === undefined ? null : labelOf(written.retired),
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
      const from = since === undefined ? indexAt(watch.matrix().rules.now) : (hourIndex(since) ?? 0);
      await watch.hours.expect(stream, host, { since: from });
      await users.record(caller?.name ?? '', 'expect', `${stream}/${host} since ${labelOf(from)}`);
      await watch.refreshExpectations();
      return { ok: true };
    },
  }),
  route({
    ...{ method: 'DELETE', path: '/api/expectations', needs: 'operate', answer: answers.done, query: pair },
    summary: 'Expect a host and stream no more: it is retired',
    async handle({ query: { stream, host, since }, caller }) {
      const retired = since === undefined ? indexAt(watch.matrix().rules.now) : (hourIndex(since) ?? 0);
      await watch.hours.expect(stream, host, { retired });
      await users.record(caller?.name ?? '', 'retire', `${stream}/${host} from ${labelOf(retired)}`);
      await watch.refreshExpectations();
      return { ok: true };
    },
  }),
];

export const hoursRoutes = (watch: Watch, users: Users): Route[] => [
  ...matrixRoutes(watch),
  hourRoute(watch),
  ...expectRoutes(watch, users),
];
