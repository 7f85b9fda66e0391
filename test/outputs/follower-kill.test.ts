/** `kill -9` at every fault point of the follower, at each of its passes: everything is delivered once, byte for byte. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openSqliteLedger } from '../../src/ledger/sqlite/sqlite-ledger.ts';
import { readAppended } from './file-appender.ts';
import { killHours } from './kill-hours.ts';

const CHILD = join(import.meta.dirname, 'follower-child.ts');
const POINTS = ['output.before-deliver', 'output.after-deliver', 'output.after-position'];
/** Packs in all. */
const PASSES = [1, 2, 5, 9, 15];

const run = (dir: string, fault?: string): NodeJS.Signals | number | null => {
  const env = { ...process.env, ...(fault !== undefined && { LOGD_FAULT: fault }) };
  const { status, signal, stderr } = spawnSync(process.execPath, [CHILD, dir], { env, encoding: 'utf8' });
  assert.ok(status === 0 || signal === 'SIGKILL', stderr);
  return signal ?? status;
};

for (const point of POINTS)
  test(`killed at ${point}, whichever pass it is`, async () => {
    for (const pass of PASSES) {
      const dir = await mkdtemp(join(tmpdir(), 'logd-follow-kill-'));
      try {
        assert.equal(run(dir, `${point}:${pass}`), 'SIGKILL', `pass ${pass} is reached`);
        // Twice in a row, at another place.
        run(dir, `${point}:2`);
        assert.equal(run(dir), 0);
        await using ledger = await openSqliteLedger({ path: join(dir, 'ledger.db'), readOnly: true });
        for (const packs of await killHours()) {
          const key = packs[0]!.header;
          const expected = Buffer.concat(packs.map(({ raw }) => raw));
          assert.ok((await readAppended(join(dir, 'delivered'), key)).equals(expected), key.hour);
          const delivery = await ledger.delivery('files', key);
          assert.deepEqual(
            [delivery?.nextId, delivery?.delivered],
            [packs.length + 1, packs.at(-1)!.header.done!.lines],
          );
        }
      } finally {
        await rm(dir, { recursive: true, force: true });
      }
    }
  });
