/** A follower over a store and a ledger in memory, with a clock that the test moves. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type OutputFollower, followOutput } from '../../src/outputs/output-follower.ts';
import type { SegmentKey, VerifiedPack } from '../../src/pack/pack.ts';
import { brief, type Seen, commitRig, type CommitRig } from '../commit/rig.ts';
import { type FileAppender, fileAppender, readAppended } from './file-appender.ts';

export interface FollowerRig extends AsyncDisposable {
  readonly ledger: CommitRig['ledger'];
  readonly output: FileAppender;
  readonly events: Seen[];
  follower: OutputFollower;
  /** Stores packs; resolves when they are answered. */
  put(...packs: readonly VerifiedPack[]): Promise<string[]>;
  appended(key: SegmentKey): Promise<string>;
  /** Stops the follower and starts one on the same ledger. */
  restart(start?: string): Promise<void>;
  /** Lets so many milliseconds pass for the follower. */
  pass(ms: number): void;
}

export const followerRig = async (
  start = 'beginning',
  parallel = 2,
  unit: 'pack' | 'hour' = 'pack',
): Promise<FollowerRig> => {
  const dir = await mkdtemp(join(tmpdir(), 'logd-follower-'));
  let now = 1_795_400_000_000;
  const clock = { now: () => now, monotonic: () => now };
  const stored = commitRig(clock);
  const { store, ledger, events } = stored;
  const output = await fileAppender(dir);
  const emit = (name: Seen['name'], fields: Seen['fields']): void => void events.push({ name, fields });
  const follow = (from: string): Promise<OutputFollower> =>
    followOutput({
      ...{ name: 'out', unit, output, start: from, parallel, ledger, store, clock, emit },
    });
  const rig: FollowerRig = {
    ...{ ledger, output, events },
    follower: await follow(start),
    async put(...packs) {
      const answers = await Promise.all(packs.map(stored.put));
      rig.follower.wake();
      return answers.map(brief);
    },
    appended: async (key) => (await readAppended(dir, key)).toString(),
    async restart(from = start) {
      await rig.follower[Symbol.asyncDispose]();
      rig.follower = await follow(from);
    },
    pass: (ms) => void (now += ms),
    async [Symbol.asyncDispose]() {
      await rig.follower[Symbol.asyncDispose]();
      await rm(dir, { recursive: true, force: true });
    },
  };
  return rig;
};

/** Until it holds; the test's own time-out ends a waiting in vain. */
export const until = async (holds: () => Promise<boolean> | boolean): Promise<void> => {
  while (!(await holds())) await sleep(5);
};
