/**
 * A budget of bytes that many claim and that is granted in order of asking, so that one who asks for much is not overtaken
 * for ever by many who ask for little, and one who asks often gets no more than its turn.
 *
 * Invariant: the bytes granted and not given back never exceed the total. A claim above the total counts as the total, so
 * that it is granted alone instead of never.
 */
export interface ByteBudget {
  /** Bytes granted and not given back. */
  readonly used: number;
  /**
   * Asks for bytes. `granted` is called once, before this returns or later. The function that comes back gives the bytes
   * back, or withdraws the claim while it waits; calling it again does nothing.
   */
  claim(bytes: number, granted: () => void): () => void;
}

interface Claim {
  readonly bytes: number;
  readonly granted: () => void;
  state: 'waiting' | 'granted' | 'over';
}

export const createBudget = (total: number): ByteBudget => {
  const waiting = new Set<Claim>();
  let used = 0;

  const grantNext = (): void => {
    for (const claim of waiting) {
      if (used + claim.bytes > total) return;
      waiting.delete(claim);
      claim.state = 'granted';
      used += claim.bytes;
      claim.granted();
    }
  };

  return {
    get used() {
      return used;
    },
    claim(bytes, granted) {
      const claim: Claim = { bytes: Math.min(bytes, total), granted, state: 'waiting' };
      waiting.add(claim);
      grantNext();
      return () => {
        if (claim.state === 'granted') used -= claim.bytes;
        waiting.delete(claim);
        claim.state = 'over';
        grantNext();
      };
    },
  };
};
