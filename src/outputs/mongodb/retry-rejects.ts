/** Delivers rejected records again: documents as they were kept, lines as the configuration reads them now. */
import type { RejectFile, Rejects } from '../rejects.ts';
import { createBulkWriter, type StoredDocument, type Write } from './bulk-writer.ts';
import { openConnection } from './connection.ts';
import { createPackBuilder } from './document.ts';
import { largestSize } from './field-names.ts';
import { documentOptionsOf } from './line-reader.ts';
import { namespaceOf } from './namespace.ts';
import type { MongoOptions } from './options.ts';
import { explainFailure } from './refusals.ts';
import { formatReject, lineRecord, parseReject, refusalRecord, type RejectRecord } from './reject-record.ts';

/** What became of rejected records that were tried again. */
export interface Retried {
  readonly delivered: number;
  readonly left: number;
}

/** A document of each record, and those of which there is still none. */
const writesOf = (
  file: RejectFile,
  records: readonly RejectRecord[],
  options: MongoOptions,
): { readonly writes: Write[]; readonly left: RejectRecord[] } => {
  const writes: Write[] = [];
  const left: RejectRecord[] = [];
  for (const { lines, document, raw } of records) {
    if (document !== undefined) {
      writes.push({ document, lines, bytes: largestSize(document) });
      continue;
    }
    const builder = createPackBuilder(file, file.pack, documentOptionsOf(options), (lines[0] ?? 1) - 1);
    builder.add(raw ?? Buffer.alloc(0));
    writes.push(...builder.take(true));
    left.push(...builder.rejected.map(lineRecord));
  }
  return { writes, left };
};

export const retryMongoRejects = async (
  options: MongoOptions,
  rejects: Rejects,
  files: readonly RejectFile[],
): Promise<Retried> => {
  await using connection = await openConnection(options);
  const { BSON } = await import('mongodb');
  const ejson = BSON.EJSON;
  const writer = createBulkWriter({
    ...{ mode: options.mode, savers: 1, batchDocs: options.batch_docs, batchBytes: options.batch_bytes },
    now: () => performance.now(),
  });
  let tried = 0;
  let kept = 0;
  for (const file of files) {
    const records = (await rejects.read(file)).map((line) => parseReject(line, ejson));
    const { writes, left } = writesOf(file, records, options);
    const { database, collection } = namespaceOf(options, file);
    try {
      const client = await connection.client();
      const refusals = await writer.write(client.db(database).collection<StoredDocument>(collection), writes);
      left.push(...refusals.map(refusalRecord));
    } catch (error) {
      throw explainFailure(error, connection.hide);
    }
    const lines = left.map((record) => formatReject(record, ejson));
    await rejects.keep(file, file.pack, lines);
    tried += records.length;
    kept += left.length;
  }
  return { delivered: tried - kept, left: kept };
};
