/**
 * Child of ledger-kill.test.ts: `node ledger-committer.ts <ledger.db> <lanes> <packs>`. Each lane records the packs of its own
 * segment one by one, and writes `<lane> <id>` once each is acknowledged.
 */
import { writeSync } from 'node:fs';
import { openSqliteLedger } from '../../src/ledger/sqlite/sqlite-ledger.ts';
import { pack } from '../ledger/packs.ts';

const [path = '', lanes = '1', packs = '1'] = process.argv.slice(2);
await using ledger = await openSqliteLedger({ path });
await Promise.all(
  Array.from({ length: Number(lanes) }, async (_, lane) => {
    for (let id = 1; id <= Number(packs); id++) {
      await ledger.commit([pack(id, { host: `web${lane}` })]);
      writeSync(1, `${lane} ${id}\n`);
    }
  }),
);
