/**
 * Seals are recorded in groups, which share a commit of the ledger: one that comes alone goes at once; where many segments are at work, those
 * whose files are final wait a moment for the next ones.
 */
import type { Ledger, Seal } from '../ledger/ledger.ts';

/** How long a seal waits for others at most. */
const GATHER_MS = 25;
/** So many go without waiting. */
const LARGE_GROUP = 128;

interface WaitingSeal {
  readonly seal: Seal;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Records a seal; each resolves or rejects by itself. `atWork`: how many segments may come to be recorded soon, with those that wait.
 */
export const sealGroups = (
  ledger: Pick<Ledger, 'seal'>,
  atWork: () => number,
): ((seal: Seal) => Promise<void>) => {
  let waiting: WaitingSeal[] = [];
  let timer: NodeJS.Timeout | undefined;

  /** Writes that are asked for in one turn of the event loop are one transaction of the ledger. */
  const go = (): void => {
    clearTimeout(timer);
    timer = undefined;
    const group = waiting;
    waiting = [];
    for (const { seal, resolve, reject } of group) ledger.seal(seal).then(resolve, reject);
  };

  return (seal) =>
    new Promise((resolve, reject) => {
      waiting.push({ seal, resolve: () => resolve(), reject });
      if (waiting.length >= Math.min(LARGE_GROUP, atWork())) go();
      else timer ??= setTimeout(go, GATHER_MS);
    });
};
