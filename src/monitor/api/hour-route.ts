/** One hour, asked from the sink that has it when somebody opens it; and having its packs sent again. */
import { LogdError, messageOf } from '../../error.ts';
import { isName } from '../../pack/name.ts';
import { hourIndex } from '../../pack/hour-index.ts';
import type { StateLetter } from '../hours/cell-states.ts';
import { sinkLabel } from '../hours/hour-zone.ts';
import type { FollowedSink } from '../hours/follow-sinks.ts';
import { hourCommands } from '../hours/hour-commands.ts';
import { repullOffer, repullStep, type SinkHour } from '../hours/repull-offer.ts';
import { rowStates, unknownSince } from '../hours/matrix.ts';
import { timeOf } from '../hours/hour-cells.ts';
import type { Watch } from '../watch.ts';
import { route, type Route } from './route.ts';
import * as answers from './schemas.ts';
import type { Users } from './users.ts';

const NOTHING: SinkHour & Readonly<Record<string, unknown>> = {
  ...{ segment: null, packs: [], morePacks: false, gaps: [], seal: null, outputs: [], storedFile: null },
};

interface AskedHour {
  readonly stream: string;
  readonly host: string;
  /** Hours since 1970. */
  readonly index: number;
}

const lookUp = (watch: Watch, { stream, host, index }: AskedHour) => {
  const { source, rules } = watch.matrix();
  const row = source.book.row(stream, host);
  const [state = '.'] = rowStates(source, [stream, host, row], [index, index + 1], rules);
  return {
    state: state as StateLetter,
    label: sinkLabel(rules.zone, index, row?.isDaily ?? false),
    unknownSince: unknownSince(source, row) ?? null,
    begins: timeOf(index),
    ends: timeOf(index + (row?.isDaily === true ? 24 : 1)),
    lateAfterMs: rules.lateAfterMs,
    sources: row?.sources ?? [],
    away: source.away,
  };
};

type KnownHour = ReturnType<typeof lookUp>;

/** Asks the sinks, those first that had this host last and those that are away last: the first that knows the hour answers. */
const askSinks = async (
  watch: Watch,
  { sources, away }: KnownHour,
  path: string,
): Promise<{ readonly sink?: FollowedSink; readonly found?: SinkHour; readonly error?: string }> => {
  const distance = (source: string): number =>
    Number(away.has(source)) * 2 + Number(!sources.includes(source));
  let error: string | undefined;
  for (const sink of watch.followed().toSorted((a, b) => distance(a.source) - distance(b.source)))
    try {
      const found = (await watch.ask(`${sink.url}${path}`)) as SinkHour;
      if (found.segment !== null && found.segment !== undefined) return { sink, found };
    } catch (failure) {
      error = `Sink ${sink.source} could not be asked: ${messageOf(failure)}`;
    }
  return error === undefined ? {} : { error };
};

/** How long packs take over each hop to a sink now, as it said in its last heartbeat. */
const hopsTo = (watch: Watch, sink: string | undefined) =>
  watch.heartbeats
    .list()
    .filter(({ name }) => name !== undefined && name === sink)
    .flatMap(({ status }) => status?.roles ?? [])
    .flatMap(({ parts }) => parts)
    .filter(({ kind }) => kind === 'hop')
    .map(({ name, detail = '' }) => ({ name, detail }));

/** What was asked for, and what its sink says of it. */
const openHour = async (watch: Watch, params: Readonly<Record<string, string>>) => {
  const { stream = '', host = '', hour = '' } = params;
  if (!isName(stream) || !isName(host) || !/^\d{10}$/.test(hour))
    throw new LogdError('usage', 'A stream, a host and an hour such as 2026112216 are needed.');
  const known = lookUp(watch, { stream, host, index: hourIndex(hour) });
  const path = `/hours/${stream}/${host}/${known.label}`;
  return { ...{ stream, host, hour, path, known }, ...(await askSinks(watch, known, path)) };
};

const readRoute = (watch: Watch): Route =>
  route({
    ...{ method: 'GET', path: '/api/hours/{stream}/{host}/{hour}', needs: 'view', answer: answers.hour },
    summary: 'Everything about one hour (UTC): packs, gaps, seal, outputs, source check, repull, commands',
    async handle({ params, caller }) {
      const { stream, host, hour, known, sink, found = NOTHING, error } = await openHour(watch, params);
      const { state, label, begins, ends, lateAfterMs } = known;
      const { storedFile } = found as { readonly storedFile?: string | null };
      const named = { sink: sink?.source, storedFile: storedFile ?? undefined };
      return {
        ...{ host, stream, hour, label, state, sink: sink?.source ?? null, unknownSince: known.unknownSince },
        ...found,
        ...{
          begins,
          ends,
          lateAt: ends + lateAfterMs,
          repull: repullStep(found),
          ...repullOffer(host, found),
        },
        hops: hopsTo(watch, sink?.source),
        mayRepull: caller?.role === 'operate',
        commands: hourCommands(state, { stream, host, label }, named),
        ...(error !== undefined && { error }),
      };
    },
  });

const repullRoute = (watch: Watch, users: Users): Route =>
  route({
    ...{ method: 'POST', path: '/api/hours/{stream}/{host}/{hour}/repull', needs: 'operate' },
    answer: answers.done,
    summary: 'Have the missing and damaged packs of an hour sent again, as `logd repull` does',
    async handle({ params, caller }) {
      const { stream, host, hour, path, sink, found, error } = await openHour(watch, params);
      if (sink === undefined || found === undefined)
        throw new LogdError('unreachable', error ?? 'No sink has anything of this hour.', {
          retryable: true,
        });
      const { offer, noOffer } = repullOffer(host, found);
      if (offer === null) throw new LogdError('usage', noOffer ?? 'Nothing of this hour is missing.');
      // Written down first: an answer that gets lost does not hide who asked.
      await users.record(
        caller?.name ?? '',
        'repull',
        `${host}/${stream}/${hour}, ${offer.packs}, at ${sink.source}`,
      );
      await watch.tell(`${sink.url}${path}/repull`).catch((failure: unknown) => {
        const message = `Sink ${sink.source} does not say that it was told: ${messageOf(failure)} Ask again; asking twice sends nothing twice.`;
        throw new LogdError('unreachable', message, { retryable: true, cause: failure });
      });
      watch.changed('hours');
      return { ok: true };
    },
  });

export const hourRoutes = (watch: Watch, users: Users): Route[] => [
  readRoute(watch),
  repullRoute(watch, users),
];
