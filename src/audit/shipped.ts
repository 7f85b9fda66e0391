/**
 * Which bytes of which files an agent shipped as a segment, from its marks.
 *
 * Where the marks are out of reach, nothing is known but this: the first hour that the ledger has of a stream with `start: end` may begin in the
 * middle of a file, and only its bytes can tell.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Marks } from '../marks/marks.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { SegmentKey } from '../pack/pack.ts';
import { openDatabaseThread } from '../sqlite/database-thread.ts';
import { moduleBeside } from '../threads/module-beside.ts';
import { lengthOf, type Piece } from './pieces.ts';
import type { AgentSource } from './sources.ts';

/** A file of a segment, at hand or not: it was shipped from the byte `began` to `ended` (exclusive). */
export interface ShippedFile {
  readonly path: string;
  readonly began: number;
  readonly ended: number;
}

export interface ShippedSegment {
  readonly files: readonly ShippedFile[];
  /** In the order of the segment: all of its bytes. */
  readonly pieces: readonly Piece[];
}

export interface Shipped extends AsyncDisposable {
  /** Undefined where the marks are out of reach, or do not have the segment whole. */
  as(key: SegmentKey, source: AgentSource): Promise<ShippedSegment | undefined>;
  /** Without marks: whether nothing that is known speaks against the segment beginning in the middle of a file. */
  mayBeginWithin(key: SegmentKey, source: AgentSource): Promise<boolean>;
}

/** Looks into the agents' marks on demand. */
export const openShipped = (ledger: Pick<Ledger, 'segments'>): Shipped => {
  const opened = new Map<string, Promise<Marks | undefined>>();
  const marksIn = (stateDir: string): Promise<Marks | undefined> => {
    const marks = opened.get(stateDir) ?? openMarks(join(stateDir, 'marks.db'));
    opened.set(stateDir, marks);
    return marks;
  };
  return {
    async as(key, { stateDir }) {
      const marks = await marksIn(stateDir);
      return marks && readSegment(marks, key).catch(() => undefined);
    },
    async mayBeginWithin({ host, stream, hour }, { start }) {
      if (start !== 'end') return false;
      const [first] = await ledger.segments({ host, stream }, { limit: 1 });
      return first?.hour === hour;
    },
    async [Symbol.asyncDispose]() {
      for (const marks of opened.values()) await (await marks)?.[Symbol.asyncDispose]();
    },
  };
};

/** Undefined where there are none, or none that this user may read: an audit goes without them. */
const openMarks = async (path: string): Promise<Marks | undefined> => {
  if (!existsSync(path)) return undefined;
  const module = moduleBeside(import.meta.url, '../marks/marks-database');
  return openDatabaseThread({ module, path, readOnly: true }).catch(() => undefined);
};

const readSegment = async (
  marks: Marks,
  { host, stream, hour }: SegmentKey,
): Promise<ShippedSegment | undefined> => {
  if ((await marks.read('host')) !== host) return undefined;
  const segment = await marks.read('segment', stream, hour);
  if (segment === undefined) return undefined;
  const paths = new Map(segment.sources.map(({ id, path }) => [id, path]));
  const pieces: (Piece & { readonly source: number })[] = [];
  let at = 0;
  for (const { source, start, end } of await marks.read('runs', segment.id)) {
    const path = paths.get(source);
    if (path === undefined) return undefined;
    pieces.push({ source, path, start, end, at });
    at += end - start;
  }
  // Behind a loss there are no runs.
  if (at !== segment.bytes) return undefined;
  const isFirst = (await marks.read('firstLabel', stream)) === hour;
  // All of a source up to its position is cut, from where the agent began.
  const files = segment.sources.map(({ id, path, position }) => {
    const shipped = lengthOf(pieces.filter(({ source }) => source === id));
    return { path, began: position - shipped, ended: position };
  });
  return isFirst || files.every(({ began }) => began === 0) ? { files, pieces } : undefined;
};
