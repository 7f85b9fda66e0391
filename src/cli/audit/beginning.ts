/**
 * Which segment begins in the middle of its source file: the first hour of a stream that was told to start at the end of the newest file.
 *
 * The agent's marks know the byte. Where they are out of reach, the first hour that the ledger has of a stream with
 * `start: end` may be such a one, and only its bytes can tell.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Marks } from '../../cut/marks.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import type { SegmentKey } from '../../pack/pack.ts';
import { moduleBeside, openDatabaseThread } from '../../sqlite/database-thread.ts';
import type { SourceFiles } from './sources.ts';

/** `perhaps`: nothing that is known speaks against it. */
export type Answer = 'yes' | 'perhaps' | 'no';

export interface Beginnings extends AsyncDisposable {
  /** Whether the agent began the segment at this byte, above 0, of its only source file. */
  isAt(key: SegmentKey, source: SourceFiles, byte: number): Promise<Answer>;
}

/** Looks into the agents' marks on demand. */
export const openBeginnings = (ledger: Pick<Ledger, 'segments'>): Beginnings => {
  const opened = new Map<string, Promise<Marks | undefined>>();
  const marksIn = (stateDir: string): Promise<Marks | undefined> => {
    const marks = opened.get(stateDir) ?? readMarks(join(stateDir, 'marks.db'));
    opened.set(stateDir, marks);
    return marks;
  };
  return {
    async isAt(key, source, byte) {
      const answer = await askMarks(await marksIn(source.stateDir), key, byte);
      if (answer !== undefined) return answer;
      if (source.start !== 'end') return 'no';
      const [first] = await ledger.segments({ host: key.host, stream: key.stream }, { limit: 1 });
      return first?.hour === key.hour ? 'perhaps' : 'no';
    },
    async [Symbol.asyncDispose]() {
      for (const marks of opened.values()) await (await marks)?.[Symbol.asyncDispose]();
    },
  };
};

/** Undefined where there are none, or none that this user may read: an audit goes without them. */
const readMarks = async (path: string): Promise<Marks | undefined> => {
  if (!existsSync(path)) return undefined;
  const module = moduleBeside(import.meta.url, '../../cut/marks-database');
  return openDatabaseThread({ module, path, readOnly: true }).catch(() => undefined);
};

/** Undefined when they do not know the segment. */
const askMarks = async (
  marks: Marks | undefined,
  { host, stream, hour }: SegmentKey,
  byte: number,
): Promise<Answer | undefined> => {
  try {
    if ((await marks?.read('host')) !== host) return undefined;
    const segment = (await marks?.read('segments', stream))?.find((each) => each.hour === hour);
    if (segment === undefined) return undefined;
    const isFirst = (await marks?.read('firstLabel', stream)) === hour;
    const [source, ...others] = segment.sources;
    // All of a source up to its position is cut, from where the agent began: nothing between is left out without a gap.
    const began = source === undefined || others.length > 0 ? 0 : source.position - segment.bytes;
    return isFirst && began === byte ? 'yes' : 'no';
  } catch {
    return undefined;
  }
};
