/** What a sink says of its ledger to agents that ask whether it still has what it acknowledged. */
import type { LedgerIdentity } from '../../ledger/identity.ts';
import type { IdRun } from '../../ledger/repull.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import type { Emit } from '../../telemetry/events.ts';
import type { LedgerSide, LedgerReply, SourceReport } from '../../transport/transport.ts';

const MOST_RUNS = 256;

export const createLedgerSide = (
  ledger: Pick<Ledger, 'segment' | 'gaps' | 'setSource'> & LedgerIdentity,
  emit: Emit,
): LedgerSide => {
  /** Takes down what a host says of its files; false where the ledger does not have that generation. */
  const takeDown = async ({ generation, source, place, ...key }: SourceReport): Promise<boolean> => {
    const isKnown = await ledger.setSource(key, generation, { source, place });
    if (isKnown && source === 'changed') emit('source.changed', { ...key, place: place ?? '' });
    return isKnown;
  };

  /** Which of the packs 1 to `packs` are not recorded. */
  const missing = async (
    key: Parameters<Ledger['segment']>[0],
    packs: number,
    most: number,
  ): Promise<IdRun[]> => {
    const segment = await ledger.segment(key);
    if (segment === undefined) return [{ from: 1, to: packs }];
    const { highestId } = segment;
    const isWhole = segment.packs === highestId;
    const gaps = isWhole ? [] : await ledger.gaps(key, most);
    const holes = gaps
      .filter(({ reason, from }) => reason === 'missing' && from <= Math.min(packs, highestId))
      .map(({ from, to }) => ({ from, to: Math.min(to, packs, highestId) }));
    return highestId < packs ? [...holes, { from: highestId + 1, to: packs }] : holes;
  };

  return {
    mark: () => ledger.mark(),
    async ask({ mark, segments, sources = [] }) {
      const knows = mark === undefined ? undefined : await ledger.knows(mark);
      const runs: LedgerReply['runs'][number][] = [];
      for (const [n, { packs, ...key }] of segments.entries()) {
        const most = MOST_RUNS - runs.length;
        if (most <= 0) break;
        for (const run of (await missing(key, packs, most)).slice(0, most)) runs.push({ segment: n, ...run });
      }
      const unknown: number[] = [];
      for (const [n, report] of sources.entries()) if (!(await takeDown(report))) unknown.push(n);
      return { ...(knows !== undefined && { knows }), ...(unknown.length > 0 && { unknown }), runs };
    },
  };
};
