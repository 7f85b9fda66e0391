import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { PackEntry } from '../../src/ledger/ledger.ts';
import { createCommitter } from '../../src/commit/committer.ts';
import { cutInto, logParts } from './packs.ts';
import { memoryLedger } from './memory-ledger.ts';
import { memoryStore } from './memory-store.ts';

const settle = async (): Promise<void> => {
  for (let turns = 0; turns < 20; turns++) await turn();
};

/** A committer whose time stands still, and the sizes of its groups. */
const rig = async () => {
  const ledger = memoryLedger();
  const groups: number[] = [];
  const counting = {
    ...ledger,
    commit: (entries: readonly PackEntry[]) => {
      groups.push(entries.length);
      return ledger.commit(entries);
    },
  };
  const committer = createCommitter(memoryStore(ledger.peek), counting, assert.ifError);
  const entries = (await cutInto(logParts(60))).map(({ header, raw }) => ({
    ...{ header, place: { at: header.offset, length: raw.length }, arrivedAt: 0 },
  }));
  const commit = (from: number, to: number): Promise<unknown> =>
    Promise.all(entries.slice(from, to).map(committer.commit));
  return { groups, commit };
};

test('packs gather behind a group until their time has come, there are many of them, or one ends the hour', async (context) => {
  mock.timers.enable({ apis: ['setTimeout'] });
  context.after(() => mock.timers.reset());
  const { groups, commit } = await rig();
  const answers = [commit(0, 1), commit(1, 3)];
  await settle();
  assert.deepEqual(groups, [1], 'two wait');
  mock.timers.tick(50);
  await settle();
  assert.deepEqual(groups, [1, 2], 'after 50 ms they went');
  answers.push(commit(3, 4), commit(4, 35));
  await settle();
  assert.deepEqual(groups, [1, 2, 1], '31 wait');
  answers.push(commit(35, 36));
  await settle();
  assert.deepEqual(groups, [1, 2, 1, 32], 'the next one makes them many');
  answers.push(commit(36, 37), commit(37, 59));
  await settle();
  assert.deepEqual(groups, [1, 2, 1, 32, 1], '22 wait');
  answers.push(commit(59, 60));
  await settle();
  assert.deepEqual(groups, [1, 2, 1, 32, 1, 23], 'the end of the hour does not');
  await Promise.all(answers);
});

test('packs of a small window do not wait for others that cannot come', async (context) => {
  mock.timers.enable({ apis: ['setTimeout'] });
  context.after(() => mock.timers.reset());
  const { groups, commit } = await rig();
  const answers = [commit(0, 1), commit(1, 4)];
  await settle();
  assert.deepEqual(groups, [1], 'one was answered, three wait: a window of four');
  answers.push(commit(4, 5));
  await settle();
  assert.deepEqual(groups, [1, 4]);
  await Promise.all(answers);
});
