/** The ledger in SQLite: the contract of {@link file://../ledger.ts} over a database thread. */
import { randomUUID } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { LogdError } from '../../error.ts';
import { type DatabaseThread, openDatabaseThread } from '../../sqlite/database-thread.ts';
import { moduleBeside } from '../../threads/module-beside.ts';
import { lockDirectory } from '../../disk/directory-lock.ts';
import type { LedgerIdentity } from '../identity.ts';
import type { CommitResult, PackEntry } from '../ledger.ts';
import type { OpenLedger } from '../ledger-kind.ts';
import type { LedgerOperations } from './operations.ts';

export interface LedgerOptions {
  /** Of the database file; created where it is not there, unless `readOnly`. */
  readonly path: string;
  /** For a look from another process while the sink runs. Writes are rejected, and a ledger that is not there is an error. */
  readonly readOnly?: boolean;
  /** For a command that changes positions of outputs beside a running sink: opens for writing, and takes no lock. */
  readonly beside?: boolean;
}

/** What lies beside a ledger that has an owner. Stores keep names that begin so free of their files. */
const lockOf = (path: string): string => `.logd-${basename(path)}-lock`;

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

/** An empty ledger in the place of one that is gone would have hours start over, over what is stored of them. */
const refuseToBeginAnew = (path: string): void => {
  const lock = join(dirname(path), lockOf(path));
  // Behind a crash the file itself may be empty while its -wal is not.
  const isThere = existsSync(path) && (sizeOf(path) > 0 || sizeOf(`${path}-wal`) > 0);
  if (isThere || !existsSync(lock)) return;
  throw new LogdError(
    'storage',
    `The ledger ${path} is gone, or empty: restore it. To begin with an empty one, move the store and the marker files away and remove ${lock}.`,
  );
};

/**
 * Which ledger it is. Its owner begins a start of its own, with the first packs that it records: a start writes nothing, so that a sink starts
 * while the disk is full.
 */
const openIdentity = async (
  thread: DatabaseThread<LedgerOperations>,
): Promise<LedgerIdentity & { commit(entries: readonly PackEntry[]): Promise<CommitResult[]> }> => {
  const identity = await thread.read('identity');
  const start = randomUUID();
  let { store, mark } = identity;
  return {
    mark: () => mark,
    knows: (mark) => thread.read('knows', mark),
    storeId: () => store,
    setStoreId: (id) => void (store = id),
    async commit(entries) {
      if (entries.length === 0) return [];
      const { results, counter } = await thread.write('commit', entries, start, store);
      if (mark.start !== start || mark.counter < counter) mark = { ...mark, start, counter };
      return results;
    },
  };
};

/**
 * Rejects with `storage` where the file cannot be opened, was there before and is gone, is not a ledger, was written by a newer logd, or belongs to another
 * node: two sinks would take each other's hours for their own, and refuse them.
 */
export const openSqliteLedger = async (options: LedgerOptions): Promise<OpenLedger> => {
  const isOwner = options.readOnly !== true && options.beside !== true;
  if (isOwner) refuseToBeginAnew(options.path);
  const thread = await openDatabaseThread<LedgerOperations>({
    module: moduleBeside(import.meta.url, 'operations'),
    path: options.path,
    readOnly: options.readOnly,
    faults: { beforeCommit: 'ledger.before-commit', afterCommit: 'ledger.after-commit' },
  });
  let lock: Disposable | undefined;
  let identity: Awaited<ReturnType<typeof openIdentity>>;
  try {
    // By its own path: a link to it would have another directory.
    const path = await realpath(options.path);
    if (isOwner) lock = lockDirectory(dirname(path), lockOf(path), 'keeps its ledger in');
    identity = await openIdentity(thread);
  } catch (error) {
    await thread[Symbol.asyncDispose]();
    lock?.[Symbol.dispose]();
    throw error;
  }
  return {
    segment: (key) => thread.read('segment', key),
    pack: (key, id) => thread.read('pack', key, id),
    around: (key, id) => thread.read('around', key, id),
    packs: (key, afterId, limit) => thread.read('packs', key, afterId, limit),
    ...identity,
    reopen: (key, generation) => thread.write('reopen', key, generation),
    seal: (seal) => thread.write('seal', seal),
    close: (key, state, reason) => thread.write('close', key, state, reason),
    expire: (before, reason) => thread.write('expire', before, reason),
    segments: (filter, page) => thread.read('segments', filter, page),
    gaps: (key, limit) => thread.read('gaps', key, limit),
    seals: (key) => thread.read('seals', key),
    setWaiting: (key, reason) => thread.write('setWaiting', key, reason),
    setSource: (key, generation, verdict) => thread.write('setSource', key, generation, verdict),
    openHours: () => thread.read('openHours'),
    days: (filter) => thread.read('days', filter),
    outputs: () => thread.read('outputs'),
    addOutput: (name, start, at) => thread.write('addOutput', name, start, at),
    pauseOutput: (name, paused) => thread.write('pauseOutput', name, paused),
    forgetOutput: (name) => thread.write('forgetOutput', name),
    changes: (after, limit) => thread.read('changes', after, limit),
    newestChange: () => thread.read('newestChange'),
    sawChanges: (output, seen) => thread.write('sawChanges', output, seen),
    delivery: (output, key) => thread.read('delivery', output, key),
    setDelivery: (delivery, from) => thread.write('setDelivery', delivery, from),
    deliveries: (output, filter, page) => thread.read('deliveries', output, filter, page),
    failing: (output, limit) => thread.read('failing', output, limit),
    replay: (output, from, to) => thread.write('replay', output, from, to),
    retryStuck: (output) => thread.write('retryStuck', output),
    expectations: () => thread.read('expectations'),
    expect: (expectation) => thread.write('expect', expectation),
    presence: (filter, from, to) => thread.read('presence', filter, from, to),
    requestRepull: (key, packs, at, from) => thread.write('requestRepull', key, packs, at, from),
    noteRepull: (request) => thread.write('noteRepull', request),
    repulls: (state, limit) => thread.read('repulls', state, limit),
    repull: (key) => thread.read('repull', key),
    setUnavailable: (key, packs) => thread.write('setUnavailable', key, packs),
    unavailable: (key) => thread.read('unavailable', key),
    replacePlaces: (key, places) => thread.write('replacePlaces', key, places),
    reprove: (key) => thread.write('reprove', key),
    lanes: (after, limit) => thread.read('lanes', after, limit),
    expirable: (step, lane, range) => thread.read('expirable', step, lane, range),
    beginRemoval: (key, generation, settled, at) =>
      thread.write('beginRemoval', key, generation, settled, at),
    endRemoval: (key) => thread.write('endRemoval', key),
    removing: (limit) => thread.read('removing', limit),
    archive: (key, generation, settled) => thread.write('archive', key, generation, settled),
    counters: thread.counters,
    ended: thread.ended,
    [Symbol.asyncDispose]: async () => {
      await thread[Symbol.asyncDispose]();
      lock?.[Symbol.dispose]();
      lock = undefined;
    },
  };
};
