/**
 * Writes batches of documents, a bounded number at a time, and says which documents the server refused for good.
 *
 *   insert   insertMany, unordered. A document whose _id is there already was delivered before.
 *   upsert   one updateOne for each key, unordered. What is left of a batch is sent again after a refusal: $set twice equals $set once.
 *
 * The size of batches follows the server: larger while it answers within FAST_MS, smaller when it takes longer than SLOW_MS.
 */
import type { Collection } from 'mongodb';
import { messageOf } from '../../error.ts';
import { DUPLICATE_KEY, isBadDocument, isRetryable, writeFailures, type WriteFailure } from './refusals.ts';

export interface StoredDocument {
  readonly _id: string;
  readonly [name: string]: unknown;
}

/** One document to write, and the numbers of the lines that it was made from. */
export interface Write {
  readonly document: StoredDocument;
  readonly lines: readonly number[];
  /** An upper bound of its BSON bytes. */
  readonly bytes: number;
}

export interface Refusal {
  readonly write: Write;
  readonly code: number;
  readonly reason: string;
}

export type LogCollection = Collection<StoredDocument>;

export interface BulkWriterOptions {
  readonly mode: 'insert' | 'upsert';
  /** Batches at a time. */
  readonly savers: number;
  /** Most documents of a batch. */
  readonly batchDocs: number;
  /** Most bytes of a batch; a single document may be larger. */
  readonly batchBytes: number;
  /** Milliseconds, rising. */
  readonly now: () => number;
}

export interface BulkWriter {
  /** Documents that a batch should have now. */
  batchDocs(): number;
  /** Resolves when all are durable or refused for good. Rejects with the driver's error when the server could not be used. */
  write(collection: LogCollection, writes: readonly Write[]): Promise<Refusal[]>;
}

const FAST_MS = 50;
const SLOW_MS = 500;
const FIRST_DOCS = 500;
const FEWEST_DOCS = 50;
/** How often a refused upsert is sent again: another upsert of the same key may have come between. */
const UPSERT_TRIES = 5;

const send = async (
  collection: LogCollection,
  mode: 'insert' | 'upsert',
  writes: readonly Write[],
): Promise<void> => {
  if (mode === 'insert') {
    await collection.insertMany(
      writes.map(({ document }) => document),
      { ordered: false },
    );
    return;
  }
  const operations = writes.map(({ document: { _id, ...fields } }) => ({
    updateOne: { filter: { _id }, update: { $set: fields }, upsert: true },
  }));
  await collection.bulkWrite(operations, { ordered: false });
};

/** Of these documents, the _ids that are stored. */
const storedIds = async (collection: LogCollection, writes: readonly Write[]): Promise<Set<string>> => {
  const ids = writes.map(({ document }) => document._id);
  const found = await collection
    .find({ _id: { $in: ids } }, { projection: { _id: 1 }, readPreference: 'primary' })
    .toArray();
  return new Set(found.map(({ _id }) => _id));
};

/** Of failed inserts, those that are refused; not those whose _id is stored already. */
const refusedInserts = async (
  collection: LogCollection,
  writes: readonly Write[],
  failures: readonly WriteFailure[],
): Promise<Refusal[]> => {
  const refusals: Refusal[] = [];
  const unclear: Refusal[] = [];
  for (const { index, code, reason, isIdIndex } of failures) {
    const write = writes[index];
    if (write === undefined || (code === DUPLICATE_KEY && isIdIndex === true)) continue;
    (code === DUPLICATE_KEY ? unclear : refusals).push({ write, code, reason });
  }
  if (unclear.length === 0) return refusals;
  const stored = await storedIds(
    collection,
    unclear.map(({ write }) => write),
  );
  return [...refusals, ...unclear.filter(({ write }) => !stored.has(write.document._id))];
};

/** Runs at most `limit` jobs at a time, in the order they came. */
const createTurns = (limit: number): (<T>(job: () => Promise<T>) => Promise<T>) => {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (job) => {
    if (running >= limit) await new Promise<void>((resolve) => waiting.push(resolve));
    else running++;
    try {
      return await job();
    } finally {
      const next = waiting.shift();
      if (next === undefined) running--;
      else next();
    }
  };
};

