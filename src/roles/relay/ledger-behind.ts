/** The ledger behind a relay: what its next hop says of it, for those who send to the relay. */
import { LogdError } from '../../error.ts';
import type {
  LedgerReply,
  LedgerSide,
  LedgerQuestion,
  UnavailableRun,
  Upstream,
} from '../../transport/transport.ts';

export interface LedgerBehind extends LedgerSide {
  /** To be called with each connection to a next hop. */
  connected(upstream: Upstream): void;
  /** Passes on that packs which were wanted again cannot be made. */
  cannot(runs: readonly UnavailableRun[]): void;
}

export const createLedgerBehind = (): LedgerBehind => {
  const upstreams = new Set<Upstream>();
  /** A connection takes one question at a time. */
  let turn: Promise<unknown> = Promise.resolve();

  const find = (id: string | undefined): Upstream | undefined => {
    const known = [...upstreams].filter(({ ledger }) => ledger !== undefined);
    const ids = new Set(known.map(({ ledger }) => ledger?.id));
    return known.find(({ ledger }) => ledger?.id === id) ?? (ids.size === 1 ? known[0] : undefined);
  };

  const askNow = async (question: LedgerQuestion): Promise<LedgerReply> => {
    const ask = find(question.mark?.id)?.ask;
    if (ask === undefined)
      throw new LogdError('unreachable', 'The relay has no connection to a ledger now.', { retryable: true });
    return ask(question);
  };

  return {
    connected(upstream) {
      upstreams.add(upstream);
      void upstream.ended.then(() => upstreams.delete(upstream));
    },
    cannot: (runs) => upstreams.forEach((upstream) => upstream.cannot?.(runs)),
    mark: () => find(undefined)?.ledger,
    ask(question) {
      const answer = turn.then(() => askNow(question));
      turn = answer.catch(() => undefined);
      return answer;
    },
  };
};
