/** Why a pattern matches no file: said once at the start, and by `logd validate`, so that a typo is not silent. */
import { opendir, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { nearest } from '../config/nearest.ts';
import { bytesOfPath, textOfPath } from '../disk/path-bytes.ts';
import { errnoOf, messageOf } from '../error.ts';
import type { Pattern } from './pattern.ts';

const MOST_LOOKED_AT = 2_000;

const existing = async (path: string): Promise<string> => {
  for (let at = path; ; at = dirname(at))
    if (at === '/' || (await stat(bytesOfPath(at)).catch(() => undefined)) !== undefined) return at;
};

/** The file in a directory whose name is most like the pattern's. */
const likeliest = async (directory: string, { text }: Pattern): Promise<string | undefined> => {
  const names: string[] = [];
  const encoding = 'buffer' as BufferEncoding;
  for await (const entry of await opendir(bytesOfPath(directory), { encoding })) {
    names.push(textOfPath(entry.name as unknown as Buffer));
    if (names.length >= MOST_LOOKED_AT) break;
  }
  // Times are digits on one side and fields on the other: neither says whether the names are alike.
  const plain = (name: string): string => name.replaceAll(/<[^>]*>|\d+/g, '');
  const byPlain = new Map(names.map((name) => [plain(name), name]));
  const found = nearest(plain(basename(text)), byPlain.keys());
  return found === undefined ? names.sort().at(-1) : byPlain.get(found);
};

/** One sentence: what is there instead. To be asked where nothing matches. */
export const explainNoMatch = async (pattern: Pattern): Promise<string> => {
  const { root } = pattern;
  const there = await existing(root);
  if (there !== root) return `${root} does not exist; ${there} does.`;
  try {
    const name = await likeliest(root, pattern);
    return name === undefined ? `${root} is empty.` : `${root} has ${name}.`;
  } catch (error) {
    return errnoOf(error) === 'ENOTDIR'
      ? `${root} is no directory.`
      : `${root} cannot be read: ${messageOf(error)}.`;
  }
};
