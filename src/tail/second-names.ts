/** A file with two names that fit the pattern, by a symbolic or hard link, is one source: under the first of them. */
import type { FileId } from './source.ts';

/** The files without those that are there under an earlier name already, as far as `sameIn` says that both belong together. */
export const withoutSecondNames = <File extends FileId>(
  files: readonly File[],
  sameIn: (file: File) => string = () => '',
): File[] => {
  const seen = new Set<string>();
  return files.filter((file) => {
    const name = `${file.dev}-${file.ino} ${sameIn(file)}`;
    const isNew = !seen.has(name);
    seen.add(name);
    return isNew;
  });
};
