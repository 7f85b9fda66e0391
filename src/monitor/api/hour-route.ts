/** One hour, asked from the sink that has it when somebody opens it. */
import { LogdError, messageOf } from '../../error.ts';
import { isName } from '../../pack/name.ts';
import { hourIndex } from '../../pack/hour-index.ts';
import type { StateLetter } from '../hours/cell-states.ts';
import { sinkLabel } from '../hours/hour-zone.ts';
import { hourCommands } from '../hours/hour-commands.ts';
import { rowStates, unknownSince } from '../hours/matrix.ts';
import type { Watch } from '../watch.ts';
import { route, type Route } from './route.ts';
import * as answers from './schemas.ts';

const NOTHING = {
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
): Promise<{ readonly sink?: string; readonly found?: object; readonly error?: string }> => {
  const distance = (source: string): number =>
    Number(away.has(source)) * 2 + Number(!sources.includes(source));
  let error: string | undefined;
  for (const { source, url } of watch.followed().toSorted((a, b) => distance(a.source) - distance(b.source)))
    try {
      const found = (await watch.ask(`${url}${path}`)) as { readonly segment?: unknown };
      if (found.segment !== null && found.segment !== undefined) return { sink: source, found };
    } catch (failure) {
      error = `Sink ${source} could not be asked: ${messageOf(failure)}`;
    }
  return error === undefined ? {} : { error };
};

export const hourRoute = (watch: Watch): Route =>
  route({
    ...{ method: 'GET', path: '/api/hours/{stream}/{host}/{hour}', needs: 'view', answer: answers.hour },
    summary: 'Everything about one hour (UTC): packs, gaps, seal, outputs, commands',
    async handle({ params }) {
      const { stream = '', host = '', hour = '' } = params;
      if (!isName(stream) || !isName(host) || !/^\d{10}$/.test(hour))
        throw new LogdError('usage', 'A stream, a host and an hour such as 2026112216 are needed.');
      const known = lookUp(watch, { stream, host, index: hourIndex(hour) });
      const { state, label } = known;
      const { sink, found, error } = await askSinks(watch, known, `/hours/${stream}/${host}/${label}`);
      const { storedFile } = (found ?? {}) as { readonly storedFile?: string | null };
      return {
        ...{ host, stream, hour, label, state, sink: sink ?? null, unknownSince: known.unknownSince },
        ...(found ?? NOTHING),
        commands: hourCommands(state, { stream, host, label }, { sink, storedFile: storedFile ?? undefined }),
        ...(error !== undefined && { error }),
      };
    },
  });
