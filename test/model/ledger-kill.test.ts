/** Acknowledged means durable: a process that is killed around a COMMIT has in its ledger what it acknowledged, and no half commit. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openSqliteLedger } from '../../src/ledger/sqlite/sqlite-ledger.ts';
import { KEY, pack } from '../ledger/packs.ts';

const COMMITTER = fileURLToPath(new URL('./ledger-committer.ts', import.meta.url));
const PACKS = 200;

/** Runs the committer until the fault kills it; returns the highest acknowledged id of each lane. */
const commitUntilKilled = async (path: string, lanes: number, fault: string): Promise<number[]> => {
  const child = spawn(process.execPath, [COMMITTER, path, String(lanes), String(PACKS)], {
    env: { ...process.env, LOGD_FAULT: fault },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [output, [, signal]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  assert.equal(signal, 'SIGKILL', 'the fault point was never passed');
  const acked = Array<number>(lanes).fill(0);
  for (const line of output.split('\n').filter(Boolean)) {
    const [lane, id] = line.split(' ').map(Number);
    acked[lane!] = id!;
  }
  return acked;
};

/** How many packs each lane has in the ledger; they must be 1..n, and counted as such. */
const recorded = async (path: string, lanes: number): Promise<number[]> => {
  await using ledger = await openSqliteLedger({ path });
  const counts: number[] = [];
  for (let lane = 0; lane < lanes; lane++) {
    const key = { ...KEY, host: `web${lane}` };
    const packs = await ledger.packs(key, 0, PACKS + 1);
    assert.deepEqual(
      packs,
      packs.map((_, index) => pack(index + 1, { host: key.host })),
    );
    assert.equal((await ledger.segment(key))?.packs ?? 0, packs.length);
    counts.push(packs.length);
  }
  return counts;
};

describe('a ledger whose process is killed', () => {
  const test = (title: string, body: (path: string) => Promise<void>): void => {
    it(title, async () => {
      const directory = await mkdtemp(join(tmpdir(), 'logd-ledger-kill-'));
      try {
        await body(join(directory, 'ledger.db'));
      } finally {
        await rm(directory, { recursive: true, force: true });
      }
    });
  };

  for (const pass of [1, 7])
    test(`before commit ${pass} has the commits before it`, async (path) => {
      assert.deepEqual(await commitUntilKilled(path, 1, `ledger.before-commit:${pass}`), [pass - 1]);
      assert.deepEqual(await recorded(path, 1), [pass - 1]);
    });

  for (const pass of [1, 7])
    test(`after commit ${pass} has that one, though nobody was told`, async (path) => {
      assert.deepEqual(await commitUntilKilled(path, 1, `ledger.after-commit:${pass}`), [pass - 1]);
      assert.deepEqual(await recorded(path, 1), [pass]);
    });

  test('has all that was acknowledged, and at most what was in doubt, through kill after kill', async (path) => {
    const lanes = 8;
    for (const fault of ['ledger.before-commit:9', 'ledger.after-commit:14', 'ledger.before-commit:23']) {
      const before = await recorded(path, lanes);
      const acked = await commitUntilKilled(path, lanes, fault);
      const after = await recorded(path, lanes);
      for (const [lane, count] of after.entries()) {
        // A lane that got no answer at all was still recording packs that an earlier run had recorded.
        const sure = Math.max(acked[lane]!, before[lane]!);
        const doubt = Math.max(acked[lane]! + 1, before[lane]!);
        assert.ok(
          count >= sure && count <= doubt,
          `lane ${lane}: ${acked[lane]} acknowledged, ${count} recorded`,
        );
      }
    }
  });
});
