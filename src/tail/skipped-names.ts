/**
 * Names that a pattern fits and that are not followed all the same: each is reported once, for as long as it is there.
 *
 * Memory is bounded: behind so many names it is only reported that there are more.
 */

/** What was told, and whom to tell. */
export interface SkippedNames {
  /** Tells the path, unless it was told with this reason before. */
  tell(path: string, reason: string): void;
  /** The path is followed now, or gone: should it be passed over again, it is reported again. */
  forget(path: string): void;
  /** Every name has been looked at since the last call: what was not told since then is forgotten. */
  forgetUnseen(): void;
}

/** `most` paths are remembered; of what is more, `onMore` is called once. */
export const skippedNames = (
  onTell: (path: string, reason: string) => void,
  onMore: (most: number) => void,
  most = 1000,
): SkippedNames => {
  const told = new Map<string, string>();
  const seen = new Set<string>();
  let toldMore = false;
  return {
    tell(path, reason) {
      const before = told.get(path);
      if (before === undefined && told.size >= most) {
        if (!toldMore) onMore(most);
        toldMore = true;
        return;
      }
      told.set(path, reason);
      seen.add(path);
      if (before !== reason) onTell(path, reason);
    },
    forget(path) {
      told.delete(path);
      seen.delete(path);
    },
    forgetUnseen() {
      for (const path of told.keys()) if (!seen.has(path)) told.delete(path);
      seen.clear();
      if (told.size < most) toldMore = false;
    },
  };
};
