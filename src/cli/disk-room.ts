/** Whether the disks of a sink have room: a ledger on a full one cannot say why its hours wait. */
import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Less is full: not every pack fits any more. */
const LEAST_BYTES = 1 << 20;

/** One sentence for each of the directories whose file system is full; those that cannot be looked at say nothing. */
export const fullDisks = async (directories: readonly string[]): Promise<string[]> => {
  const sentences = directories.map(async (directory) => {
    const { blocks, bavail, bsize } = await statfs(directory);
    return blocks > 0 && bavail * bsize < LEAST_BYTES
      ? `Disk full: ${directory}. Hours wait at their agents, and nothing is lost. Free space; no restart needed.`
      : '';
  });
  const found = await Promise.all(sentences.map((one) => one.catch(() => '')));
  return found.filter((sentence) => sentence !== '');
};

/** Of a sink: its store, and its ledger. */
export const directoriesOf = (sink: { readonly store: object; readonly ledger: object }): string[] => {
  const { dir } = sink.store as { readonly dir?: unknown };
  const { path } = sink.ledger as { readonly path?: unknown };
  return [...(typeof dir === 'string' ? [dir] : []), ...(typeof path === 'string' ? [dirname(path)] : [])];
};
