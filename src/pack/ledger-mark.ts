/** A point in a ledger's life: how an agent finds out that the ledger which acknowledged its packs is an older copy now, or another one. */
export interface LedgerMark {
  /** The ledger's own, made with it. */
  readonly id: string;
  /** Of the sink that writes to it: a new one at each start. */
  readonly start: string;
  /** Number of the last change; grows with every commit. */
  readonly counter: number;
}
