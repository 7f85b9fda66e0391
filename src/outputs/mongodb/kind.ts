/**
 * The MongoDB output: every line of a pack becomes a document, or is counted as dropped or rejected.
 *
 *   pack ─ lines ─ documents ─ batches ─▶ MongoDB (savers at a time) ─ all acknowledged ─ rejects durable ─▶ counts
 *
 * Exactly once: _ids are derived from the place of a line (see document.ts), so a pack that comes again changes nothing.
 */
import { setImmediate } from 'node:timers/promises';
import type { BSON } from 'mongodb';
import { LogdError } from '../../error.ts';
import type { Counts, Item, Output, OutputDeps, OutputKind, OutputStatus, PackItem } from '../output.ts';
import { openRejects, type Rejects } from '../rejects.ts';
import { createBulkWriter, type Refusal, type StoredDocument } from './bulk-writer.ts';
import { type Connection, openConnection } from './connection.ts';
import { createPackBuilder, linesOf, type PackBuilder } from './document.ts';
import { createIndexKeeper } from './indexes.ts';
import { documentOptionsOf } from './line-reader.ts';
import { namespaceOf } from './namespace.ts';
import { type MongoOptions, mongoOptions } from './options.ts';
import { explainFailure } from './refusals.ts';
import { retryMongoRejects } from './retry-rejects.ts';
import { formatReject, lineRecord, refusalRecord } from './reject-record.ts';

/** Lines that are read in one go, before other work of the node gets its turn. */
const SLICE_LINES = 500;

/** What delivering needs, of an open output. */
interface Parts {
  readonly options: MongoOptions;
  readonly connection: Connection;
  readonly rejects: Rejects;
  readonly ejson: typeof BSON.EJSON;
  readonly now: () => number;
  readonly deps: Pick<OutputDeps, 'name' | 'emit'>;
}

const keepRejects = async (
  { rejects, ejson }: Parts,
  { key, header }: PackItem,
  builder: PackBuilder,
  refusals: readonly Refusal[],
): Promise<number> => {
  const records = [...builder.rejected.map(lineRecord), ...refusals.map(refusalRecord)];
  records.sort((a, b) => (a.lines[0] ?? 0) - (b.lines[0] ?? 0));
  await rejects.keep(
    key,
    header.id,
    records.map((record) => formatReject(record, ejson)),
  );
  return records.reduce((sum, { lines }) => sum + lines.length, 0);
};

/** Delivers packs; holds nothing between two of them. */
const createDelivery = (parts: Parts): ((item: PackItem, signal: AbortSignal) => Promise<Counts>) => {
  const { options, connection, now, deps } = parts;
  const { mode, savers, batch_docs: batchDocs, batch_bytes: batchBytes } = options;
  const writer = createBulkWriter({ mode, savers, batchDocs, batchBytes, now });
  const documents = documentOptionsOf(options);
  const { indexes = [], ttl_field: ttlField, ttl_after: ttlAfter } = options;
  const ensureIndexes = createIndexKeeper({ indexes, ttlField, ttlAfter }, deps.name, deps.emit);

  return async (item, signal) => {
    const { database, collection: name } = namespaceOf(options, item.key);
    const client = await connection.client();
    const collection = client.db(database).collection<StoredDocument>(name);
    const builder = createPackBuilder(item.key, item.header.id, documents);
    const refusals: Refusal[] = [];
    const flush = async (isEnd: boolean): Promise<void> => {
      signal.throwIfAborted();
      const writes = builder.take(isEnd);
      if (writes.length === 0) return;
      await ensureIndexes(collection);
      for (const refusal of await writer.write(collection, writes)) refusals.push(refusal);
    };
    let read = 0;
    let waiting = 0;
    for (const line of linesOf(item.bytes)) {
      builder.add(line);
      read++;
      if (++waiting % SLICE_LINES === 0) await setImmediate();
      // Savers work side by side on what one pack gives; its documents are bounded by that.
      if (waiting < writer.batchDocs() * savers) continue;
      await flush(false);
      waiting = 0;
    }
    await flush(true);
    const rejected = await keepRejects(parts, item, builder, refusals);
    const dropped = builder.dropped();
    return { delivered: read - dropped - rejected, dropped, rejected };
  };
};

/** Opens the output; MongoDB itself is first asked when there is something to deliver. */
const openMongo = async (options: MongoOptions, deps: OutputDeps): Promise<Output> => {
  const connection = await openConnection(options);
  const { BSON } = await import('mongodb');
  const rejects = openRejects(deps.stateDir);
  const now = (): number => performance.now();
  const deliver = createDelivery({ options, connection, rejects, ejson: BSON.EJSON, now, deps });
  const streams = options.streams === undefined ? undefined : new Set(options.streams);
  let status: OutputStatus = { state: 'connecting' };
  return {
    async deliver(item: Item, signal) {
      if (item.unit !== 'pack') throw new LogdError('usage', 'The MongoDB output delivers packs, not hours.');
      try {
        const counts = await deliver(item, signal);
        status = { state: 'running' };
        return counts;
      } catch (error) {
        if (signal.aborted) throw error;
        const explained = explainFailure(error, connection.hide);
        status = { state: 'failing', error: explained.message };
        throw explained;
      }
    },
    wants: ({ stream }) => streams?.has(stream) ?? true,
    status: () => status,
    [Symbol.asyncDispose]: () => connection[Symbol.asyncDispose](),
  };
};

export const mongoOutput: OutputKind<typeof mongoOptions> = {
  kind: 'mongodb',
  summary: 'Every line becomes a document of MongoDB, exactly once.',
  schema: mongoOptions,
  unit: 'pack',
  open: openMongo,
  retryRejects: retryMongoRejects,
};
