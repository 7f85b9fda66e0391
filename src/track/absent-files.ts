/**
 * Files that a scan does not find: deleted, or moved out of the pattern. What is unread in them is read through their link; what
 * cannot be read any more is lost.
 */
import type { LogdError } from '../error.ts';
import type { SourceFile } from '../tail/discover.ts';
import { inodeOf, isSourceError } from '../tail/source.ts';
import type { Clock } from '../telemetry/clock.ts';
import type { Marks } from '../marks/marks.ts';
import { observe, type TrackedSegment, type SourceState, unread } from './segment.ts';
import type { Segments } from './segments.ts';
import type { SourceFiles } from './source-files.ts';

export interface AbsentFilesOptions {
  readonly segments: Pick<Segments, 'open'>;
  readonly marks: Marks;
  readonly files: SourceFiles;
  readonly clock: Clock;
  readonly lose: (
    segment: TrackedSegment,
    path: string,
    reason: 'source-vanished',
    bytes: number,
  ) => Promise<void>;
  readonly onUnreadable: (path: string, error: LogdError) => void;
}

/** Returns what is to be done after each scan, with what it has found. */
export const absentFiles = ({
  segments,
  marks,
  files,
  clock,
  lose,
  onUnreadable,
}: AbsentFilesOptions): ((found: readonly SourceFile[]) => Promise<void>) => {
  const takeAbsent = async (segment: TrackedSegment, source: SourceState): Promise<void> => {
    try {
      const seen = await files.read(source, (file) => file.size());
      observe(segment, source, seen, clock.monotonic());
    } catch (error) {
      if (!isSourceError(error)) throw error;
      if (error.retryable || !(await files.isGone(source))) return onUnreadable(source.path, error);
      // Nothing is known to be missing of a file that was over with its hour: late lines are another's.
      if (!source.settled || unread(source) > 0)
        await lose(segment, source.path, 'source-vanished', unread(source));
      source.stop = source.position;
      await marks.write('changeSource', source);
    }
  };

  /** Files that were seen, could not be opened, and are gone now. */
  const takeUnopened = async (
    segment: TrackedSegment,
    inodes: ReadonlyMap<string, string>,
  ): Promise<void> => {
    for (const [path, file] of segment.unopened) {
      const there = inodes.has(inodeOf(file));
      if (there && inodes.get(inodeOf(file)) === path) continue;
      segment.unopened.delete(path);
      if (!there && file.size > 0) await lose(segment, path, 'source-vanished', file.size);
    }
  };

  return async (found) => {
    const opened = segments.open();
    const oldest = opened[0]?.hour.slice(0, 10) ?? '';
    const inodes = new Map<string, string>();
    for (const file of found) if (file.label >= oldest) inodes.set(inodeOf(file), file.path);
    for (const segment of opened) {
      if (segment.unopened.size > 0) await takeUnopened(segment, inodes);
      for (const source of segment.sources)
        if (!inodes.has(inodeOf(source)) && (source.stop ?? Infinity) > source.position)
          await takeAbsent(segment, source);
    }
  };
};
