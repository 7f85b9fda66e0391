/**
 * What logd is held against: the least script that puts the lines of a file into MongoDB as documents of the same fields.
 * `mongodb-child.ts URI DATABASE FILE`; prints seconds and CPU seconds as JSON.
 */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { MongoClient } from 'mongodb';
import { formatOf } from '../src/formats/registry.ts';

const BATCH = 1_000;
const [uri = '', database = '', file = ''] = process.argv.slice(2);
const client = new MongoClient(uri, { writeConcern: { w: 'majority', journal: true }, retryWrites: false });
await client.connect();
const collection = client.db(database).collection('access');
const format = formatOf('combined');
const started = performance.now();
const before = process.cpuUsage();
let batch: Record<string, unknown>[] = [];
let lines = 0;
for await (const line of createInterface(createReadStream(file))) {
  const parsed = format.read(Buffer.from(line));
  if ('fields' in parsed) batch.push({ ...parsed.fields });
  if (batch.length < BATCH) continue;
  lines += (await collection.insertMany(batch, { ordered: false })).insertedCount;
  batch = [];
}
if (batch.length > 0) lines += (await collection.insertMany(batch, { ordered: false })).insertedCount;
const { user, system } = process.cpuUsage(before);
const seconds = (performance.now() - started) / 1000;
process.stdout.write(`${JSON.stringify({ lines, seconds, cpuSeconds: (user + system) / 1e6 })}\n`);
await client.close();
