/** How the lines of a pack are read, and how their documents are made. */
import type { DocumentOptions } from './document.ts';
import { goLogdFields } from './go-logd-document.ts';
import type { MongoOptions } from './options.ts';

/** How the documents of an output are made. */
export const documentOptionsOf = (options: MongoOptions): DocumentOptions => ({
  mode: options.mode,
  key: options.key,
  withoutKey: options.without_key,
  keep: options.keep === undefined ? undefined : new Set(options.keep),
  fields: options.fields ?? {},
  read:
    options.document === 'go-logd'
      ? (line) => goLogdFields(line.toString('utf8'))
      : (line) => options.format.read(line),
});