export const createBulkWriter = ({
  mode,
  savers,
  batchDocs,
  batchBytes,
  now,
}: BulkWriterOptions): BulkWriter => {
  const inTurn = createTurns(savers);
  let size = Math.min(FIRST_DOCS, batchDocs);

  const adapt = (docs: number, took: number): void => {
    if (took > SLOW_MS) size = Math.max(Math.min(FEWEST_DOCS, batchDocs), Math.ceil(size / 2));
    else if (took < FAST_MS && docs >= size) size = Math.min(batchDocs, size * 2);
  };

  /** Halves the batch until the bad document is alone. */
  const findBad = async (
    collection: LogCollection,
    writes: readonly Write[],
    error: unknown,
  ): Promise<Refusal[]> => {
    const [first] = writes;
    if (writes.length === 1 && first !== undefined)
      return [{ write: first, code: 0, reason: messageOf(error) }];
    const half = Math.ceil(writes.length / 2);
    return [
      ...(await attempt(collection, writes.slice(0, half), 1)),
      ...(await attempt(collection, writes.slice(half), 1)),
    ];
  };

  const attempt = async (
    collection: LogCollection,
    writes: readonly Write[],
    nth: number,
  ): Promise<Refusal[]> => {
    try {
      await send(collection, mode, writes);
      return [];
    } catch (error) {
      const failures = writeFailures(error);
      if (failures === undefined) {
        if (!isBadDocument(error)) throw error;
        return await findBad(collection, writes, error);
      }
      if (failures.some(isRetryable)) throw error;
      if (mode === 'insert') return await refusedInserts(collection, writes, failures);
      return await upsertRest(collection, writes, failures, nth);
    }
  };

  const upsertRest = async (
    collection: LogCollection,
    writes: readonly Write[],
    failures: readonly WriteFailure[],
    nth: number,
  ): Promise<Refusal[]> => {
    const final = failures.filter(({ code }) => code !== DUPLICATE_KEY || nth >= UPSERT_TRIES);
    const refusals = final.flatMap(({ index, code, reason }) => {
      const write = writes[index];
      return write === undefined ? [] : [{ write, code, reason }];
    });
    const refused = new Set(refusals.map(({ write }) => write));
    const rest = writes.filter((write) => !refused.has(write));
    // A refusal means progress; without one, only so many tries.
    const next = refusals.length > 0 ? 1 : nth + 1;
    return rest.length === 0 ? refusals : [...refusals, ...(await attempt(collection, rest, next))];
  };

  const writeBatch = (collection: LogCollection, writes: readonly Write[]): Promise<Refusal[]> =>
    inTurn(async () => {
      const start = now();
      const refusals = await attempt(collection, writes, 1);
      adapt(writes.length, now() - start);
      return refusals;
    });

  return {
    batchDocs: () => size,
    async write(collection, writes) {
      const batches: Promise<Refusal[]>[] = [];
      for (const batch of inBatches(writes, size, batchBytes)) batches.push(writeBatch(collection, batch));
      // All end before this does: none may write after the caller was told of a failure.
      const settled = await Promise.allSettled(batches);
      const failed = settled.find(({ status }) => status === 'rejected');
      if (failed?.status === 'rejected') throw failed.reason;
      return settled.flatMap((each) => (each.status === 'fulfilled' ? each.value : []));
    },
  };
};

/** Cuts a list into batches of at most so many documents and bytes. */
export function* inBatches(
  writes: readonly Write[],
  docs: number,
  bytes: number,
): Generator<readonly Write[]> {
  let batch: Write[] = [];
  let size = 0;
  for (const write of writes) {
    if (batch.length > 0 && (batch.length >= docs || size + write.bytes > bytes)) {
      yield batch;
      batch = [];
      size = 0;
    }
    batch.push(write);
    size += write.bytes;
  }
  if (batch.length > 0) yield batch;
}
