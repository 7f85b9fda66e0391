/** The module that the ledger's database thread runs. */
import type { DatabaseSync } from 'node:sqlite';
import { ledgerReads } from './reads.ts';
import { LEDGER_SCHEMA } from './schema.ts';
import { ledgerWrites } from './writes.ts';

export const schema = LEDGER_SCHEMA;

export const open = (db: DatabaseSync) => ({ reads: ledgerReads(db), writes: ledgerWrites(db) });

export type LedgerOperations = ReturnType<typeof open>;
