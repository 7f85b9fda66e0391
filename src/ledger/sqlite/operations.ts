/** The module that the ledger's database thread runs. */
import type { DatabaseSync } from 'node:sqlite';
import { deliveryReads, deliveryWrites, outputWrites } from './delivery-operations.ts';
import { identityReads, identityWrites } from './identity-operations.ts';
import { expectationReads, expectationWrites } from './expectation-operations.ts';
import type { PackEntry } from '../ledger.ts';
import { ledgerReads } from './reads.ts';
import { LEDGER_SCHEMA } from './schema.ts';
import { repullReads, repullWrites } from './repull-operations.ts';
import { retentionReads, retentionWrites } from './retention-operations.ts';
import { sourceWrites } from './source-operations.ts';
import { ledgerWrites } from './writes.ts';

export const schema = LEDGER_SCHEMA;

export const open = (db: DatabaseSync) => {
  const { commit, ...writes } = ledgerWrites(db);
  const { begin, counter } = identityWrites(db);
  return {
    reads: {
      ...{ ...ledgerReads(db), ...deliveryReads(db), ...identityReads(db) },
      ...{ ...expectationReads(db), ...repullReads(db), ...retentionReads(db) },
    },
    writes: {
      ...{
        ...writes,
        ...outputWrites(db),
        ...deliveryWrites(db),
        ...expectationWrites(db),
        ...sourceWrites(db),
        ...repullWrites(db),
        ...retentionWrites(db),
      },
      /** With the number of the last change. `start`: of the sink that records them; `store`: where their bytes are. See identity.ts. */
      commit: (entries: readonly PackEntry[], start: string, store?: string) => {
        begin(start, store);
        return { results: commit(entries), counter: counter() };
      },
    },
  };
};

export type LedgerOperations = ReturnType<typeof open>;
