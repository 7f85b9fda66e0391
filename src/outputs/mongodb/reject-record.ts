/**
 * One record of rejects/, as a line of Extended JSON. The pack is in the file's name.
 *
 *   {"lines":[17],"reason":"…","code":11000,"document":{"_id":"…",…}}   the server, or a limit, refused the document
 *   {"lines":[18],"reason":"…","text":"…"}                              no document could be made of the line
 *   {"lines":[19],"reason":"…","bytes":{"$binary":…}}                   the same, of a line that is not UTF-8
 */
import { isUtf8 } from 'node:buffer';
import type { BSON } from 'mongodb';
import { LogdError } from '../../error.ts';
import type { Refusal, StoredDocument } from './bulk-writer.ts';
import type { RejectedLine } from './document.ts';

type Ejson = typeof BSON.EJSON;

export interface RejectRecord {
  readonly lines: readonly number[];
  readonly reason: string;
  readonly code?: number;
  readonly document?: StoredDocument;
  /** The line, where no document could be made of it. */
  readonly raw?: Buffer;
}

export const refusalRecord = ({ write, code, reason }: Refusal): RejectRecord => ({
  lines: write.lines,
  reason,
  code,
  document: write.document,
});

export const lineRecord = ({ line, text, reason }: RejectedLine): RejectRecord => ({
  lines: [line],
  reason,
  raw: text,
});

export const formatReject = ({ lines, reason, code, document, raw }: RejectRecord, ejson: Ejson): string =>
  ejson.stringify(
    {
      lines,
      reason,
      ...(code !== undefined && { code }),
      ...(document !== undefined && { document }),
      ...(raw !== undefined && (isUtf8(raw) ? { text: raw.toString('utf8') } : { bytes: raw })),
    },
    { relaxed: false },
  );

interface Parsed {
  readonly lines?: unknown;
  readonly reason?: unknown;
  readonly code?: unknown;
  readonly document?: unknown;
  readonly text?: unknown;
  readonly bytes?: unknown;
}

const rawOf = ({ text, bytes }: Parsed): Buffer | undefined => {
  if (typeof text === 'string') return Buffer.from(text);
  if (typeof bytes === 'object' && bytes !== null && 'buffer' in bytes && bytes.buffer instanceof Uint8Array)
    return Buffer.from(bytes.buffer);
  return undefined;
};

/** Reads a record. Throws `corrupt` for what is none. */
export const parseReject = (line: string, ejson: Ejson): RejectRecord => {
  try {
    const parsed: Parsed = ejson.parse(line, { relaxed: true });
    const raw = rawOf(parsed);
    return {
      lines: Array.isArray(parsed.lines) ? parsed.lines.map(Number) : [],
      reason: String(parsed.reason),
      ...(typeof parsed.code === 'number' && { code: parsed.code }),
      ...(typeof parsed.document === 'object' &&
        parsed.document !== null && { document: parsed.document as StoredDocument }),
      ...(raw !== undefined && { raw }),
    };
  } catch (error) {
    throw new LogdError('corrupt', 'A rejected record is not Extended JSON.', { cause: error });
  }
};
