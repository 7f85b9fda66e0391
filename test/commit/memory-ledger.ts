/** The SQLite ledger's own operations on a database in memory, with failures on demand: fast enough for thousands of runs. */
import { DatabaseSync } from 'node:sqlite';
import { LogdError } from '../../src/error.ts';
import type { Deliveries } from '../../src/ledger/delivery.ts';
import type { Expectations } from '../../src/ledger/expectation.ts';
import type { Ledger, PackRecord } from '../../src/ledger/ledger.ts';
import { open, schema } from '../../src/ledger/sqlite/operations.ts';
import type { SegmentKey } from '../../src/pack/pack.ts';

export type LedgerCall = keyof Omit<Ledger & Deliveries & Expectations, typeof Symbol.asyncDispose>;

export interface MemoryLedger extends Ledger, Deliveries, Expectations {
  /** When it returns true, the call fails and has no effect. */
  fails: (call: LedgerCall) => boolean;
  /** When it returns true, the call has its effect, durably, and fails all the same. */
  doubts: (call: LedgerCall) => boolean;
  /** What a call waits for before it does what it is to do. */
  pause: (call: LedgerCall) => Promise<void>;
  /** The packs of a segment, past all failures and pauses. */
  peek(key: SegmentKey): PackRecord[];
}

class Doubt extends LogdError {}

export const memoryLedger = (): MemoryLedger => {
  const db = new DatabaseSync(':memory:');
  db.exec(schema.create);
  const { reads, writes } = open(db);

  const call = async <T>(name: LedgerCall, job: () => T): Promise<T> => {
    await ledger.pause(name);
    if (ledger.fails(name))
      throw new LogdError('storage', `The database refuses to ${name}.`, { retryable: true });
    db.exec('SAVEPOINT one');
    try {
      const result = job();
      if (ledger.doubts(name))
        throw new Doubt('storage', `The database went away after ${name}.`, { retryable: true });
      return result;
    } catch (error) {
      if (!(error instanceof Doubt)) db.exec('ROLLBACK TO one');
      throw error;
    } finally {
      db.exec('RELEASE one');
    }
  };

  const ledger: MemoryLedger = {
    fails: () => false,
    doubts: () => false,
    pause: () => Promise.resolve(),
    peek: (key) => reads.packs(key, 0, 1_000_000),
    segment: (key) => call('segment', () => reads.segment(key)),
    openHours: () => call('openHours', () => reads.openHours()),
    pack: (key, id) => call('pack', () => reads.pack(key, id)),
    around: (key, id) => call('around', () => reads.around(key, id)),
    packs: (key, afterId, limit) => call('packs', () => reads.packs(key, afterId, limit)),
    commit: (entries) => call('commit', () => writes.commit(entries, 'start').results),
    reopen: (key, generation) => call('reopen', () => writes.reopen(key, generation)),
    seal: (seal) => call('seal', () => writes.seal(seal)),
    close: (key, state, reason) => call('close', () => writes.close(key, state, reason)),
    setWaiting: (key, reason) => call('setWaiting', () => writes.setWaiting(key, reason)),
    setSource: (key, generation, verdict) =>
      call('setSource', () => writes.setSource(key, generation, verdict)),
    expire: (before, reason) => call('expire', () => writes.expire(before, reason)),
    segments: (filter, page) => call('segments', () => reads.segments(filter, page)),
    gaps: (key, limit) => call('gaps', () => reads.gaps(key, limit)),
    seals: (key) => call('seals', () => reads.seals(key)),
    days: (filter) => call('days', () => reads.days(filter)),
    outputs: () => call('outputs', () => reads.outputs()),
    addOutput: (name, start, at) => call('addOutput', () => writes.addOutput(name, start, at)),
    pauseOutput: (name, paused) => call('pauseOutput', () => writes.pauseOutput(name, paused)),
    forgetOutput: (name) => call('forgetOutput', () => writes.forgetOutput(name)),
    changes: (after, limit) => call('changes', () => reads.changes(after, limit)),
    newestChange: () => call('newestChange', () => reads.newestChange()),
    sawChanges: (output, seen) => call('sawChanges', () => writes.sawChanges(output, seen)),
    delivery: (output, key) => call('delivery', () => reads.delivery(output, key)),
    setDelivery: (delivery, from) => call('setDelivery', () => writes.setDelivery(delivery, from)),
    deliveries: (output, filter, page) => call('deliveries', () => reads.deliveries(output, filter, page)),
    failing: (output, limit) => call('failing', () => reads.failing(output, limit)),
    replay: (output, from, to) => call('replay', () => writes.replay(output, from, to)),
    retryStuck: (output) => call('retryStuck', () => writes.retryStuck(output)),
    expectations: () => call('expectations', () => reads.expectations()),
    expect: (expectation) => call('expect', () => writes.expect(expectation)),
    presence: (filter, from, to) => call('presence', () => reads.presence(filter, from, to)),
    [Symbol.asyncDispose]: () => Promise.resolve(db.close()),
  };
  return ledger;
};
