/**
 * Files that were moved or copied to another directory or device: other path, other inode, and the bytes of an hour that is known.
 *
 * A source is only looked for elsewhere when the last scan did not find it where it was. Its bytes are proven by the digest of all
 * that was cut of the hour; what the file holds beyond them is new.
 */
import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { bytesOfPath } from '../disk/path-bytes.ts';
import type { SourceFile } from '../tail/discover.ts';
import { fingerprintBytes, isSourceError } from '../tail/source.ts';
import type { Marks } from '../marks/marks.ts';
import { rehashSegment } from './rehash.ts';
import type { TrackedSegment, SourceState } from './segment.ts';
import type { SourceFiles } from './source-files.ts';

const isThere = (path: string): boolean => existsSync(bytesOfPath(path));

export interface MovedFiles {
  /** What the scan has found. */
  note(found: readonly SourceFile[]): void;
  /** The source that the file is, under another path; undefined where that cannot be proven. */
  from(segment: TrackedSegment, file: SourceFile): Promise<SourceState | undefined>;
  /** True when the file has the name of one whose bytes were shipped, and which is not there any more. */
  mayBe(segment: TrackedSegment, file: SourceFile): boolean;
}

export interface MovedFilesOptions {
  readonly marks: Marks;
  readonly files: SourceFiles;
  readonly signal: AbortSignal;
}

export const movedFiles = ({ marks, files, signal }: MovedFilesOptions): MovedFiles => {
  let present = new Set<string>();

  const isAway = ({ path, position }: SourceState): boolean => position > 0 && !present.has(path);

  /** Where the other sources of the hour are now: moved together with the one that was found. */
  const placesOf = (segment: TrackedSegment, source: SourceState, path: string): Map<number, string> => {
    const places = new Map([[source.id, path]]);
    for (const other of segment.sources) {
      const beside = join(dirname(path), basename(other.path));
      if (other !== source && isAway(other) && !isThere(other.path) && isThere(beside))
        places.set(other.id, beside);
    }
    return places;
  };

  const isProven = async (segment: TrackedSegment, source: SourceState, path: string): Promise<boolean> => {
    const instead = placesOf(segment, source, path);
    try {
      return (await rehashSegment(segment, { marks, files, signal, instead })).digest !== undefined;
    } catch (error) {
      if (!isSourceError(error)) throw error;
      return false;
    }
  };

  return {
    note(found) {
      present = new Set(found.map(({ path }) => path));
    },
    async from(segment, file) {
      for (const source of segment.sources) {
        if (!isAway(source) || file.size < source.position || fingerprintBytes(source.fingerprint) === 0)
          continue;
        if ((await files.beginsLike(file.path, source)) && (await isProven(segment, source, file.path)))
          return source;
      }
      return undefined;
    },
    mayBe: (segment, file) =>
      segment.ended &&
      segment.sources.some((source) => isAway(source) && basename(source.path) === basename(file.path)),
  };
};
