/** Makes the configured indexes of a collection once, before its first documents. */
import type { IndexDescription } from 'mongodb';
import { messageOf } from '../../error.ts';
import type { Emit } from '../../telemetry/events.ts';
import type { LogCollection } from './bulk-writer.ts';

export interface IndexOptions {
  /** Names of fields; `a+b` is one index over two. */
  readonly indexes: readonly string[];
  readonly ttlField: string | undefined;
  /** Milliseconds. */
  readonly ttlAfter: number;
}

const descriptionsOf = ({ indexes, ttlField, ttlAfter }: IndexOptions): IndexDescription[] => {
  const plain = indexes.map((names) => ({
    key: Object.fromEntries(names.split('+').map((name) => [name.trim(), 1 as const])),
  }));
  if (ttlField === undefined) return plain;
  return [...plain, { key: { [ttlField]: 1 as const }, expireAfterSeconds: Math.round(ttlAfter / 1000) }];
};

/** True when the server has answered that it will not: a network error is not such an answer. */
const isRefusal = (error: unknown): boolean =>
  error instanceof Error &&
  error.name === 'MongoServerError' &&
  !('errorLabels' in error && error.message === '');

/** Ensures indexes; an index that the server refuses is a warning, and documents are written without it. */
export const createIndexKeeper = (
  options: IndexOptions,
  output: string,
  emit: Emit,
): ((collection: LogCollection) => Promise<void>) => {
  const wanted = descriptionsOf(options);
  const made = new Map<string, Promise<void>>();
  const make = async (collection: LogCollection): Promise<void> => {
    for (const index of wanted)
      try {
        await collection.createIndexes([index]);
      } catch (error) {
        if (!isRefusal(error)) throw error;
        emit('output.index-refused', {
          output,
          collection: collection.namespace,
          fields: Object.keys(index.key).join('+'),
          reason: messageOf(error),
        });
      }
  };
  return async (collection) => {
    if (wanted.length === 0) return;
    const name = collection.namespace;
    const making = made.get(name) ?? make(collection);
    made.set(name, making);
    try {
      await making;
    } catch (error) {
      made.delete(name);
      throw error;
    }
  };
};
