/** The files that agents follow, and what must come of them: the bytes of every hour, whatever happens to the files. */
import { appendFile, mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type SegmentKey, segmentName } from '../../src/pack/pack.ts';

export interface Expected {
  readonly name: string;
  readonly key: SegmentKey;
  readonly bytes: Buffer;
}

export interface Sources {
  path(host: string, stream: string, hour: string): string;
  /** The whole file of an hour, which appears at once. */
  write(host: string, stream: string, hour: string, bytes: Buffer): Promise<void>;
  append(host: string, stream: string, hour: string, bytes: Buffer): Promise<void>;
  /** An hour that has no file and must be sealed empty all the same. */
  expectEmpty(host: string, stream: string, hour: string): void;
  expected(): Expected[];
  name(key: SegmentKey): string;
}

export const openSources = (dir: string): Sources => {
  const hours = new Map<string, { readonly key: SegmentKey; readonly parts: Buffer[] }>();
  const path = (host: string, stream: string, hour: string): string => join(dir, host, `${stream}.${hour}`);
  const note = (key: SegmentKey, bytes: Buffer): void => {
    const known = hours.get(segmentName(key)) ?? { key, parts: [] };
    known.parts.push(bytes);
    hours.set(segmentName(key), known);
  };
  return {
    path,
    async write(host, stream, hour, bytes) {
      note({ host, stream, hour }, bytes);
      const file = path(host, stream, hour);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(`${file}.new~`, bytes);
      await rename(`${file}.new~`, file);
    },
    async append(host, stream, hour, bytes) {
      note({ host, stream, hour }, bytes);
      await appendFile(path(host, stream, hour), bytes);
    },
    expectEmpty: (host, stream, hour) => note({ host, stream, hour }, Buffer.alloc(0)),
    expected: () => [...hours].map(([name, { key, parts }]) => ({ name, key, bytes: Buffer.concat(parts) })),
    name: segmentName,
  };
};
