/** How the lines of a pack are read into fields. */
import type { DocumentOptions, LineFields, ReadLine } from './document.ts';
import type { MongoOptions } from './options.ts';
import { goLogdFields } from './go-logd-document.ts';

type LineFormat = MongoOptions['format'];

/** `host ip - user [time] "request" status bytes "referer" "agent"`, as nginx and Apache write it, with or without the host in front. */
const COMBINED =
  /^(?:(?<vhost>\S+) )?(?<address>\S+) (?<ident>\S+) (?<user>\S+) \[(?<time>[^\]]+)\] "(?<request>[^"]*)" (?<status>\d{3}) (?<bytes>\d+|-)(?: "(?<referer>(?:[^"\\]|\\.)*)" "(?<agent>(?:[^"\\]|\\.)*)")?/;

const readJson = (text: string): LineFields => {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { fields: { ...value } };
  } catch {
    // Said below.
  }
  return { reason: 'The line is not a JSON object.' };
};

const readCombined = (text: string): LineFields => {
  const groups = COMBINED.exec(text)?.groups;
  return groups === undefined
    ? { reason: 'The line is not in the combined log format.' }
    : { fields: { ...groups } };
};

const READ: Readonly<Record<LineFormat, (text: string) => LineFields>> = {
  json: readJson,
  combined: readCombined,
  line: (text) => ({ fields: { line: text } }),
};

/** Reads lines of a format; with `isGoLogd` as the Go system did. */
export const createLineReader = (format: LineFormat, isGoLogd: boolean): ReadLine => {
  const read = isGoLogd ? goLogdFields : READ[format];
  return (line) => read(line.toString('utf8'));
};

/** How the documents of an output are made. */
export const documentOptionsOf = (options: MongoOptions): DocumentOptions => {
  const isGoLogd = options.document === 'go-logd';
  return {
    mode: options.mode,
    key: options.key,
    withoutKey: options.without_key,
    keep: options.keep === undefined ? undefined : new Set(options.keep),
    fields: options.fields ?? {},
    read: createLineReader(options.format, isGoLogd),
  };
};
