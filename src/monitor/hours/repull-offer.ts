/**
 * Whether the packs of an hour can be asked for again, and how far that has come.
 *
 *   nothing missing ─▶ no offer, no reason · source gone, or its agent has said that it cannot ─▶ the reason · else ─▶ an offer
 *   asked ─▶ sending (a pack came since) ─▶ received │ failed
 */
import { type IdRun, type RepullRequest } from '../../ledger/repull.ts';
import { formatCount } from '../../text/terminal.ts';

/** What a sink says of an hour, as far as it matters here. */
export interface SinkHour {
  readonly segment: {
    readonly state: string;
    readonly source: string;
    readonly removed: number | null;
    readonly archived: boolean;
    readonly expectedPacks: number | null;
  } | null;
  readonly packs: readonly { readonly arrivedAt: number }[];
  readonly gaps: readonly (IdRun & {
    readonly reason: string;
    readonly why?: string;
    readonly start: number;
    readonly end: number | null;
  })[];
  readonly repull?: (Pick<RepullRequest, 'state' | 'requestedAt'> & { readonly note: string | null }) | null;
}

export interface RepullOffer {
  /** `pack 7`, `packs 7 to 9`, `3 runs of packs`, `what is damaged`. */
  readonly packs: string;
  /** Null where it is not known. */
  readonly bytes: number | null;
  readonly sentence: string;
}

const none = (noOffer: string | null) => ({ offer: null, noOffer });

const bytesOf = (gaps: SinkHour['gaps']): number | null =>
  gaps.some(({ end }) => end === null)
    ? null
    : gaps.reduce((sum, { start, end }) => sum + (end ?? start) - start, 0);

const named = (gaps: readonly IdRun[]): string => {
  const [first] = gaps;
  if (first === undefined) return 'what is damaged';
  if (gaps.length > 1) return `${formatCount(gaps.length)} runs of packs`;
  return first.from === first.to
    ? `pack ${first.from}`
    : `packs ${formatCount(first.from)} to ${formatCount(first.to)}`;
};

const lostInWords = (host: string, { start, end }: SinkHour['gaps'][number]): string =>
  end === null
    ? `${host} no longer has the bytes from ${formatCount(start)} on.`
    : `${host} no longer has bytes ${formatCount(start)} to ${formatCount(end - 1)}.`;

/** Why its agent cannot make them again, in a sentence. */
const whyInWords = (host: string, gap: SinkHour['gaps'][number]): string => {
  if (gap.why === 'not-kept' || gap.why === 'unknown-hour')
    return `${host} no longer remembers how it cut these packs (agent.keep_cuts), so they cannot be sent again.`;
  return lostInWords(host, gap);
};

export const repullOffer = (
  host: string,
  { segment, gaps }: SinkHour,
): { readonly offer: RepullOffer | null; readonly noOffer: string | null } => {
  if (segment === null) return none(null);
  if (segment.removed !== null || segment.archived)
    return none('Retention has removed this hour. Its seal is all that is kept.');
  const missing = gaps.filter(({ reason }) => reason === 'missing');
  const [lost] = gaps.filter(({ reason }) => reason !== 'missing');
  const isRefused = segment.state === 'refused';
  if (missing.length === 0 && !isRefused) return none(lost === undefined ? null : lostInWords(host, lost));
  if (segment.source === 'gone')
    return none(`${host} no longer has the file, so the packs cannot be sent again.`);
  const possible = missing.filter(({ why }) => why === undefined);
  const [first] = missing;
  if (possible.length === 0 && first !== undefined) return none(whyInWords(host, first));
  const sentence =
    segment.source === 'same'
      ? `${host} still has the file.`
      : `${host} is asked for ${named(possible)}. Whether it still has the file is not known yet.`;
  return {
    offer: { packs: named(possible), bytes: possible.length === 0 ? null : bytesOf(possible), sentence },
    noOffer: null,
  };
};

const STEPS = { done: 'received', failed: 'failed' } as const;

export const repullStep = ({ repull, packs }: SinkHour) => {
  if (repull === undefined || repull === null) return null;
  const { state, requestedAt, note } = repull;
  const isComing = packs.some(({ arrivedAt }) => arrivedAt >= requestedAt);
  return { requestedAt, note, step: state === 'waiting' ? (isComing ? 'sending' : 'asked') : STEPS[state] };
};
