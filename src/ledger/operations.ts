/** The module that the ledger's database thread runs. */
import type { DatabaseSync } from 'node:sqlite';
import { deliveryReads, deliveryWrites, outputWrites } from './delivery-operations.ts';
import { ledgerReads } from './reads.ts';
import { LEDGER_SCHEMA } from './schema.ts';
import { ledgerWrites } from './writes.ts';

export const schema = LEDGER_SCHEMA;

export const open = (db: DatabaseSync) => ({
  reads: { ...ledgerReads(db), ...deliveryReads(db) },
  writes: { ...ledgerWrites(db), ...outputWrites(db), ...deliveryWrites(db) },
});

export type LedgerOperations = ReturnType<typeof open>;
