/** The SQLite ledger as a kind: one file, beside the sink that owns it. */
import { join } from 'node:path';
import { path } from '../../config/kind.ts';
import { keepFor } from '../../config/retain.ts';
import { option, section } from '../../config/option.ts';
import type { LedgerKind } from '../ledger-kind.ts';

const schema = section('A database file of the sink.', {
  path: option(path(), {
    summary: 'The SQLite database.',
    absent: 'ledger.db in state_dir',
    example: '/var/lib/logd/ledger.db',
  }),
  keep_packs: option(keepFor(), {
    summary:
      'How long after its seal the packs of an hour stay in the ledger, and its marker files; seals stay for ever. Longer than agents remember their cuts (agent.keep_cuts), so that what they send again is recognised. Later the hour cannot be asked for again (`logd repull`), given to a new output, or get late lines.',
    default: '40d',
    example: '90d',
  }),
});

export const sqliteLedger: LedgerKind<typeof schema> = {
  kind: 'sqlite',
  summary: 'A database file of the sink.',
  schema,
  complete: (options, stateDir) => ({ ...options, path: options.path ?? join(stateDir, 'ledger.db') }),
  async open(options, use) {
    const { openSqliteLedger } = await import('./sqlite-ledger.ts');
    return openSqliteLedger({
      path: options.path ?? 'ledger.db',
      ...{ readOnly: use === 'look', beside: use === 'change' },
    });
  },
};
