/**
 * The contract of hour rules: which hour do the bytes of a file belong to?
 *
 *   by name (hour-by-name.ts)   the hour in the file's name, and the two of a repeated hour
 *   room for: by arrival (a file without an hour in its name, split when the clock begins the next), by the line's own time
 *
 * A rule is asked only about bytes that no record places yet. What it decides is recorded with the sources of the hours before anything
 * is cut: a source ends at its `stop`, and the file goes on as a source of the later hour. So a restart decides the same.
 */
import type { SourceFile } from '../tail/discover.ts';
import type { Source } from '../tail/source.ts';

/** All of the file, so far, to `hour`; or what is in front of a place to `hour`, and what is behind it to `later`. */
export type Placement =
  | { readonly hour: string }
  | {
      readonly hour: string;
      readonly later: string;
      /** Where the later hour begins; at the beginning of a line, and not before `from`. */
      readonly stopOf: (open: Source, from: number) => Promise<number>;
    };

export interface HourRule {
  /** The hour of the first bytes of a file. */
  firstHour(file: SourceFile): string;
  /** The later hour that a file may go over to; undefined where all of it belongs to one hour. */
  laterHour(file: SourceFile): string | undefined;
  /** Where the bytes belong of a file that has not gone over to its later hour. `isCut`: some are cut already, as its first hour. */
  place(file: SourceFile, isCut: boolean): Placement;
}
