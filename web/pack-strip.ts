/**
 * The packs of an hour as at most so many marks: neighbours in one state are merged, what is missing never with what came.
 *
 *   [1]…[6][ 7 ][8]…[14]      [1–20]…[101–117][118–119][120–139]…
 */
export type PackState = 'received' | 'missing' | 'refused';

export interface PackMark {
  readonly from: number;
  readonly to: number;
  readonly state: PackState;
}

export const MOST_MARKS = 60;

interface Runs {
  readonly total: number;
  readonly gaps: readonly { readonly from: number; readonly to: number }[];
  /** The hour was refused: which pack is wrong is not known. */
  readonly isRefused: boolean;
}

/** Runs of one state, in order. */
const runsOf = ({ total, gaps, isRefused }: Runs): PackMark[] => {
  const runs: PackMark[] = [];
  const state = isRefused ? 'refused' : 'received';
  let next = 1;
  for (const gap of gaps.toSorted((a, b) => a.from - b.from)) {
    const to = Math.min(gap.to, total);
    if (gap.from > next) runs.push({ from: next, to: gap.from - 1, state });
    if (to >= gap.from) runs.push({ from: gap.from, to, state: 'missing' });
    next = Math.max(next, to + 1);
  }
  if (next <= total) runs.push({ from: next, to: total, state });
  return runs;
};

export const packMarks = (packs: Runs): PackMark[] => {
  const per = Math.max(1, Math.ceil(packs.total / MOST_MARKS));
  return runsOf(packs).flatMap(({ from, to, state }) => {
    // A run that is missing stays one mark, once neighbours are merged.
    if (per > 1 && state === 'missing') return [{ from, to, state }];
    return Array.from({ length: Math.ceil((to - from + 1) / per) }, (_, n) => ({
      ...{ from: from + n * per, to: Math.min(to, from + (n + 1) * per - 1), state },
    }));
  });
};

export const marksInWords = ({ from, to, state }: PackMark): string =>
  `${from === to ? `Pack ${from}` : `Packs ${from} to ${to}`}, ${state}`;
