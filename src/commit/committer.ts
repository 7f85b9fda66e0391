/**
 * Group commit: whatever was written while the last group was being made durable becomes the next group.
 *
 * Order for each group: the store's files are durable, then the ledger's record, then the acks. When either fails, every pack
 * written so far fails with it, because a store that could not sync forgets what it had not synced.
 */
import { fault } from '../fault/fault.ts';
import type { CommitResult, Ledger, PackEntry } from '../ledger/ledger.ts';
import type { Store } from '../stores/store.ts';

/** How long packs gather after a group, unless there are this many, one that ends an hour, or as many as a full window can have sent. */
const GATHER_MS = 50;
const LARGE_GROUP = 32;

export interface Committer {
  /** Resolves when the written pack and its record are durable. */
  commit(entry: PackEntry): Promise<CommitResult>;
  /** Resolves when nothing is under way. */
  idle(): Promise<void>;
}

interface WaitingPack {
  readonly entry: PackEntry;
  readonly resolve: (result: CommitResult) => void;
  readonly reject: (error: unknown) => void;
}

/** `onFailure` is called before the waiting packs are told, with the error of the store or the ledger. */
export const createCommitter = (
  store: Store,
  ledger: Ledger,
  onFailure: (error: unknown) => void,
): Committer => {
  let waiting: WaitingPack[] = [];
  let running: Promise<void> | undefined;
  /** So many must wait to go at once: what the last group made room for, besides what had come before its answers. */
  let enough = LARGE_GROUP;
  /** Ends the gathering. */
  let hurry: () => void = () => undefined;

  const commitGroup = async (group: readonly WaitingPack[]): Promise<void> => {
    try {
      await store.flush();
      const results = await ledger.commit(group.map(({ entry }) => entry));
      fault('store.before-ack');
      for (const [n, { resolve, reject }] of group.entries()) {
        const result = results[n];
        if (result === undefined) reject(new Error('The ledger answered fewer packs than it was given.'));
        else resolve(result);
      }
    } catch (error) {
      const failed = [...group, ...waiting];
      waiting = [];
      onFailure(error);
      for (const { reject } of failed) reject(error);
    }
  };

  const isDue = (): boolean =>
    waiting.length >= enough || waiting.some(({ entry }) => entry.header.done !== undefined);

  const gather = (): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, GATHER_MS);
      hurry = () => {
        clearTimeout(timer);
        resolve();
      };
    });

  const run = async (): Promise<void> => {
    while (waiting.length > 0) {
      const group = waiting;
      waiting = [];
      await commitGroup(group);
      // A pack that comes alone is committed at once; a stream of them shares syncs, which cost more than waiting.
      enough = Math.min(LARGE_GROUP, group.length + waiting.length);
      if (waiting.length > 0 && !isDue()) await gather();
    }
    running = undefined;
  };

  return {
    commit: (entry) =>
      new Promise((resolve, reject) => {
        waiting.push({ entry, resolve, reject });
        running ??= run();
        if (isDue()) hurry();
      }),
    idle: async () => {
      while (running !== undefined) await running;
    },
  };
};
