/** The options of a MongoDB output. */
import type { z } from 'zod';
import { choice, commaList, duration, integer, path, size, text, textWith } from '../../config/kind.ts';
import { mapOf, option, rule, section } from '../../config/option.ts';
import { LogdError } from '../../error.ts';
import { FORMAT_RULE, formatOf } from '../../formats/registry.ts';
import { fieldTypes } from './field-types.ts';
import { checkTemplate } from './namespace.ts';

const connectionString = () =>
  textWith('MongoDB connection string', (value) => {
    if (!/^mongodb(?:\+srv)?:\/\/./.test(value))
      throw new LogdError('config', 'A MongoDB connection string begins with mongodb:// or mongodb+srv://.');
    return value;
  });

const connectionOptions = {
  uri: option(connectionString(), {
    summary:
      'Connection string: one server, a replica set or a sharded cluster. Keep the password out of it: use password_file.',
    example: 'mongodb://logd@db1:27017,db2:27017/?replicaSet=rs0',
    secret: true,
  }),
  password_file: option(path(), {
    summary: 'File whose first line is the password of the user in uri.',
    absent: 'no password, or the one in uri',
    example: '/etc/logd/mongodb-password',
  }),
  password_env: option(text(), {
    summary: 'Environment variable that holds the password.',
    absent: 'no password, or the one in uri',
    example: 'MONGODB_PASSWORD',
  }),
  tls_ca_file: option(path(), {
    summary: 'Certificates that the server must be signed by; turns TLS on.',
    absent: 'as uri says',
    example: '/etc/logd/mongodb-ca.pem',
  }),
  tls_cert_file: option(path(), {
    summary: 'Certificate and key with which logd proves who it is; turns TLS on.',
    absent: 'as uri says',
    example: '/etc/logd/mongodb-client.pem',
  }),
  write_concern: option(textWith('write concern', checkConcern), {
    summary:
      'How many servers must have a document before its position advances: majority, or a number above 0.',
    default: 'majority',
    example: '2',
  }),
  journal: option(choice('true', 'false'), {
    summary: 'Whether a document must be in the journal, on disk, before its position advances.',
    default: 'true',
    example: 'false',
  }),
  read_preference: option(
    choice('primary', 'primaryPreferred', 'secondary', 'secondaryPreferred', 'nearest'),
    {
      summary: 'Which servers may be read from.',
      default: 'primary',
      example: 'primaryPreferred',
    },
  ),
  retry_writes: option(choice('true', 'false'), {
    summary:
      'Whether the driver repeats a write at once when the primary changes. A single server without a replica set needs false.',
    default: 'true',
    example: 'false',
  }),
  connect_timeout: option(duration(), {
    summary: 'Longest time to find a usable server before an attempt counts as failed.',
    default: '5s',
    example: '30s',
    min: '100ms',
    max: '1h',
  }),
  timeout: option(duration(), {
    summary: 'Longest time for one batch.',
    default: '60s',
    example: '5m',
    min: '1s',
    max: '1h',
  }),
} as const;

function checkConcern(value: string): string {
  if (value === 'majority' || /^[1-9]\d?$/.test(value)) return value;
  throw new LogdError(
    'config',
    `${JSON.stringify(value)} is no write concern: use majority or a number above 0.`,
  );
}

const documentOptions = {
  streams: option(commaList(), {
    summary: 'Streams whose lines are delivered.',
    absent: 'all streams',
    example: 'access,click',
  }),
  database: option(textWith('name template', checkTemplate), {
    summary: 'Database; {day}, {month}, {hour}, {stream} and {host} are those of the pack.',
    default: 'logs_{day}',
    example: 'logs',
  }),
  collection: option(textWith('name template', checkTemplate), {
    summary: 'Collection, with the same places.',
    default: '{stream}',
    example: 'requests_{month}',
  }),
  mode: option(choice('insert', 'upsert'), {
    summary:
      'insert: each line is a document. upsert: lines with the same key are merged into one, later lines over earlier ones.',
    default: 'insert',
    example: 'upsert',
  }),
  key: option(text(), {
    summary: 'Field that mode upsert merges by. Its value becomes the _id.',
    default: 'transaction_id',
    example: 'session',
  }),
  without_key: option(choice('reject', 'skip'), {
    summary:
      'What mode upsert does with lines without the key: keep them as rejects, or count and skip them.',
    default: 'reject',
    example: 'skip',
  }),
  document: option(choice('fields', 'go-logd'), {
    summary:
      'fields: the fields that format reads. go-logd: the documents of the Go system, from its access logs.',
    default: 'fields',
    example: 'go-logd',
  }),
  format: option(textWith('line format', formatOf), {
    summary: `How lines are read: ${FORMAT_RULE}. A line that cannot be read is rejected.`,
    default: 'json',
    example: 'combined',
  }),
  keep: option(commaList(), {
    summary: 'Fields that are stored.',
    absent: 'all fields',
    example: 'time,status,path',
  }),
  fields: mapOf(
    {
      summary: 'Fields to rename or to give a type.',
      key: 'FIELD',
      keyExample: 'status',
      checkKey: () => undefined,
    },
    section('One field.', {
      as: option(text(), {
        summary: 'Name under which it is stored.',
        absent: 'its own name',
        example: 'code',
      }),
      type: option(choice(...fieldTypes), {
        summary:
          'Type of its value. address is an IPv4 address as a whole number. A value of another form stays as it came.',
        absent: 'as the format reads it',
        example: 'integer',
      }),
    }),
  ).optional(),
  indexes: option(commaList(), {
    summary:
      'Indexes to make before the first documents: field names, joined by + for one index over several.',
    absent: 'none',
    example: 'time,host+status',
  }),
  ttl_field: option(text(), {
    summary: 'Date field after which MongoDB deletes documents once they are ttl_after old.',
    absent: 'documents stay',
    example: 'time',
  }),
  ttl_after: option(duration(), {
    summary: 'Age at which documents with ttl_field are deleted.',
    default: '30d',
    example: '7d',
    min: '1s',
  }),
  savers: option(integer(), {
    summary: 'Most batches on their way at a time.',
    default: '4',
    example: '20',
    min: '1',
    max: '256',
  }),
  batch_docs: option(integer(), {
    summary: 'Most documents of a batch. Batches start at 500 and follow the speed of the server.',
    default: '2000',
    example: '5000',
    min: '1',
    max: '100000',
  }),
  batch_bytes: option(size(), {
    summary: 'Most bytes of a batch; a single document may be larger.',
    default: '8MiB',
    example: '16MiB',
    min: '64KiB',
    max: '40MiB',
  }),
} as const;

/** `sink.outputs.NAME` of kind mongodb. */
export const mongoOptions = rule(
  section('Writes lines to MongoDB as documents, each exactly once.', {
    ...connectionOptions,
    ...documentOptions,
  }),
  ['password_env', 'password_file'],
  ({ password_env, password_file }) =>
    password_env === undefined || password_file === undefined
      ? undefined
      : 'Both password_env and password_file are set: keep one.',
);

export type MongoOptions = z.output<typeof mongoOptions>;
