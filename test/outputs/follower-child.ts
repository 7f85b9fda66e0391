/**
 * A sink with an output, to be killed: `follower-child.ts <dir>`. Stores and seals a few hours in a real store and a real ledger, and has a
 * file appender follow them; ends when all is delivered. What is done already is not done again.
 */
import { join } from 'node:path';
import { createCommitStage } from '../../src/commit/commit-stage.ts';
import { openSqliteLedger } from '../../src/ledger/sqlite/sqlite-ledger.ts';
import { startOutputs } from '../../src/outputs/outputs.ts';
import { resume } from '../../src/seal/resume.ts';
import { createSealer } from '../../src/seal/sealer.ts';
import { openFileStore } from '../../src/stores/file/file-store.ts';
import { DEFAULT_LAYOUT } from '../../src/stores/file/layout.ts';
import { systemClock } from '../../src/telemetry/clock.ts';
import { fileAppender } from './file-appender.ts';
import { killHours } from './kill-hours.ts';

const [dir = ''] = process.argv.slice(2);
const emit = (): void => undefined;
await using ledger = await openSqliteLedger({ path: join(dir, 'ledger.db') });
await using store = await openFileStore({
  dir: join(dir, 'store'),
  compression: 'zstd',
  layout: DEFAULT_LAYOUT,
});
await using outputs = await startOutputs({
  outputs: [
    {
      ...{ name: 'files', unit: 'pack', start: 'beginning', parallel: 2 },
      open: (deps) => fileAppender(join(dir, 'delivered'), deps),
    },
  ],
  ...{ stateDir: dir, ledger, store, clock: systemClock, emit },
});
const commit = createCommitStage({
  ...{ store, ledger, clock: systemClock, emit },
  onComplete: (key) => sealer.request(key),
  onRecorded: () => outputs.wake(),
  onReopened: (key) => outputs.reopened(key),
});
await using sealer = createSealer({
  ...{ commit, store, ledger, clock: systemClock, emit },
  onSealed: () => outputs.wake(),
});
await resume(ledger, (key) => sealer.request(key));
for (const packs of await killHours())
  for (const pack of packs)
    await commit.put({ header: pack.header, verified: Promise.resolve(pack), release: () => undefined });
await sealer.idle();
outputs.wake();
await outputs.idle();
