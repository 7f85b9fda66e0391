/**
 * Which ledger this is, and how far it has come: how an agent finds out that the ledger which acknowledged its packs was lost, or is an
 * older copy of itself.
 *
 * A restored copy goes on counting from where it was copied, so the counter alone says little. But it lacks the starts since, or ends the
 * start in which it was copied earlier: a mark that it does not know was made after the copy.
 */

import type { LedgerMark } from '../pack/ledger-mark.ts';

export interface LedgerIdentity {
  /** As of the last commit that is durable. */
  mark(): LedgerMark;
  /** Whether everything that was recorded as of this mark is in this ledger; undefined for the mark of another ledger. */
  knows(mark: LedgerMark): Promise<boolean | undefined>;
  /** The id of the store whose places it records; undefined until it was told. */
  storeId(): string | undefined;
  /** It is recorded with the next packs. */
  setStoreId(id: string): void;
}
