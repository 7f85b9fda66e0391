/** The kinds of ledgers there are. A new one is a folder beside this file, and its name in the list. */
import type { Variant } from '../config/option.ts';
import { LogdError } from '../error.ts';
import type { LedgerKind, LedgerUse, OpenLedger } from './ledger-kind.ts';
import { sqliteLedger } from './sqlite/kind.ts';

export const ledgerKinds: readonly LedgerKind[] = [sqliteLedger];

/** The kind of a section without one. */
export const USUAL_LEDGER = sqliteLedger.kind;

/** A validated `sink.ledger` section with what depends on the node. */
export const completeLedger = (ledger: Variant, stateDir: string): Variant => ({
  ...kindOf(ledger).complete(ledger, stateDir),
  kind: ledger.kind,
});

/** Opens the ledger of a completed `sink.ledger` section. */
export const openLedger = (ledger: Variant, use: LedgerUse): Promise<OpenLedger> =>
  kindOf(ledger).open(ledger, use);

const kindOf = ({ kind }: Variant): LedgerKind => {
  const found = ledgerKinds.find((each) => each.kind === kind);
  if (found === undefined) throw new LogdError('config', `There is no kind of ledger called ${kind}.`);
  return found;
};
