/** A trivial output of unit pack: each pack becomes a file of its own, so that the same pack twice is one file. */
import { mkdir, open, readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Output, OutputDeps } from '../../src/outputs/output.ts';
import { type SegmentKey, segmentName } from '../../src/pack/pack.ts';

export interface FileAppender extends Output {
  /** Called before each delivery; throw to make it fail. */
  before: (name: string, id: number) => void | Promise<void>;
}

const directoryOf = (dir: string, key: SegmentKey): string =>
  join(dir, segmentName(key).replaceAll('/', '_'));

export const fileAppender = async (dir: string, _deps?: OutputDeps): Promise<FileAppender> => {
  await mkdir(dir, { recursive: true });
  const output: FileAppender = {
    before: () => undefined,
    async deliver(item) {
      if (item.unit !== 'pack') throw new Error('This output takes packs.');
      await output.before(segmentName(item.key), item.header.id);
      const own = directoryOf(dir, item.key);
      await mkdir(own, { recursive: true });
      const path = join(own, String(item.header.id).padStart(8, '0'));
      {
        await using file = await open(`${path}.new`, 'w');
        await file.writeFile(item.bytes);
        await file.sync();
      }
      await rename(`${path}.new`, path);
      return { delivered: item.lines, dropped: 0, rejected: 0 };
    },
    status: () => ({ state: 'running' }),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  return output;
};

/** What was delivered of a segment, in order of the packs. */
export const readAppended = async (dir: string, key: SegmentKey): Promise<Buffer> => {
  const own = directoryOf(dir, key);
  const names = (await readdir(own)).filter((name) => !name.endsWith('.new')).toSorted();
  return Buffer.concat(await Promise.all(names.map((name) => readFile(join(own, name)))));
};
