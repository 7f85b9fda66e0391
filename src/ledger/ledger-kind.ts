/**
 * The contract of the kinds of ledgers. A new one is a folder beside this file that exports a {@link LedgerKind}, a line in registry.ts, and
 * passes the suites in `test/model/` and `test/ledger/`.
 */
import type { z } from 'zod';
import type { LogdError } from '../error.ts';
import type { Counters } from '../sqlite/database-thread.ts';
import type { Deliveries } from './delivery.ts';
import type { Expectations } from './expectation.ts';
import type { LedgerIdentity } from './identity.ts';
import type { Ledger } from './ledger.ts';
import type { Retention } from './retention.ts';
import type { Repulls } from './repull.ts';

/** All that a ledger records: packs and seals, positions of outputs, who is expected, packs that are wanted again, what retention takes, and which ledger it is. */
export interface OpenLedger extends Ledger, Deliveries, Expectations, Repulls, Retention, LedgerIdentity {
  /** Transactions and writes so far: how well commits are grouped. */
  counters(): Counters;
  /** Resolves when the ledger has ended: with undefined after disposal, else with the reason. The node cannot go on then. */
  readonly ended: Promise<LogdError | undefined>;
}

/**
 * own: the sink that writes packs, one at a time; made where it is not there · look: another process reads beside it, writes reject ·
 * change: a command changes positions of outputs, expectations or what is wanted again beside it.
 */
export type LedgerUse = 'own' | 'look' | 'change';

/** One kind of ledger: its name in the config, its options, and how to open it. */
export interface LedgerKind<Schema extends z.ZodObject = z.ZodObject> {
  readonly kind: string;
  readonly summary: string;
  /** The options below `sink.ledger`, without `kind`. */
  readonly schema: Schema;
  /** Fills in what depends on the node. */
  complete(options: z.output<Schema>, stateDir: string): z.output<Schema>;
  /**
   * Rejects with `storage` where it cannot be opened, was there before and is gone, is not a ledger, was written by a newer logd, or
   * belongs to another node.
   */
  open(options: z.output<Schema>, use: LedgerUse): Promise<OpenLedger>;
}
